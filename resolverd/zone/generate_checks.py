"""What is odd about the template of a `$GENERATE`, and yet can be expanded."""

from __future__ import annotations

from collections.abc import Iterator

from resolverd.errors import Problem
from resolverd.zone.catalogue import problem
from resolverd.zone.generate import carries_offset, has_counter
from resolverd.zone.source import FilePosition


def check_template(template: str, records: int, position: FilePosition) -> Iterator[Problem]:
    """Every finding about a template of which so many records are made."""
    owner, _, rest = template.partition(" ")
    if carries_offset(owner) or carries_offset(rest):
        yield problem(
            "zone-generate-offset",
            position,
            "a $ after an offset is the counter here, and has the offset too in BIND",
            "write ${0} for the counter, or ${OFFSET} for the counter with the offset",
        )
    if records > 1 and not has_counter(template):
        yield problem(
            "zone-generate-constant",
            position,
            f"there is no $ in it, so all {records} records are one",
            "write the counter as $, as in host$ A 192.0.2.$, or the record without $GENERATE",
        )
