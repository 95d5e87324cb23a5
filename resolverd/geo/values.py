"""The data section of a MaxMind DB, checked value by value (format 2.0, "Output Data Section").

The C reader trusts a map's keys to be text and reads wild memory when a flipped bit makes
them something else; it may crash over that, or worse, not crash. So each value that a record
can reach is checked here first for its type, its size and its bounds. Text is not decoded
and pointers are not chained here: the readers check those themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from resolverd.errors import GeoError
from resolverd.geo.tree import Tick

_POINTER, _TEXT, _MAP, _ARRAY, _BOOLEAN = 1, 2, 7, 11, 14
# The minimum and maximum of bytes that a value of each type takes.
_SIZES = {
    _TEXT: (0, 2**24),
    3: (8, 8),  # double
    4: (0, 2**24),  # bytes
    5: (0, 2),  # uint16
    6: (0, 4),  # uint32
    8: (0, 4),  # int32
    9: (0, 8),  # uint64
    10: (0, 16),  # uint128
    15: (4, 4),  # float
}
_POINTER_BASES = (0, 2048, 526336, 0)


def _step_table(*kinds: int) -> bytes:
    """By control byte, how far the next value is past one of these types, short and sound.

    0 stands for all others, which are looked at more closely.
    """
    return bytes(
        1 + (control & 31)
        if control >> 5 in kinds
        and control & 31 < 29
        and _SIZES[control >> 5][0] <= control & 31 <= _SIZES[control >> 5][1]
        else 0
        for control in range(256)
    )


_STEPS = _step_table(_TEXT, 3, 4, 5, 6)
_KEY_STEPS = _step_table(_TEXT)
_POINTER_OF_1_BYTE, _POINTER_OF_2_BYTES = 0x20, 0x28


def check_values(data: bytes, offsets: Sequence[int], tick: Tick) -> None:
    """Check all that the records at `offsets` of the data section can reach.

    Raises GeoError, without the file's name, at the first value that is damaged.
    """
    keys: set[int] = set()
    found = set(offsets)
    waiting = list(offsets)
    done = 0
    try:
        while waiting:
            _check_record(data, waiting.pop(), keys, found, waiting)
            if not done % 4096:
                tick(min(1.0, done / len(offsets)))
            done += 1
    except IndexError as error:
        raise GeoError("its data section ends in the middle of a value") from error


def _check_record(
    data: bytes, position: int, keys: set[int], found: set[int], waiting: list[int]
) -> None:
    """Check one value with all that is nested in it; pointers to new places go to `waiting`."""
    left, in_map = 1, False  # values left in the container at hand
    outer: list[tuple[int, bool]] = []
    while True:
        while not left:
            if not outer:
                if position > len(data):
                    raise IndexError
                return
            left, in_map = outer.pop()
        left -= 1
        if in_map:
            control = data[position]
            step = _KEY_STEPS[control]
            if step:
                position += step
            elif (
                control < _POINTER_OF_2_BYTES
                and control >= _POINTER_OF_1_BYTE
                and (control & 7) << 8 | data[position + 1] in keys
            ):
                position += 2
            else:
                position = _check_key(data, position, keys)
        control = data[position]
        # Simple values first. Past the end, the next look raises IndexError.
        step = _STEPS[control]
        if step:
            position += step
            continue
        if control >> 5 == _POINTER:
            target, position = _pointer(data, position)
            if target not in found:
                found.add(target)
                waiting.append(target)
            continue
        kind, size, body = _header(data, position)
        if kind in (_MAP, _ARRAY):
            outer.append((left, in_map))
            left, in_map, position = size, kind == _MAP, body
        elif kind == _BOOLEAN and size <= 1:
            position = body
        else:
            minimum, maximum = _SIZES.get(kind, (1, 0))
            if not minimum <= size <= maximum:
                raise GeoError(f"its data section is damaged at byte {position}")
            position = body + size


def _check_key(data: bytes, position: int, keys: set[int]) -> int:
    """Check the map key at `position`: text, or a pointer to text. The position after it."""
    kind = data[position] >> 5
    if kind == _POINTER:
        target, after = _pointer(data, position)
        if target not in keys:
            _check_text(data, target)
            keys.add(target)
        return after
    return _check_text(data, position)


def _check_text(data: bytes, position: int) -> int:
    kind, size, body = _header(data, position)
    if kind != _TEXT:
        raise GeoError(f"its data section has a map key that is not text, at byte {position}")
    if body + size > len(data):
        raise IndexError
    return body + size


def _pointer(data: bytes, position: int) -> tuple[int, int]:
    """Where the pointer at `position` leads, and the position after it."""
    control = data[position]
    width = (control >> 3 & 3) + 1
    after = position + 1 + width
    value = int.from_bytes(data[position + 1 : after], "big")
    if width < 4:
        value += ((control & 7) << (8 * width)) + _POINTER_BASES[width - 1]
    if after > len(data) or value >= len(data):
        raise GeoError(f"its data section has a pointer out of it, at byte {position}")
    return value, after


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """Type, size, and where the payload begins, of the value at `position`."""
    control = data[position]
    kind, size, body = control >> 5, control & 31, position + 1
    if not kind:
        kind = data[body] + 7
        body += 1
    if size >= 29:
        width = size - 28
        extra = int.from_bytes(data[body : body + width], "big")
        size = (29, 285, 65821)[width - 1] + extra
        body += width
    return kind, size, body
