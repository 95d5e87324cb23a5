"""Hostnames of the configuration are none that our own zones steer, whoever's edit it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from edited_zones import outdated, write_zone

from resolverd.errors import DefectError, ProblemsError
from resolverd.snapshot import inputs, steering_edits
from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import Inputs, load_inputs

CONFIG = """\
[server]
coordinates = [50.1, 8.7]
hold_names = 1
[region.us]
coordinates = [39.0, -77.5]
{us}
[[region.us.endpoint]]
address = ["192.0.2.10"]
url = "http://192.0.2.10"
[region.eu]
coordinates = [50.1, 8.7]
{eu}
[[region.eu.endpoint]]
{endpoint}
[region.eu-north]
coordinates = [59.3, 18.1]
[[region.eu-north.endpoint]]
address = ["192.0.2.12"]
url = "http://192.0.2.12"
[service.north]
regions = ["eu-north"]
[service.chat]
regions = ["us", "eu"]
[service.free]
regions = ["us", "eu"]
[service.alias]
answer = "cname"
regions = {alias}
[service.local]
regions = ["eu"]
[pin.gdpr]
countries = ["DE"]
regions = ["eu"]
services = {pinned}
"""
ADDRESS = 'address = ["192.0.2.11"]\nurl = "http://192.0.2.11"'
DYNA = "chat DYNA chat\nfree DYNA free\nalias DYNA alias\nlocal DYNA local\n"
HOSTS = "us A 192.0.2.10\neu A 192.0.2.11\n"


def _configured(
    place: Path,
    endpoint: str = ADDRESS,
    *,
    us: str = "us.example",
    eu: str = "eu.example",
    pinned: str = '["chat", "alias"]',
    alias: str = '["us", "eu"]',
    more: str = "",
) -> Path:
    path = place / "resolverd.toml"
    hosts = {"us": f'hostname = "{us}"', "eu": f'hostname = "{eu}"\n{more}'}
    path.write_text(CONFIG.format(**hosts, endpoint=endpoint, pinned=pinned, alias=alias))
    return path


def _by_name(name: str) -> str:
    return f'hostname = "{name}"\nurl = "http://192.0.2.11"'


async def _found(path: Path) -> list[tuple[str, str]]:
    """The severity and id of each finding about hostnames."""
    try:
        problems = (await load_inputs(path)).warnings
    except ProblemsError as error:
        problems = tuple(error.problems)
    kinds = ("config-hostname", "config-url-steered")
    return [(p.severity, p.id) for p in problems if p.id.startswith(kinds)]


STEERED = [("error", "config-hostname-steered")]
UNANSWERED = [("warning", "config-hostname-unanswered")]


@pytest.mark.parametrize(
    ("host", "records", "found"),
    [
        ("chat.example.", "", STEERED),
        ("CHAT.example", "", STEERED),
        ("alias.example.", "", STEERED),
        ("gpu.example.", "gpu CNAME chat\n", STEERED),
        ("gpu.example.", "gpu CNAME a.lb\n*.lb CNAME chat\n", STEERED),
        ("a.lb.example.", "*.lb DYNA chat\n", STEERED),
        ("x.a.example.", "a DNAME lb\nx.lb DYNA chat\n", STEERED),
        ("gpu.example.", "gpu A 192.0.2.11\n", []),
        ("gpu.example.", "gpu CNAME gpu.other.\n", []),
        ("gpu.example.", "gpu NS ns.other.\n*.gpu DYNA chat\n", []),
        ("b.gpu.example.", "gpu NS ns.other.\n", []),
        # The closest encloser's wildcard answers, and no other (RFC 4592 §3.3.1).
        ("x.a.lb.example.", "*.lb DYNA chat\ny.a.lb A 192.0.2.12\n", UNANSWERED),
        ("gpu.example.", "", UNANSWERED),
        ("gpu.example.", "gpu TXT x\n", UNANSWERED),
        ("gpu.example.", "gpu CNAME g2\ng2 CNAME gpu\n", UNANSWERED),
        ("gpu.elsewhere.", "", []),
        ("chat", "", []),
        ("bücher.example.", "bücher DYNA chat\n", STEERED),
        # Of a region that no service gives in its stead: a part of it.
        ("north.example.", "north DYNA north\n", [("warning", "config-hostname-steered")]),
    ],
)
async def test_an_endpoint_s_hostname_that_a_service_answers_is_refused(
    tmp_path: Path, host: str, records: str, found: list[tuple[str, str]]
) -> None:
    write_zone(tmp_path, DYNA + HOSTS + records)
    assert await _found(_configured(tmp_path, _by_name(host))) == found


async def test_a_zone_of_its_own_answers_a_hostname_below_a_wildcard(tmp_path: Path) -> None:
    path = _configured(tmp_path, _by_name("gpu.in.example."))
    write_zone(tmp_path, DYNA + HOSTS + "*.in DYNA chat\n")
    assert await _found(path) == STEERED
    write_zone(tmp_path, "gpu A 192.0.2.11\n", "in.example.")
    assert await _found(path) == []


@pytest.mark.parametrize(
    ("eu", "records", "pinned", "found"),
    [
        ("alias.example", "", "[]", STEERED),
        ("a.lb.example", "*.lb CNAME alias\n", "[]", STEERED),
        ("gone.example", "", "[]", UNANSWERED),
        ("chat.example", "", "[]", []),
        ("chat.example", "", '["chat", "alias"]', []),
        ("free.example", "", '["alias"]', STEERED),
        ("free.example", "", '["chat"]', []),
        ("local.example", "", '["alias"]', []),
    ],
)
async def test_a_region_s_hostname_that_leads_back_or_past_a_pin_is_refused(
    tmp_path: Path, eu: str, records: str, pinned: str, found: list[tuple[str, str]]
) -> None:
    write_zone(tmp_path, DYNA + HOSTS + records)
    assert await _found(_configured(tmp_path, eu=eu, pinned=pinned)) == found


async def test_a_region_s_hostname_counts_only_where_a_service_answers_with_it(
    tmp_path: Path,
) -> None:
    write_zone(tmp_path, DYNA + HOSTS)
    path = _configured(tmp_path, eu="alias.example", alias='["us"]')
    assert await _found(path) == []


@pytest.mark.parametrize(
    ("endpoint", "more", "found"),
    [
        ('address = ["192.0.2.11"]\nurl = "https://chat.example:8000"', "", True),
        ('hostname = "eu.example"\nurl = "https://chat.example:8000"', "", True),
        ('hostname = "eu.example"\nurl = "https://eu.example:8000"', "", False),
        (ADDRESS, 'rtt = ["http://CHAT.example./rtt"]', True),
        (ADDRESS, 'gpu_metrics = ["http://chat.example/metrics"]', True),
        (ADDRESS, 'gpu_metrics = ["http://192.0.2.11/metrics"]', False),
    ],
)
async def test_a_url_of_a_steered_name_is_warned_of(
    tmp_path: Path, endpoint: str, more: str, found: bool
) -> None:
    write_zone(tmp_path, DYNA + HOSTS)
    path = _configured(tmp_path, endpoint, more=more)
    assert await _found(path) == [("warning", "config-url-steered")] * found


async def _edited(path: Path, served: Inputs) -> tuple[Inputs, list[tuple[str, list[str]]]]:
    edit = await load_edit(path, (), served, Terms())
    return edit, outdated(edit)


REFUSED = ["config-hostname-steered"]


async def test_an_edit_of_the_configuration_that_names_what_is_steered_is_refused(
    tmp_path: Path,
) -> None:
    write_zone(tmp_path, DYNA + HOSTS)
    served = await load_inputs(_configured(tmp_path))
    path = _configured(tmp_path, _by_name("chat.example."))
    write_zone(tmp_path, DYNA + HOSTS + "new A 192.0.2.9\n")
    edit, outdated = await _edited(path, served)
    assert outdated == [("configuration", REFUSED)]
    assert edit.config == served.config
    assert edit.zones != served.zones


@pytest.mark.parametrize(
    ("records", "below", "part"),
    [
        ("gpu DYNA chat\n", "", "zone example"),
        ("* DYNA chat\n", "", "zone example"),
        ("gpu A 192.0.2.11\n", "@ DYNA chat\n", "zone gpu.example"),
    ],
)
async def test_an_edit_of_a_zone_that_steers_what_is_a_hostname_is_refused(
    tmp_path: Path, records: str, below: str, part: str
) -> None:
    write_zone(tmp_path, DYNA + HOSTS + "gpu A 192.0.2.11\n")
    path = _configured(tmp_path, _by_name("gpu.example."))
    served = await load_inputs(path)
    write_zone(tmp_path, DYNA + HOSTS + records)
    if below:
        write_zone(tmp_path, below, "gpu.example.")
    edit, outdated = await _edited(path, served)
    assert outdated == [(part, REFUSED)]
    (problem,) = edit.outdated[0].problems
    file = tmp_path / "zones" / ("gpu.example.zone" if below else "example.zone")
    assert f"(by the edit of {file})" in problem.message
    assert problem.hint.startswith(f"take the edit of {file} back, or write a name of ")
    assert list(edit.zones) == list(served.zones)
    assert not [each for each in edit.warnings if each.severity == "error"]
    # Corrected, it is adopted.
    write_zone(tmp_path, DYNA + HOSTS + "gpu A 192.0.2.12\n")
    (tmp_path / "zones" / "gpu.example.zone").unlink(missing_ok=True)
    assert (await _edited(path, edit))[1] == []


@pytest.mark.parametrize("check", ["check_hosts", "check_nested", "check_use", "check_places"])
async def test_a_defect_of_the_checks_of_all_files_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    write_zone(tmp_path, DYNA + HOSTS)
    monkeypatch.setattr(inputs, check, None)
    with pytest.raises(DefectError, match="met these files: TypeError"):
        await load_inputs(_configured(tmp_path))


async def test_an_edit_that_steers_no_hostname_does_not_look_for_those_that_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_zone(tmp_path, DYNA + HOSTS)
    path = _configured(tmp_path)
    served = await load_inputs(path)
    monkeypatch.setattr(steering_edits, "hostnames", None)
    write_zone(tmp_path, DYNA + HOSTS + "new A 192.0.2.9\n")
    assert (await _edited(path, served))[1] == []


async def test_a_zone_that_goes_stays_where_the_zone_around_would_steer_its_hostname(
    tmp_path: Path,
) -> None:
    write_zone(tmp_path, DYNA + HOSTS + "*.in DYNA chat\n")
    write_zone(tmp_path, "gpu A 192.0.2.11\n", "in.example.")
    path = _configured(tmp_path, _by_name("gpu.in.example."))
    path.write_text(path.read_text().replace("hold_names", "hold_zones = 1\nhold_names"))
    served = await load_inputs(path)
    (tmp_path / "zones" / "in.example.zone").unlink()
    edit, outdated = await _edited(path, served)
    assert outdated == [("zone in.example", REFUSED)]
    assert edit.zones == served.zones
