"""A rollout as it is done: each step of `steps`, with the checkpoint written around it.

The first failure stops it: the region on its way stays drained, and the checkpoint says where.
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

from resolverd.errors import ExitCode, ResolverdError
from resolverd.rollout import verify
from resolverd.rollout.checkpoint import Checkpoint, Failure, write
from resolverd.rollout.fleet import endpoints_of, model_of, region_of
from resolverd.rollout.preflight import foreign_override, obstacles
from resolverd.rollout.stability import StabilityCheck
from resolverd.rollout.steps import Step
from resolverd.rollout.verify import Endpoint
from resolverd.rollout.withdrawal import DrainSpec, Edge, Withdrawal, drained, untold

# Seconds between two GET /state while a region's health is waited for; less asks for nothing new.
POLL_INTERVAL = 0.5


class StepFailedError(ResolverdError):
    """A step of a region failed; the checkpoint has it too."""

    exit_code = ExitCode.PROBLEMS

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.region}: {failure.step}: {failure.why}")


@dataclass(slots=True)
class Run:
    """One rollout over `edges`. `report(region, step, what)` is called at each step's end.

    `timeout` is how many seconds a region has to become healthy. `waits(what)` gives what is
    called with the seconds left of a wait.
    """

    edges: Sequence[Edge]
    checkpoint: Checkpoint
    path: Path
    who: str
    timeout: float
    report: Callable[[str, Step, str], None]
    waits: Callable[[str], AbstractContextManager[Callable[[float], None]]]
    quiet: bool = False
    _withdrawal: Withdrawal | None = field(default=None, init=False)

    def go(self) -> None:
        """Do every step that is left. Raises StepFailedError at the first failure."""
        checkpoint = self.checkpoint
        steps = {
            Step.DRAIN: self._drain, Step.WAIT: self._wait, Step.COMMAND: self._command,
            Step.HEALTH: self._health, Step.IDENTITY: self._identity,
            Step.OUTPUT: self._output, Step.UNDRAIN: self._undrain,
        }  # fmt: skip
        checkpoint.failure = None
        taken_over = False
        while (region := checkpoint.progress.region) is not None:
            step = checkpoint.step
            write(self.path, checkpoint)
            try:
                if not taken_over:
                    self._take_over(region, step)
                    taken_over = True
                what = steps[step](region)
            except ResolverdError as error:
                checkpoint.failure = Failure(
                    region=region, step=step, why=str(error), drained=self._may_be_drained(region)
                )
                write(self.path, checkpoint)
                raise StepFailedError(checkpoint.failure) from error
            self.report(region, step, what)
            checkpoint.go_to(checkpoint.progress.advanced())
        write(self.path, checkpoint)

    def _drain(self, region: str) -> str:
        """Drain it, unless it could not be verified afterwards: since the start hours may pass."""
        found = obstacles(self.edges, self.checkpoint, [region], begun=True)
        if found:
            raise ResolverdError("; ".join(found))
        return self._begin(region)

    def _begin(self, region: str) -> str:
        withdrawal = self._withdrawn(region)
        self.checkpoint.safe_at = 0.0  # until every edge is known to obey
        write(self.path, self.checkpoint)
        withdrawal.begin()
        if reason := next(filter(None, map(untold, withdrawal.replies)), ""):
            raise ResolverdError(reason)
        self.checkpoint.safe_at = time.time() + withdrawal.wait
        return "drained"

    def _wait(self, region: str) -> str:
        with self.waits(f"TTLs that name {region} run out") as progress:
            self._withdrawn(region).wait_out(progress)
        return "the last TTL has run out"

    def _command(self, region: str) -> str:
        self._wait(region)  # what is left of it after an interruption
        environment = {
            "RESOLVERD_REGION": region,
            "RESOLVERD_SERVICE": self.checkpoint.service,
            "RESOLVERD_VERSION": self.checkpoint.version,
            "RESOLVERD_ENDPOINTS": " ".join(endpoint.url for endpoint in self._endpoints(region)),
        }
        ended = subprocess.run(
            self.checkpoint.command,
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
        check = StabilityCheck()
        ends = time.monotonic() + self.timeout
        while not check.stable([self._judged(edge, region) for edge in self.edges]):
            if time.monotonic() >= ends:
                raise ResolverdError(f"not healthy within {self.timeout:g} s: {check.reason}")
            time.sleep(POLL_INTERVAL)
        return "healthy"

    def _identity(self, region: str) -> str:
        self._withdrawn(region).check()
        wanted, model = self.checkpoint.version, self._model(region)
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
        others = self.checkpoint.progress.compared_with(accept_output=self.checkpoint.accept_output)
        alike = [other for other in others if self._model(other) == model and self._serves(other)]
        said = {
            endpoint.name: self._completion(endpoint, model) for endpoint in self._endpoints(region)
        }
        for other in alike:
            reference = self._endpoints(other)[0]
            expected = self._completion(reference, model)
            for name, text in said.items():
                if text != expected:
                    raise ResolverdError(
                        f"{name} completes {self.checkpoint.prompt!r} with {text!r}, "
                        f"{reference.name} in {other} with {expected!r}"
                    )
        return f"answers like {', '.join(alike)}" if alike else "has nobody to be compared with"

    def _undrain(self, region: str) -> str:
        self._check_ours([edge.get("/state") for edge in self.edges], region)
        for edge in self.edges:
            if drained(edge.get("/state"), region):  # the first of a fleet clears all
                edge.delete("/override", region, who=self.who)
        self._withdrawal = None
        return "is back"

    def _withdrawn(self, region: str) -> Withdrawal:
        """The drain of `region`: begun by this run, or taken over from the one before."""
        if self._withdrawal is None or self._withdrawal.spec.region != region:
            checkpoint = self.checkpoint
            spec = DrainSpec(region, checkpoint.why, self.who, force=checkpoint.force)
            left = max(0.0, checkpoint.safe_at - time.time())
            self._withdrawal = Withdrawal.taken_over(self.edges, spec, left)
        return self._withdrawal

    def _may_be_drained(self, region: str) -> bool:
        """Whether the region is left drained where a step has failed, or may be."""
        return any(self._leaves_drained(edge, region) for edge in self.edges)

    def _leaves_drained(self, edge: Edge, region: str) -> bool:
        checkpoint = self.checkpoint
        begun = checkpoint.step is not Step.DRAIN
        try:
            state = edge.get("/state")
        except ResolverdError:  # then all that is known is whether it was asked to
            return begun or (self._withdrawal is not None and self._withdrawal.begun)
        foreign = not begun and foreign_override(state, region, checkpoint.why)
        return drained(state, region) and not foreign

    def _take_over(self, region: str, step: Step) -> None:
        """Drain the region on its way again, where that was lost, or never known to be obeyed."""
        if step in (Step.DRAIN, Step.UNDRAIN):
            return
        states = [edge.get("/state") for edge in self.edges]
        if self.checkpoint.safe_at and all(drained(state, region) for state in states):
            return
        self._check_ours(states, region)
        self.report(region, Step.DRAIN, f"{self._begin(region)} again: the drain was lost")

    def _check_ours(self, states: Sequence[Mapping[str, Any]], region: str) -> None:
        """Raise ResolverdError for an operator's word that came after the drain, or it is lost."""
        for state in states:
            if reason := foreign_override(state, region, self.checkpoint.why):
                raise ResolverdError(reason)

    def _completion(self, endpoint: Endpoint, model: str) -> str:
        checkpoint = self.checkpoint
        return verify.completion_of(endpoint, model, checkpoint.prompt, checkpoint.tokens)

    def _state(self) -> dict[str, Any]:
        return self.edges[0].get("/state")

    def _judged(self, edge: Edge, region: str) -> Mapping[str, Any]:
        return region_of(edge.get("/state"), self.checkpoint.service, region)

    def _endpoints(self, region: str) -> list[Endpoint]:
        checkpoint = self.checkpoint
        return endpoints_of(self.edges[0], checkpoint.service, region, checkpoint.credential)

    def _model(self, region: str) -> str:
        return model_of(self._state(), self.checkpoint.service, region)

    def _serves(self, region: str) -> bool:
        return bool(region_of(self._state(), self.checkpoint.service, region)["serves"])
