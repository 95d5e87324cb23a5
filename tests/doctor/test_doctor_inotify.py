"""How much inotify a user has left: over plain values, over a /proc, and over our own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import watchfiles
from doctor.tables import assert_finding

from resolverd.doctor.inotify import Usage, inotify, inotify_usage
from resolverd.doctor.procfs import Procfs


@pytest.mark.parametrize(
    ("usage", "level", "seen", "hint"),
    [
        (Usage(0, 3, 10, 0), "ok", "user 0 has 3 of 128 inotify instances", ""),
        (Usage(0, 128, 10, 0), "advice", "noticed by polling", "max_user_instances=1024"),
        (Usage(0, 128, 10, 1), "ok", "128 of 128", ""),
        (Usage(7, 3, 8190, 0), "advice", "8,190 of 8,192 watches", "max_user_watches=65536"),
        (None, "advice", "unknown", ""),
    ],
)
def test_edits_are_noticed_at_once_while_the_user_has_inotify_left(
    usage: Usage | None, level: str, seen: str, hint: str
) -> None:
    assert_finding(inotify(True, usage, 128, 8192), level, seen, hint)


def test_who_watches_nothing_needs_none() -> None:
    assert_finding(inotify(False, Usage(0, 128, 0, 0), 128, 8192), "ok", "server.watch is false")


def test_instances_and_watches_are_counted_by_user(tmp_path: Path) -> None:
    for pid, user in (("10", "5"), ("11", "5"), ("12", "6")):
        folder = tmp_path / "proc" / pid
        (folder / "fd").mkdir(parents=True)
        (folder / "fdinfo").mkdir()
        (folder / "status").write_text(f"Name:\tx\nUid:\t{user}\t{user}\t{user}\t{user}\n")
        (folder / "fd" / "3").symlink_to("anon_inode:inotify")
        (folder / "fd" / "4").symlink_to("/dev/null")
        (folder / "fdinfo" / "3").write_text("pos:\t0\ninotify wd:2 ino:1\ninotify wd:1 ino:2\n")
    assert inotify_usage(Procfs(tmp_path), "10") == Usage(5, 2, 4, 1)
    assert inotify_usage(Procfs(tmp_path), "99") is None


def test_a_watch_of_our_own_is_counted(tmp_path: Path) -> None:
    changes = watchfiles.watch(
        tmp_path, recursive=False, rust_timeout=10, yield_on_timeout=True, raise_interrupt=False
    )
    process = str(os.getpid())
    before = inotify_usage(Procfs(), process)
    next(changes)
    after = inotify_usage(Procfs(), process)
    changes.close()
    assert before is not None
    assert after is not None
    assert (after.own - before.own, after.instances > before.own) == (1, True)
