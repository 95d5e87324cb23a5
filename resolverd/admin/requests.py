"""The bodies of requests to the admin API."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from resolverd.config.types import DURATION_PART, Duration
from resolverd.health.overrides import OverrideKind

_LONGEST = 366 * 86400

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Person = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Span = Annotated[
    Duration,
    Field(gt=0, le=_LONGEST),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": _LONGEST},
                {"type": "string", "pattern": f"^({DURATION_PART})+$"},
            ]
        }
    ),
]
"""Seconds for which something holds; they may be written as a text, such as "1h30m"."""

_WHY = Field(description="The reason, which everybody sees.")
_WHO = Field("", description="Who asks; empty takes who is at the other end.")
# Nothing but true: what else may stand for it leaves clients without a region.
_FORCE = Field(False, strict=True, description="Do it although it leaves clients without a region.")
_FOR = Field(
    None,
    alias="for",
    description='How long, such as "30m", or seconds; null holds until it is cleared.',
)
_EDGE = Field(
    "", max_length=100, description="The only edge of the fleet that it is said to; empty: all."
)


class OverrideRequest(BaseModel):
    """The body of POST /override."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(description="The region, endpoint or probe target.")
    kind: OverrideKind = Field(description="What is to hold of it.")
    why: Reason = _WHY
    who: Person = _WHO
    seconds: Span | None = _FOR
    force: bool = _FORCE
    edge: str = _EDGE


class SpillRequest(BaseModel):
    """The body of POST /spill."""

    model_config = ConfigDict(extra="forbid")

    service: str = Field(description="The service.")
    region: str = Field(
        "", description="The region of it that the rule is of; empty: each without one of its own."
    )
    share: float = Field(
        strict=True,  # true would be all of them
        ge=0,
        le=1,
        description="Share of its clients that it sends on, 0 to 1. 0 takes it out of spilling: it "
        "sends nobody on and takes nobody; no other is of a whole service.",
    )
    why: Reason = _WHY
    who: Person = _WHO
    seconds: Span | None = _FOR
    edge: str = _EDGE


class DrainRequest(BaseModel):
    """The body of POST /drain."""

    model_config = ConfigDict(extra="forbid")

    region: str = Field(description="The region.")
    why: Reason = _WHY
    who: Person = _WHO
    seconds: Span | None = _FOR
    force: bool = _FORCE
    edge: str = _EDGE
