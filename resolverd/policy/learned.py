"""What was learned of a replica: the most that it can finish, and of which process that is true."""

from __future__ import annotations

from typing import NamedTuple


class LearnedRate(NamedTuple):
    """The requests a second that a replica finished while some waited, as of `at` (monotonic).

    `concurrency` is how many were in work meanwhile. It is true of one process: the one that
    `started` then (Unix seconds, None if it does not tell), and had `completed` so many requests.
    """

    max_rate: float
    concurrency: float
    at: float
    started: float | None
    completed: float
