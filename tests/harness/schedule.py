"""Which worker of pytest-xdist runs which tests: a file is one worker's, and slow files come first.

So what a module starts once (a daemon, a database) is started once, and nobody waits at the end
for a file that takes minutes. The files that need a booted systemd are one worker's together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling

BOXED = "tests/systemd/"
# What takes longest, longest first; below each the rest of a folder is as it comes.
SLOW = (
    "tests/publishing/test_published_sets.py",
    "tests/fleet/",
    "tests/anycast/",
    "tests/rollout/test_rollout.py",
    BOXED,
    "tests/kept/",
    "tests/demo/",
    "tests/daemon/",
    "tests/clients/",
    "tests/health/test_flood.py",
    "tests/log/",
    "tests/cli/",
    "tests/geo/",
    "tests/health/",
    "tests/snapshot/",
    "tests/zone/",
    "tests/bench/",
)


def slow_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The same tests; those of one file stay together, and in their order."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    return next((n for n, prefix in enumerate(SLOW) if nodeid.startswith(prefix)), len(SLOW))


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(cores: int) -> int:
    """How many workers keep so many cores busy."""
    return min(2 * cores, cores + 4)


class ByFile(LoadScopeScheduling):
    """Hands out whole files, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return BOXED if path.startswith(BOXED) else path
