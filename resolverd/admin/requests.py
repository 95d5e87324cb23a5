"""The bodies of requests to the admin API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from resolverd.config.types import Duration
from resolverd.health.overrides import OverrideKind

_WHY = Field(min_length=1, max_length=500, description="The reason, which everybody sees.")
_WHO = Field("", max_length=100, description="Who asks; empty takes who is at the other end.")
_FORCE = Field(False, description="Do it although it leaves clients without a region.")
_FOR = Field(
    None,
    alias="for",
    gt=0,
    le=366 * 86400,
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
    why: str = _WHY
    who: str = _WHO
    seconds: Duration | None = _FOR
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
        ge=0,
        le=1,
        description="Share of its clients that it sends on, 0 to 1. 0 takes it out of spilling: it "
        "sends nobody on and takes nobody; no other is of a whole service.",
    )
    why: str = _WHY
    who: str = _WHO
    seconds: Duration | None = _FOR
    edge: str = _EDGE


class DrainRequest(BaseModel):
    """The body of POST /drain."""

    model_config = ConfigDict(extra="forbid")

    region: str = Field(description="The region.")
    why: str = _WHY
    who: str = _WHO
    seconds: Duration | None = _FOR
    force: bool = _FORCE
    edge: str = _EDGE
