"""What pages say of options in their own words is what the options are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resolverd.config.model import Pin
from resolverd.config.probe_registry import probe_kinds
from resolverd.health.kinds.kind import reads

DOCS = Path(__file__).parents[2] / "docs"
SELECTORS = [name for name in Pin.model_fields if name not in ("regions", "services")]


def part(page: str, begin: str, end: str) -> str:
    _, _, rest = (DOCS / page).read_text().partition(begin)
    found, _, after = rest.partition(end)
    assert after, f"{page} has no part from {begin!r} to {end!r}"
    return found


@pytest.mark.parametrize(
    ("page", "begin", "end"),
    [
        ("load.md", "It knows load only of", "Every option"),
        ("troubleshooting.md", "## A region is full and sends nobody on", "##"),
    ],
)
def test_every_kind_of_probe_that_reads_load_is_named_where_load_is_missed(
    page: str, begin: str, end: str
) -> None:
    text = part(page, begin, end)
    reading = {name for name, kind in probe_kinds().items() if reads(kind.settings())}
    assert reading == {name for name in probe_kinds() if re.search(rf'[`"]{name}["`]', text)}


@pytest.mark.parametrize(
    ("page", "begin", "end", "name"),
    [
        ("meaning.md", "One pin decides for an address", "([what each is]", r"`(\w+)`"),
        ("steering.md", "| which | before |", "\n\n", r"(?m)^\| `(\w+)`"),
    ],
)
def test_pages_have_the_selectors_of_a_pin_in_the_order_in_which_they_decide(
    page: str, begin: str, end: str, name: str
) -> None:
    assert re.findall(name, part(page, begin, end)) == SELECTORS
