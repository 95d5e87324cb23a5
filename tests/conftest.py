"""What all tests share: how long properties are tried, and what only runs when it is named.

Properties are tried quickly by default, at length under HYPOTHESIS_PROFILE=fuzz. No profile has
a deadline: a busy machine is not a defect.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A real vLLM, gigabytes of it, and many minutes: `make test-vllm` names its folder. Other real
# servers, which somebody has to build first.
_NAMED_ONLY = tuple(Path(__file__).parent / folder for folder in ("vllm", "servers"))

settings.register_profile("quick", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what nobody named; None lets pytest decide."""
    named = any(collection_path.name in Path(argument).parts for argument in config.args)
    return True if collection_path in _NAMED_ONLY and not named else None
