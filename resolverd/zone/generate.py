"""`$GENERATE`: the range and the templates, as BIND 9 defines them.

A range is ``start-stop`` or ``start-stop/step``, stop included. In a template ``$`` stands
for the counter, ``${offset,width,base}`` for the counter plus offset, padded with zeros to
width, in base d, o, x, X, or n and N (nibbles, least significant first, for ip6.arpa);
``$$`` is a dollar sign, and ``\\$`` is left to the name or string that it is part of.
"""

from __future__ import annotations

import re

from resolverd.errors import ResolverdError

MAX_RECORDS = 65_536
"""Of one $GENERATE: a /16 of PTR records. More would let a slip of a digit fill the memory."""

_RANGE = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?", re.ASCII)
_COUNTER = re.compile(r"\\.|\$\$|\$\{([^}]*)(\}?)|\$", re.DOTALL)
_MODIFIER = re.compile(r"([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?", re.ASCII)


TEMPLATE = "write the counter as $, or as ${0,3,d}: offset, width and base (d, o, x, X, n or N)"
"""What a hint says of templates."""


class TemplateError(ResolverdError):
    """A range or template that cannot be expanded; the message says why."""


def parse_range(text: str) -> range:
    """The counter's values. Raises TemplateError when malformed, empty or over MAX_RECORDS."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise TemplateError(f'"{text}" is not a range such as 1-10 or 0-255/5')
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if step == 0 or start > stop:
        raise TemplateError(f'the range "{text}" is empty')
    counters = range(start, stop + 1, step)
    if len(counters) > MAX_RECORDS:
        raise TemplateError(f"{len(counters)} records are over the limit of {MAX_RECORDS}")
    return counters


def expand(template: str, counter: int) -> str:
    """`template` with `counter` put in. Raises TemplateError at a bad modifier."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$":
            return str(counter)
        if match[0] == "$$":
            return "$"
        if match[1] is None:
            return match[0]
        if not match[2]:
            raise TemplateError(f'"{match[0]}" has no closing brace')
        return _modified(match[1], counter)

    return _COUNTER.sub(replacement, template)


def has_counter(template: str) -> bool:
    """Whether the counter is anywhere in it, so that its records differ."""
    return any(m[0] == "$" or m[1] is not None for m in _COUNTER.finditer(template))


def carries_offset(field: str) -> bool:
    """Whether a plain ``$`` comes after an offset: BIND adds the offset to it too."""
    offset = False
    for match in _COUNTER.finditer(field):
        if match[0] == "$" and offset:
            return True
        if match[1] is not None:
            offset = int((_MODIFIER.fullmatch(match[1]) or "00")[1]) != 0
    return False


def _modified(modifier: str, counter: int) -> str:
    match = _MODIFIER.fullmatch(modifier)
    if match is None:
        raise TemplateError(f'"${{{modifier}}}" is not ${{offset,width,base}}')
    value, width, base = counter + int(match[1]), int(match[2] or 0), match[3] or "d"
    if width > 127:
        raise TemplateError(f"a width of {width} is over 127")
    if value < 0 and base != "d":
        raise TemplateError(f"{value} is negative and is written in base d alone")
    if base in "nN":
        return _nibbles(value, width, base)
    return format(value, base).zfill(width)


def _nibbles(value: int, width: int, base: str) -> str:
    """Nibbles joined by dots; `width` counts characters, and may end on a dot."""
    digits = format(value, "x" if base == "n" else "X")[::-1]
    digits += "0" * ((width + 1) // 2 - len(digits))
    text = ".".join(digits)
    return text + "." if len(text) < width else text
