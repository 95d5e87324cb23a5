"""What a timeline of a start takes the time of is there to be timed."""

from __future__ import annotations

import operator
from importlib import import_module

import pytest

from bench.start.timeline import STAGES


@pytest.mark.parametrize(
    ("module", "path"), [(module, path) for module, paths in STAGES.items() for path in paths]
)
def test_each_stage_of_a_timeline_is_a_function_of_its_module(module: str, path: str) -> None:
    assert callable(operator.attrgetter(path)(import_module(module)))
