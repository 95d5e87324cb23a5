"""A file of [fleet] that is closed to the account that the daemon runs as."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from harness.linked_edges import settings

from resolverd.files.threads import Step
from resolverd.fleet.access import access_to
from resolverd.fleet.errors import FleetUnavailable


@pytest.mark.parametrize("option", ["credentials", "ca_file", "client_certificate", "client_key"])
async def test_a_file_that_is_closed_to_this_user_is_said_with_who_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    def closed(name: str, limit: int, step: Step) -> bytes:
        if name.endswith("s3cret"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return b""

    monkeypatch.setattr("resolverd.fleet.access.read_regular", lambda *asked: (0, closed(*asked)))
    options = {"client_certificate": "open.pem"} if option == "client_key" else {}
    found = settings(["tls://127.0.0.1:4222"], **{**options, option: "s3cret"})
    with pytest.raises(FleetUnavailable, match=f"fleet.{option}: .*permission denied") as said:
        await access_to("tls://127.0.0.1:4222", found, tmp_path)
    assert "SupplementaryGroups= gives the units, as docs/fleet.md has it" in str(said.value)
    assert "s3cret" not in str(said.value)
