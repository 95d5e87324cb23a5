"""Samples of a page in Prometheus' text format: the few that are wanted, found by name; pure.

One regular expression passes over the page and reads the lines of the wanted names alone; what
follows a value (a timestamp, an exemplar) is not the sample. Format: Prometheus' text-based format
0.0.4, and OpenMetrics 1.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

# A router has one sample for each of its workers; a page with more of one name is no such page.
_MAX_SAMPLES = 5000
# Octets that are read in one step, and the longest line.
_SLICE = 16 * 1024
_LABELS = rb'\{(?:[^"\n}]++|"(?:[^"\\\n]|\\.)*+")*+\}'
_LABEL = re.compile(rb'[{,]\s*([A-Za-z_]\w{0,100})\s*=\s*"((?:[^"\\\n]|\\.)*)"')


class Sample(NamedTuple):
    """Labels by name, values as they are written, and a finite value that is not negative, or
    NaN."""

    labels: Mapping[str, str]
    value: float


def slices(page: bytes) -> Iterator[bytes]:
    """The page in parts of whole lines, each led by the end of a line, for what reads in steps.

    A last line without its end is left out, for it may have been cut, and so is a line longer than
    any sample has.
    """
    at = 0
    while at < len(page):
        end = page.rfind(b"\n", at, at + _SLICE) + 1
        if end:
            yield b"\n" + page[at:end]
        else:
            end = page.find(b"\n", at) + 1
        at = end or len(page)


def find_samples(
    page: bytes, names: Iterable[str]
) -> Generator[None, None, Mapping[str, list[Sample]]]:
    """The samples of `names` on the page, none at all of one with absurdly many; in steps."""
    found: dict[str, list[Sample]] = {}
    pattern, count = _pattern(frozenset(names)), 0
    for part in slices(page):
        for match in pattern.finditer(part.replace(b"\r\n", b"\n")):
            count += 1
            if count > _MAX_SAMPLES:
                return {}
            name, labels, value = match.groups(b"")
            found.setdefault(name.decode(), []).append(Sample(_labels(labels), number(value)))
        yield
    return found


@cache
def _pattern(names: frozenset[str]) -> re.Pattern[bytes]:
    wanted = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rb"\n(%s)(?=[{ \t])(%s)?[ \t]*([^ \t\n]+)" % (wanted.encode(), _LABELS))


def _labels(text: bytes) -> Mapping[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in _LABEL.findall(text)}


def number(text: bytes) -> float:
    """A finite number that is not negative, or NaN."""
    try:
        value = float(text[:40])
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value >= 0 else math.nan
