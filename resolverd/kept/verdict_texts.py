"""The verdicts of `standing.json` as JSON: of thousands those few are made that are not as written.

A verdict that is kept as the same object is written as it was, unless a clock was set meanwhile.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from resolverd.kept.document import Clocks, KeptVerdict, verdicts_written

# Seconds by which the clocks may part, and what is written still says when it was.
_APART = 0.05
# As `json.dumps`, which makes an encoder for each.
_json = json.JSONEncoder(sort_keys=True).encode


class VerdictTexts:
    """To be used for one document after another: `begin`, then `of` until all have been asked."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[KeptVerdict, str]] = {}
        self._now: dict[str, tuple[KeptVerdict, str]] = {}
        self._shift = math.inf
        self._clocks = Clocks(0.0, 0.0)

    def begin(self, clocks: Clocks) -> None:
        """A document is made by these clocks."""
        shift = clocks.unix - clocks.monotonic
        self._before, self._now = self._now, {}
        if abs(shift - self._shift) > _APART:
            self._before, self._shift = {}, shift
        self._clocks = clocks

    def of(self, some: Mapping[str, KeptVerdict]) -> str:
        """The members of the JSON object for some of the verdicts, in their order."""
        known = self._before
        new = {id_: v for id_, v in some.items() if id_ not in known or known[id_][0] is not v}
        for id_, record in verdicts_written(new, self._clocks).items():
            text = f"{json.dumps(id_)}: {_json(record)}"
            self._now[id_] = new[id_], text
        self._now |= {id_: known[id_] for id_ in some.keys() - new.keys()}
        return ", ".join([self._now[id_][1] for id_ in some])
