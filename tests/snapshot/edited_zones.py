"""Zones that tests of edits write, and what is held or refused of an edit."""

from __future__ import annotations

from pathlib import Path

from resolverd.snapshot.inputs import Inputs

_HEAD = """\
$TTL 60
@ SOA ns1.example. host {} 3600 600 86400 60
@ NS ns1.example.
"""


def write_zone(place: Path, records: str, origin: str = "example.") -> None:
    """A zone with these records; its serial is another where they are longer or shorter."""
    (place / "zones").mkdir(exist_ok=True)
    head = f"$ORIGIN {origin}\n{_HEAD.format(len(records) + 1)}"
    host = "ns1 A 192.0.2.1\n" if origin == "example." else ""
    (place / "zones" / f"{origin}zone").write_text(head + host + records)


def outdated(edit: Inputs) -> list[tuple[str, list[str]]]:
    """The parts that stay as they were, each with the ids of its problems."""
    return [(part.part, [problem.id for problem in part.problems]) for part in edit.outdated]
