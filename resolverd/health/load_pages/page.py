"""What one load page says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoadPage:
    """`format` names who wrote it. `running` and `waiting` count requests, `kv_usage` is a share
    from 0 to 1, `tokens` a total of tokens read and written, `started` Unix seconds. None is
    unknown.

    `work` are numbers by name that grow only while work is done, as long as the process lives.
    """

    format: str
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    tokens: float | None = None
    started: float | None = None
    work: Mapping[str, float] = field(default_factory=dict)

    def worked_since(self, before: LoadPage, own: float) -> bool:
        """Whether work was done in between, beyond `own` steps or tokens of our own canaries.

        Nothing is known where the process, or what the page is, has changed.
        """
        if self.format != before.format or self.started != before.started:
            return False
        both = self.work.keys() & before.work.keys()
        grown = [self.work[name] - before.work[name] for name in both]
        return all(growth >= 0 for growth in grown) and any(growth > own for growth in grown)
