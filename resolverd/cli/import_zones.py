"""`resolverd check --import FILE …`: what would change for zone files taken over from BIND."""

from __future__ import annotations

import glob
import textwrap
from dataclasses import asdict
from pathlib import Path

from resolverd.cli.console import count, out, show_json
from resolverd.errors import ExitCode, Problem, errors_among
from resolverd.zone.imported import HEADINGS, by_heading
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone


def import_zones(files: list[Path], *, as_json: bool) -> int:
    """Read the files and say what would change; 1 when one of them would not be served."""
    failed = False
    documents = []
    for file in files:
        zones, problems = load_zones([glob.escape(str(file.absolute()))], Path(), services={})
        zone = next(iter(zones.values()), None)
        failed |= bool(errors_among(problems))
        if as_json:
            documents.append(_as_json(file, zone, problems))
        else:
            _show(file, zone, problems)
    if as_json:
        show_json({"files": documents})
    return ExitCode.PROBLEMS if failed else ExitCode.OK


def _records(zone: Zone) -> int:
    return sum(len(rrset.rdatas) for rrsets in zone.rrsets.values() for rrset in rrsets.values())


def _as_json(file: Path, zone: Zone | None, problems: list[Problem]) -> dict[str, object]:
    return {
        "file": str(file),
        "zone": None if zone is None else str(zone.origin),
        "records": 0 if zone is None else _records(zone),
        "signed": any(problem.id == "zone-signed" for problem in problems),
        "findings": {
            heading: [asdict(problem) for problem in found]
            for heading, found in by_heading(problems).items()
        },
    }


def _show(file: Path, zone: Zone | None, problems: list[Problem]) -> None:
    served = "would not be served"
    if zone is not None:
        served = f"the zone {zone.origin}, {count(_records(zone), 'record')}"
    out().print(f"{file}: {served}", markup=False, highlight=False)
    for heading, found in by_heading(problems).items():
        if found:
            out().print(f"  {HEADINGS[heading]}:", markup=False, highlight=False)
        for problem in found:
            out().print(textwrap.indent(str(problem), "    "), markup=False, highlight=False)
    if zone is not None and not problems:
        out().print("  nothing would change", markup=False, highlight=False)
