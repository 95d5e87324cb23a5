"""A rollout as it is done: each step of `steps`, with the journal written around it.

The first failure stops it: the region on its way stays drained, and the journal says where.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resolverd.config.secrets import HIDDEN
from resolverd.errors import ExitCode, ResolverdError
from resolverd.rollout import verify
from resolverd.rollout.health import Settling
from resolverd.rollout.journal import Failure, Journal, write
from resolverd.rollout.steps import Step
from resolverd.rollout.verify import Endpoint
from resolverd.rollout.withdrawal import Edge, Order, Withdrawal, drained

# Seconds between looks at the health of a region.
LOOK = 0.5


class StepFailedError(ResolverdError):
    """A step of a region failed; the journal has it too."""

    exit_code = ExitCode.PROBLEMS

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.region}: {failure.step}: {failure.why}")


@dataclass(slots=True)
class Run:
    """One rollout over `edges`. `tell(region, step, what)` hears of each step's end.

    `patience` is how many seconds a region has to become healthy. `waits(what)` gives what is
    called with the seconds left of a wait.
    """

    edges: Sequence[Edge]
    journal: Journal
    path: Path
    who: str
    patience: float
    tell: Callable[[str, Step, str], None]
    waits: Callable[[str], AbstractContextManager[Callable[[float], None]]]
    quiet: bool = False
    _withdrawal: Withdrawal | None = field(default=None, init=False)

    def go(self) -> None:
        """Do what is left. Raises StepFailedError at the first failure."""
        journal = self.journal
        steps = {
            Step.DRAIN: self._drain, Step.WAIT: self._wait, Step.COMMAND: self._command,
            Step.HEALTH: self._health, Step.IDENTITY: self._identity,
            Step.OUTPUT: self._output, Step.UNDRAIN: self._undrain,
        }  # fmt: skip
        journal.failure = None
        self._take_over()
        while (region := journal.progress.region) is not None:
            step = journal.step
            write(self.path, journal)
            try:
                what = steps[step](region)
            except ResolverdError as wrong:
                journal.failure = Failure(region=region, step=step, why=str(wrong))
                write(self.path, journal)
                raise StepFailedError(journal.failure) from wrong
            self.tell(region, step, what)
            journal.go_to(journal.progress.advanced())
        write(self.path, journal)

    def _drain(self, region: str) -> str:
        withdrawal = self._withdrawn(region)
        withdrawal.begin()
        self.journal.safe_at = time.time() + withdrawal.wait
        return "drained"

    def _wait(self, region: str) -> str:
        with self.waits(f"TTLs that name {region} run out") as progress:
            self._withdrawn(region).wait_out(progress)
        return "the last TTL has run out"

    def _command(self, region: str) -> str:
        self._wait(region)  # what is left of it after an interruption
        environment = {
            "RESOLVERD_REGION": region,
            "RESOLVERD_SERVICE": self.journal.service,
            "RESOLVERD_VERSION": self.journal.version,
            "RESOLVERD_ENDPOINTS": " ".join(each.url for each in self._endpoints(region)),
        }
        ended = subprocess.run(
            self.journal.command,
            shell=True,
            env={**os.environ, **environment},
            stdout=sys.stderr if self.quiet else None,
            check=False,
        )
        if ended.returncode:
            raise ResolverdError(f"the command ended with status {ended.returncode}")
        return "the command has ended"

    def _health(self, region: str) -> str:
        self._withdrawn(region).check()
        settling = Settling()
        ends = time.monotonic() + self.patience
        while not settling.settled([self._judged(edge, region) for edge in self.edges]):
            if time.monotonic() >= ends:
                raise ResolverdError(f"not healthy within {self.patience:g} s: {settling.reason}")
            time.sleep(LOOK)
        return "healthy"

    def _identity(self, region: str) -> str:
        self._withdrawn(region).check()
        wanted, model = self.journal.version, self._model(region)
        for endpoint in self._endpoints(region):
            version = verify.version_of(endpoint)
            if version != wanted:
                raise ResolverdError(f"{endpoint.name} is version {version}, not {wanted}")
            models = verify.models_of(endpoint)
            if model and model not in models:
                raise ResolverdError(
                    f"{endpoint.name} serves {', '.join(sorted(models))}, not {model}"
                )
        return f"is {wanted}" + (f" and serves {model}" if model else "")

    def _output(self, region: str) -> str:
        self._withdrawn(region).check()
        model = self._model(region)
        others = self.journal.progress.compared_with(accept_output=self.journal.accept_output)
        alike = [other for other in others if self._model(other) == model and self._serves(other)]
        said = {each.name: self._completion(each, model) for each in self._endpoints(region)}
        for other in alike:
            reference = self._endpoints(other)[0]
            expected = self._completion(reference, model)
            for name, text in said.items():
                if text != expected:
                    raise ResolverdError(
                        f"{name} completes {self.journal.prompt!r} with {text!r}, "
                        f"{reference.name} in {other} with {expected!r}"
                    )
        return f"answers like {', '.join(alike)}" if alike else "has nobody to be compared with"

    def _undrain(self, region: str) -> str:
        for edge in self.edges:
            if drained(edge.get("/state"), region):
                edge.delete("/override", region, who=self.who)
        self._withdrawal = None
        return "is back"

    def _withdrawn(self, region: str) -> Withdrawal:
        """The drain of `region`: begun by this run, or taken over from the one before."""
        if self._withdrawal is None or self._withdrawal.order.region != region:
            journal = self.journal
            why = f"rollout of {journal.service} to {journal.version}"
            order = Order(region, why, self.who, force=journal.force)
            left = max(0.0, journal.safe_at - time.time())
            self._withdrawal = Withdrawal.taken_over(self.edges, order, left)
        return self._withdrawal

    def _take_over(self) -> None:
        """Drain the region on its way again, where that was lost since the last run."""
        region, step = self.journal.progress.region, self.journal.step
        if region is None or step in (Step.DRAIN, Step.UNDRAIN):
            return
        if not all(drained(edge.get("/state"), region) for edge in self.edges):
            self.tell(region, Step.DRAIN, f"{self._drain(region)} again: the drain was lost")

    def _completion(self, endpoint: Endpoint, model: str) -> str:
        journal = self.journal
        return verify.completion_of(endpoint, model, journal.prompt, journal.tokens)

    def _state(self) -> dict[str, Any]:
        return self.edges[0].get("/state")

    def _judged(self, edge: Edge, region: str) -> Mapping[str, Any]:
        return judged_region(edge.get("/state"), self.journal.service, region)

    def _endpoints(self, region: str) -> list[Endpoint]:
        judged = judged_region(self._state(), self.journal.service, region)
        if any(HIDDEN in each["url"] for each in judged["endpoints"]):
            urls = self.edges[0].get("/urls")["urls"]
            whole = [{**each, "url": urls[each["name"]]} for each in judged["endpoints"]]
            return [Endpoint.of(each, self.journal.credential) for each in whole]
        return [Endpoint.of(each, self.journal.credential) for each in judged["endpoints"]]

    def _model(self, region: str) -> str:
        service = service_of(self._state(), self.journal.service)
        return str(service["models"].get(region) or "")

    def _serves(self, region: str) -> bool:
        return bool(judged_region(self._state(), self.journal.service, region)["serves"])


def service_of(state: Mapping[str, Any], service: str) -> Mapping[str, Any]:
    """The service of that name in GET /state. Raises ResolverdError."""
    for each in state["services"]:
        if each["name"] == service:
            found: Mapping[str, Any] = each
            return found
    raise ResolverdError(f"the daemon has no service {service} any more")


def judged_region(state: Mapping[str, Any], service: str, region: str) -> Mapping[str, Any]:
    """A service's region in GET /state. Raises ResolverdError."""
    for each in state["regions"]:
        if each["region"] == region and service in each["services"]:
            found: Mapping[str, Any] = each
            return found
    raise ResolverdError(f"service {service} has no region {region} any more")
