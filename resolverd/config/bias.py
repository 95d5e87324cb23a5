"""The bias of a region as it is written: milliseconds in text, or a factor."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import PlainValidator

_MS = re.compile(r"([+-]?\d+(?:\.\d+)?)ms")
_MAX_FACTOR, _MAX_MS = 100.0, 10_000.0


class RegionBias(NamedTuple):
    """What a region's cost is multiplied by, and the milliseconds that are added."""

    factor: float = 1.0
    ms: float = 0.0

    def __str__(self) -> str:
        return f"{self.ms:g}ms" if self.factor == 1 else f"{self.factor:g}"

    @property
    def written(self) -> str | float:
        """The value that an operator writes for it."""
        return str(self) if self.ms else self.factor


NO_BIAS = RegionBias()


def parse_bias(value: Any) -> RegionBias:
    """``"20ms"`` or ``0.8`` as a `RegionBias`."""
    if isinstance(value, RegionBias):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 1 / _MAX_FACTOR <= value <= _MAX_FACTOR:
            raise ValueError(
                f"a factor lies in {1 / _MAX_FACTOR:g}…{_MAX_FACTOR:g}; write bias = 0.8"
            )
        return RegionBias(factor=float(value))
    matched = _MS.fullmatch(value) if isinstance(value, str) else None
    if matched is None:
        raise ValueError('expected milliseconds or a factor; write bias = "20ms", or 0.8')
    ms = float(matched[1])
    if abs(ms) > _MAX_MS:
        limit = math.copysign(_MAX_MS, ms)
        raise ValueError(f'no bias is beyond {limit:g} ms; write bias = "{limit:g}ms"')
    return RegionBias(ms=ms)


BiasText = Annotated[RegionBias, PlainValidator(parse_bias)]
