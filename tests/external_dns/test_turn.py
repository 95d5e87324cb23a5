"""The lock beside a fragment: whose it may be, and what is said where it cannot be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolverd.external_dns.turn import turn


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("before", [None, 0o600])
def test_accounts_of_one_group_have_their_turns(tmp_path: Path, before: int | None) -> None:
    lock = tmp_path / ".records.lock"
    if before is not None:
        lock.touch(before)
    with turn([tmp_path / "records"]):
        assert lock.stat().st_mode & 0o777 == 0o660


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken" / ".records.lock").mkdir(parents=True)
    for folder, named in (("missing", "records"), ("taken", ".records.lock")):
        place = tmp_path / folder
        with pytest.raises(OSError, match="directory") as found, turn([place / "records"]):
            raise AssertionError("nobody's turn")
        assert found.value.filename == str(place / named)
