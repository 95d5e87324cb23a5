"""What is to go wrong, as it is written on the command line: ``hung:us-east@5s``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.config.types import parse_duration
from resolverd.demo.faults import Fault, fault_named
from resolverd.errors import ExitCode, ResolverdError

# What every kind of probe sees.
_PLAIN = (Fault.DEAD, Fault.SILENT)


class ScheduleError(ResolverdError):
    """A fault that cannot be injected: there is no such region, or nothing would see it."""

    exit_code = ExitCode.USAGE


class ScheduledFault(NamedTuple):
    """A fault of one region, `at` seconds after all runs."""

    fault: Fault
    region: str
    at: float = 0.0

    def __str__(self) -> str:
        later = f"@{self.at:g}s" if self.at else ""
        return f"{self.fault}:{self.region}{later}"


def parse_fault(text: str) -> ScheduledFault:
    """Read ``FAULT:REGION`` or ``FAULT:REGION@TIME``. Raises ValueError."""
    named, _, later = text.partition("@")
    fault, colon, region = named.partition(":")
    if not (colon and region):
        raise ValueError(
            f'"{text}" is not FAULT:REGION or FAULT:REGION@TIME, as in hung:us-east@5s'
        )
    return ScheduledFault(fault_named(fault), region, parse_duration(later) if later else 0.0)


def checked_schedule(
    faults: Iterable[ScheduledFault], kinds: Mapping[str, str]
) -> tuple[ScheduledFault, ...]:
    """The faults by time; `kinds` has the kind of probe of each region.

    Raises ScriptError for a region that there is not, or twice, or that nothing would see fail.
    """
    seen: set[str] = set()
    ordered = tuple(sorted(faults, key=lambda fault: fault.at))
    for fault in ordered:
        if fault.region not in kinds:
            raise ScheduleError(
                f'{fault}: there is no region "{fault.region}"; there are {", ".join(kinds)}'
            )
        if fault.region in seen:
            raise ScheduleError(f"{fault}: {fault.region} has another fault already")
        if kinds[fault.region] != "vllm" and fault.fault not in _PLAIN:
            raise ScheduleError(
                f"{fault}: the probes of {fault.region} are of kind {kinds[fault.region]}, which "
                'do not see this; set probe.kind = "vllm"'
            )
        seen.add(fault.region)
    return ordered
