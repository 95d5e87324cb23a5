"""Credentials and certificates of probes on what is no file, and on a file system that hangs."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from harness.hanging import hanging_mount

from resolverd.files.reading import SECRETS
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.probes.credential import Credential, CredentialError
from resolverd.health.probes.tls import TlsSettings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to be mounted over, and a short limit."""
    monkeypatch.setattr(SECRETS, "limit", 0.2)
    place = tmp_path / "secrets"
    place.mkdir()
    return place


def _until_nothing_hangs() -> None:
    while SECRETS.hanging:
        time.sleep(0.01)


async def test_a_credential_that_hangs_is_the_one_read_last(place: Path) -> None:
    (place / "token").write_text("first\n")
    credential = Credential(str(place / "token"))
    assert await credential.header() == {"Authorization": "Bearer first"}
    with hanging_mount(place):
        assert await credential.header() == {"Authorization": "Bearer first"}
        with pytest.raises(CredentialError, match=r"does not answer|not tried"):
            await Credential(str(place / "token")).header()
    (place / "token").write_text("second\n")
    await asyncio.to_thread(_until_nothing_hangs)
    assert await credential.header() == {"Authorization": "Bearer second"}


async def test_certificates_that_hang_are_those_read_last(place: Path) -> None:
    pem = Path(__file__).with_name("self-signed.pem").read_text()
    (place / "ca.pem").write_text(pem)
    settings = TlsSettings(HttpProbe(ca=str(place / "ca.pem")))
    assert await settings.context() is not None
    with hanging_mount(place):
        assert await settings.context() is not True
        with pytest.raises(CredentialError, match=r"does not answer|not tried"):
            await TlsSettings(HttpProbe(ca=str(place / "ca.pem"))).context()
    await asyncio.to_thread(_until_nothing_hangs)


@pytest.mark.parametrize("kind", ["FIFO", "device"])
async def test_what_is_no_file_holds_no_credential(place: Path, kind: str) -> None:
    path = place / "token"
    if kind == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(CredentialError, match=f"it is a {kind.lower()}, not a regular file"):
        await Credential(str(path)).header()
    with pytest.raises(CredentialError, match=f"it is a {kind.lower()}, not a regular file"):
        await TlsSettings(HttpProbe(ca=str(path))).context()


async def test_a_file_far_too_large_holds_no_credential(place: Path) -> None:
    with (place / "token").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CredentialError, match="larger than 64 kib"):
        await Credential(str(place / "token")).header()
