"""`server.state` is found while the configuration that says so has mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolverd.kept.locate import state_path

GOOD = '[server]\ncoordinates = [50.1, 8.7]\nstate = "state"\n'
SYSTEMD = {"STATE_DIRECTORY": "/var/lib/resolverd:/var/lib/other"}

CASES = {
    "said": (GOOD, "state"),
    "absolute": ('[server]\nstate = "/srv/state"\n', "/srv/state"),
    "empty": ('[server]\nstate = ""\n', None),
    "not said": ("[server]\ncoordinates = [50.1, 8.7]\n", None),
    "cut off": ("[server]\n", "/var/lib/resolverd"),
    "no table": ("server = 1\n", "/var/lib/resolverd"),
    "a mistake below": (GOOD + "[region.a\n", "state"),
    "a mistake in an array": (GOOD + "zones = [\n  'a',\n  'b' 'c',\n]\n", "state"),
    "a string without end": (GOOD + 'nsid = """\nx\ny\n', "state"),
    "a mistake above": ("[server\n" + GOOD, "/var/lib/resolverd"),
    "nothing in it": ("", "/var/lib/resolverd"),
    "not text": ("\x00\x01", "/var/lib/resolverd"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_the_directory_is_found_as_far_as_the_file_can_be_read(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(text)
    found = state_path(path, (), SYSTEMD)
    assert found == (None if expected is None else tmp_path / expected)


def test_the_command_line_comes_first_and_the_service_manager_last(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    assert state_path(path, (), SYSTEMD) == Path("/var/lib/resolverd")
    assert state_path(path, (), {}) is None
    path.write_text(GOOD)
    assert state_path(path, [("server.state", "a"), ("server.state", "b")], {}) == tmp_path / "b"
    assert state_path(path, [("server.state", "")], SYSTEMD) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_any_octets_after_what_says_it_leave_it_said(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_bytes(GOOD.encode() + b"[other]\n" + octets)
    assert state_path(path, (), SYSTEMD) in (tmp_path / "state", Path("/var/lib/resolverd"))
