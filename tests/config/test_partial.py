"""What a file with a mistake says of zones all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config import load, partial
from resolverd.config.partial import zone_settings
from resolverd.errors import ProblemsError
from resolverd.snapshot.inputs import load_inputs

TEXT = '[server]\ncoordinates = [1, 2]\nzones = ["z/*.zone"]\n[service.s]\nttl = 60s\n'


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_stands_above_a_mistake_counts_behind_a_byte_order_mark_too(
    tmp_path: Path, mark: str
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(mark + TEXT)
    settings = zone_settings(path)
    assert settings is not None
    assert settings.patterns == ("z/*.zone",)
    assert settings.services is None, "they are not known"


@pytest.mark.parametrize("service", ["3", "[3]", '"x"', "{}"])
def test_what_is_no_table_of_services_has_none(tmp_path: Path, service: str) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(f"service = {service}\n[server]\n")
    settings = zone_settings(path)
    assert settings is not None
    assert settings.services == {}


async def test_a_defect_that_both_readings_meet_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    path = tmp_path / "resolverd.toml"
    path.write_text(TEXT)
    for module in (load, partial):
        monkeypatch.setattr(module, "add_published", broken)
    with pytest.raises(ProblemsError) as refused:
        await load_inputs(path)
    assert [problem.id for problem in refused.value.problems] == ["config-defect"]


def test_of_a_file_that_is_not_there_nothing_is_known(tmp_path: Path) -> None:
    assert zone_settings(tmp_path / "resolverd.toml") is None
