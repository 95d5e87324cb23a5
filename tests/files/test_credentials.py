"""Files that systemd gives to a unit by LoadCredential=, and those beside the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.files.credentials import file_named

NAMES = ("fleet.creds", "other.creds", "keys/fleet.creds", "/etc/fleet.creds", "x" * 300)


@pytest.fixture(params=["given", "none given", "no directory"])
def given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What systemd has given to this process."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if request.param != "no directory":
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    if request.param == "given":
        (tmp_path / "fleet.creds").write_text("given")
    return str(request.param)


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_name_is_what_was_given_under_it_and_all_else_a_path(
    tmp_path: Path, given: str, name: str
) -> None:
    base = Path("/etc/resolverd")
    found = file_named(name, base)
    if given == "given" and name == "fleet.creds":
        assert found == tmp_path / name
    else:
        assert found == base / name
