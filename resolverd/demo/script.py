"""What is to go wrong, as it is written on the command line: ``hung:us-east@5s``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.config.types import parse_duration
from resolverd.demo.faults import Fault, fault_named
from resolverd.errors import ExitCode, ResolverdError

# What every kind of probe sees.
_PLAIN = (Fault.DEAD, Fault.SILENT)


class ScriptError(ResolverdError):
    """A fault that cannot be played: there is no such region, or nothing would see it."""

    exit_code = ExitCode.USAGE


class Scene(NamedTuple):
    """A fault of one region, `at` seconds after all runs."""

    fault: Fault
    region: str
    at: float = 0.0

    def __str__(self) -> str:
        later = f"@{self.at:g}s" if self.at else ""
        return f"{self.fault}:{self.region}{later}"


def scene(text: str) -> Scene:
    """Read ``FAULT:REGION`` or ``FAULT:REGION@TIME``. Raises ValueError."""
    named, _, later = text.partition("@")
    fault, colon, region = named.partition(":")
    if not (colon and region):
        raise ValueError(
            f'"{text}" is not FAULT:REGION or FAULT:REGION@TIME, as in hung:us-east@5s'
        )
    return Scene(fault_named(fault), region, parse_duration(later) if later else 0.0)


def in_order(scenes: Iterable[Scene], kinds: Mapping[str, str]) -> tuple[Scene, ...]:
    """The scenes by time; `kinds` has the kind of probe of each region.

    Raises ScriptError for a region that there is not, or twice, or that nothing would see fail.
    """
    seen: set[str] = set()
    ordered = tuple(sorted(scenes, key=lambda each: each.at))
    for each in ordered:
        if each.region not in kinds:
            raise ScriptError(
                f'{each}: there is no region "{each.region}"; there are {", ".join(kinds)}'
            )
        if each.region in seen:
            raise ScriptError(f"{each}: {each.region} has another fault already")
        if kinds[each.region] != "vllm" and each.fault not in _PLAIN:
            raise ScriptError(
                f"{each}: the probes of {each.region} are of kind {kinds[each.region]}, which do "
                'not see this; set probe.kind = "vllm"'
            )
        seen.add(each.region)
    return ordered
