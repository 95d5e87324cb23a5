"""Groups of countries by law: what they hold together, and what is said of a name that is none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from resolverd.config.countries import CODES
from resolverd.config.groups import countries_of, groups
from resolverd.config.load import load_config
from resolverd.errors import ConfigError


def test_members_are_assigned_codes_and_each_group_has_its_date_and_law() -> None:
    assert list(groups()) == ["EU", "EEA", "GDPR-adequate"]
    for group in groups().values():
        assert set(group.countries) <= CODES
        assert len(set(group.countries)) == len(group.countries)
        assert isinstance(group.as_of, date)
        assert "Regulation (EU) 2016/679" in group.source or "Treaty" in group.source


def test_the_eea_is_the_eu_and_three_more_and_no_country_is_in_it_by_a_decision() -> None:
    eu, eea, adequate = (set(groups()[name].countries) for name in groups())
    assert eea - eu == {"IS", "LI", "NO"}
    assert eu < eea
    assert not eea & adequate
    assert len(eu - {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}) == 27
    assert countries_of(["EU", "EEA"]) == (*groups()["EU"].countries, "IS", "LI", "NO")


def test_a_name_that_is_no_group_is_refused_with_one_that_is(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(
        "[server]\ncoordinates = [50.1, 8.7]\n[region.a]\ncoordinates = [1, 2]\n"
        'endpoint = [{address = ["192.0.2.10"], url = "http://192.0.2.1"}]\n'
        '[pin.p]\ngroups = ["gdpr-adequat"]\nregions = ["a"]\n'
    )
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    [problem] = [found for found in refused.value.problems if found.id == "config-value"]
    assert (problem.line, problem.hint) == (7, 'write "GDPR-adequate"')
