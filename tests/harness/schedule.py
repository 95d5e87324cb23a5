"""Which worker of pytest-xdist runs which tests: a file is one worker's, and slow files come first.

So what a module starts once (a daemon, a database) is started once, and nobody waits at the end
for a file that takes minutes. The files that need a booted systemd are one worker's together.

Some files wait for minutes, for timers of daemons and of routers, and compute hardly at all. Were
all workers in one of these, the cores would idle, and were none, they would idle at the end. So
there are more workers than the cores need, and half of them are in such files while there are any.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

BOXED = "tests/systemd/"
# What waits most, longest first; below each the rest of a folder is as it comes.
WAITING = (
    BOXED,
    "tests/publishing/test_edges_that_were_away.py",
    "tests/fleet/test_verdicts.py",
    "tests/publishing/test_published_sets.py",
    "tests/anycast/test_anycast_exabgp.py",
    "tests/anycast/test_anycast_bird.py",
    "tests/fleet/test_fleet_link.py",
    "tests/fleet/test_fleet_events.py",
    "tests/fleet/test_shared_canaries.py",
    "tests/fleet/test_fleet_impaired.py",
    "tests/fleet/test_fleet_words.py",
    "tests/fleet/test_fleet_leaf.py",
    "tests/fleet/test_fleet_daemon.py",
    "tests/fleet/test_lab.py",
    "tests/anycast/",
    "tests/rollout/test_rollout.py",
    "tests/clients/test_fleet_alerts_fire.py",
    "tests/clients/test_anycast_alerts_fire.py",
    "tests/clients/test_alerts_fire_rarely.py",
    "tests/clients/test_alerts_fire.py",
    "tests/kept/test_kept_over_restarts.py",
    "tests/kept/test_signals_at_start.py",
    "tests/kept/test_kills.py",
    "tests/kept/test_standing_over_restarts.py",
    "tests/demo/test_demo_faults.py",
    "tests/demo/test_demo_scenario.py",
    "tests/log/test_log_faults.py",
    "tests/daemon/",
)
# What computes longest, longest first.
COMPUTING = (
    "tests/clients/",
    "tests/health/test_flood.py",
    "tests/cli/",
    "tests/zone/",
    "tests/snapshot/",
    "tests/geo/",
    "tests/health/",
    "tests/bench/",
)


def slow_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The same tests; those of one file stay together, and in their order."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    slow = (*WAITING, *COMPUTING)
    return next((n for n, prefix in enumerate(slow) if nodeid.startswith(prefix)), len(slow))


def waits(file: str) -> bool:
    """Whether a file waits more than it computes."""
    return file.startswith(WAITING)


def next_file(files: Iterable[str], waiting: int, most: int) -> str:
    """Of the files that are left, in order, the next for a worker while `waiting` others wait.

    `most` are to wait at once.
    """
    left = list(files)
    wanted = waiting < most
    return next((file for file in left if waits(file) is wanted), left[0])


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(cores: int) -> int:
    """How many workers keep so many cores busy, while half of them wait."""
    return min(3 * cores, cores + 4)


class ByFile(LoadScopeScheduling):
    """Hands out whole files, in the order in which they were collected, but for `next_file`."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return BOXED if path.startswith(BOXED) else path

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = (work for other, work in self.assigned_work.items() if other is not node)
        waiting = sum(any(map(_is_in_one_that_waits, work.items())) for work in others)
        file = next_file(self.workqueue, waiting, len(self.assigned_work) // 2)
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


def _is_in_one_that_waits(unit: tuple[str, dict[str, bool]]) -> bool:
    file, over = unit
    return waits(file) and not all(over.values())
