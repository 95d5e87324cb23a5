"""What the admin API needs of a daemon, and the report on reloads that both keep."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from resolverd.admin.generations import Generations
from resolverd.engine.interface import Engine
from resolverd.errors import Problem, ProblemsError, ResolverdError, errors_among
from resolverd.health.addresses import Entry
from resolverd.health.monitor import Monitor
from resolverd.health.overrides import Orders, Overrides
from resolverd.kept.directory import StateDirectory
from resolverd.kept.round_trips import RoundTrips
from resolverd.load import LoadController
from resolverd.policy.operator_rules import OperatorRule
from resolverd.snapshot.difference import Difference
from resolverd.snapshot.inputs import Inputs, Outdated
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.transitions import TransitionLog
from resolverd.snapshot.ttl_ledger import TtlLedger
from resolverd.snapshot.unserved import Outages
from resolverd.tasks import Tasks

if TYPE_CHECKING:
    from resolverd.fleet.joined import Joined


class EndingError(ResolverdError):
    """The daemon ends before it has done what it was asked for."""

    hint = "ask again in a moment"

    def __init__(self) -> None:
        super().__init__("the daemon is ending")


@dataclass(slots=True)
class ReloadReport:
    """How the last attempt to adopt an edit went; counts since start, `at` in Unix seconds.

    `problems` are what was refused or is held, or else the warnings of what is served; `outdated`
    the parts that are served in an older state; `changes` what the last reload changed, None after
    none or one that met a defect.
    `kept` is why files are served that were kept, empty where those on disk are. `restart` is when
    the files were adopted that a restart would serve if those on disk were refused, empty where
    there are none. `behind_since` is the reading of the monotonic clock at which what is served
    first was older than its files; None while it is not. `needs_restart` are options that were
    adopted and take effect at the next start, as dotted keys.
    """

    adopted: int = 0
    refused: int = 0
    held: int = 0
    last: str = "started"
    at: float = field(default_factory=time.time)
    problems: tuple[Problem, ...] = ()
    kept: str = ""
    restart: str = ""
    outdated: tuple[Outdated, ...] = ()
    changes: Difference | None = None
    behind_since: float | None = None
    needs_restart: tuple[str, ...] = ()

    def serve_kept(self, error: ResolverdError, reason: str, at: str) -> None:
        """Note that the daemon started from kept files, adopted `at`, and why."""
        self.refuse(error)
        self.kept, self.restart = reason, at

    def note(self, inputs: Inputs, changes: Difference) -> None:
        """Note that `inputs` are served, and what that changed; parts of them may be outdated."""
        self.outdated, self.changes, self.at = inputs.outdated, changes, time.time()
        refused = [p for part in inputs.outdated if not part.held for p in part.problems]
        if not refused:  # else a part that was kept may be what is served of it
            self.kept = ""
        held = [p for part in inputs.outdated if part.held for p in part.problems]
        # Zones without a file have the same finding each.
        self.problems = tuple(dict.fromkeys([*refused, *held])) or inputs.warnings
        reason = "\n".join(map(str, self.problems))
        if refused:
            self.refused += 1
            self.last = f"refused: {reason}"
        elif held:
            self.held += 1
            self.last = f"held: {reason}"
        else:
            self.adopted += 1
            self.last = "adopted"
        self._keep_time()

    def refuse(self, error: ResolverdError) -> None:
        """Note that an edit was refused whole; the problems of `error` say why."""
        self.refused += 1
        self.problems = error.problems if isinstance(error, ProblemsError) else ()
        reason = "\n".join(map(str, errors_among(self.problems))) or str(error)
        self.last, self.at, self.changes = f"refused: {reason}", time.time(), None
        self._keep_time()

    @property
    def successful(self) -> bool:
        """Whether what is served is what the files said when they were last read."""
        return self.last in {"started", "adopted"}

    def _keep_time(self) -> None:
        """Since when it is behind: from the first refusal on, until all files are adopted."""
        if self.successful:
            self.behind_since = None
        elif self.behind_since is None:
            self.behind_since = time.monotonic()


class Watched(Protocol):
    """How edits are noticed, as admin/ needs it; the daemon's `watching` is one."""

    @property
    def enabled(self) -> bool: ...
    @property
    def method(self) -> str:
        """``inotify``, ``polling``, or empty where edits are not watched for."""

    @property
    def settle(self) -> float:
        """Seconds for which files must be unchanged before they are read."""

    @property
    def unsettled(self) -> Sequence[str]:
        """Paths of an edit's files that have not been unchanged for so long."""

    @property
    def hanging(self) -> Sequence[str]:
        """Paths of files whose file system does not answer."""


class Served(Protocol):
    """A daemon, as the admin API sees it. `ready` is False until it answers, and at its end.

    All but `ready` and `reloads` may only be asked while it is ready.
    """

    @property
    def ready(self) -> bool: ...
    @property
    def reloads(self) -> ReloadReport: ...
    @property
    def watching(self) -> Watched: ...
    @property
    def inputs(self) -> Inputs: ...
    @property
    def generations(self) -> Generations | None:
        """Published generations; None where the configuration is this host's own."""

    @property
    def outages(self) -> Outages:
        """What does not serve, found when the `snapshot` was published; its `fences` are all."""

    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def world(self) -> World:
        """What answers come from, its regions judged; asking changes nothing."""

    @property
    def overrides(self) -> Overrides: ...
    @property
    def spill_rules(self) -> Orders[OperatorRule]: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def monitor(self) -> Monitor: ...
    @property
    def load(self) -> LoadController: ...
    @property
    def names(self) -> Mapping[str, Entry]: ...
    @property
    def transitions(self) -> TransitionLog: ...
    @property
    def ttl_ledger(self) -> TtlLedger: ...
    @property
    def round_trips(self) -> RoundTrips:
        """What this host has measured, and read of regions, of the ways to them."""

    @property
    def started(self) -> float:
        """When it started, in Unix seconds."""

    @property
    def state(self) -> StateDirectory:
        """Where overrides, spill rules, verdicts and files are kept for the next start."""

    @property
    def tasks(self) -> Tasks:
        """The background tasks of the daemon, with their failures."""

    @property
    def fleet(self) -> Joined | None:
        """This edge in its fleet; None where there is none."""

    @property
    def admin_closed(self) -> Mapping[str, int]:
        """Connections to the admin API that met a limit, by limit."""

    async def republish(self) -> None:
        """Take verdicts and overrides into account; returns once answers come from them."""

    async def reload(self, *, accept_losses: bool = False) -> bool:
        """Adopt the files as they are now; True if all is served; else `reloads` has why.

        What takes much away is adopted with `accept_losses` alone. Raises EndingError.
        """

    async def forecast(self) -> tuple[Inputs, Difference]:
        """What a reload would serve and change now. Raises ResolverdError."""
