"""The order of a rollout: which region's which step comes next; pure.

    region by region:  drain → wait → command → health → identity → output → undrain

One region at a time is on its way. The last stays as it was until all others are verified and back.
After an interruption a region takes up the step that was interrupted, except that whatever was
verified before is verified anew; a region that is back is not touched again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Step(StrEnum):
    """What is done to one region, in this order."""

    DRAIN = "drain"
    WAIT = "wait"
    COMMAND = "command"
    HEALTH = "health"
    IDENTITY = "identity"
    OUTPUT = "output"
    UNDRAIN = "undrain"

    @property
    def verifies(self) -> bool:
        """Whether the step changes nothing, and only verifies the region."""
        return self in (Step.HEALTH, Step.IDENTITY, Step.OUTPUT)


_STEPS = tuple(Step)


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` is the next one, of the region at `position`; past the last region all is done."""

    regions: tuple[str, ...]
    position: int = 0
    step: Step = Step.DRAIN

    @property
    def region(self) -> str | None:
        """The region that is on its way; None when all is done."""
        return self.regions[self.position] if self.position < len(self.regions) else None

    @property
    def verified(self) -> tuple[str, ...]:
        """The regions that are updated, verified and back."""
        return self.regions[: self.position]

    @property
    def untouched(self) -> tuple[str, ...]:
        """The regions whose turn has not come."""
        return self.regions[self.position + 1 :]

    def advanced(self) -> Progress:
        """The progress once the current step is done."""
        if self.step is Step.UNDRAIN:
            return replace(self, position=self.position + 1, step=Step.DRAIN)
        return replace(self, step=_STEPS[_STEPS.index(self.step) + 1])

    def resumed(self, *, command: bool = False) -> Progress:
        """Where to go on after an interruption; `command` has that step done once more."""
        begun = _STEPS.index(self.step) > _STEPS.index(Step.COMMAND)
        if command and begun:
            return replace(self, step=Step.COMMAND)
        return replace(self, step=Step.HEALTH) if self.step.verifies else self

    def compared_with(self, *, accept_output: bool) -> tuple[str, ...]:
        """The regions that the one on its way should answer alike.

        Where the version is allowed to change outputs, only those that have it already.
        """
        return self.verified if accept_output else self.verified + self.untouched
