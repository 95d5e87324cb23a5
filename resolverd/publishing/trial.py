"""One generation on trial at this edge: what was before, what is seen since, and the report.

No clock is read here: `now` is a reading of the monotonic clock.
"""

from __future__ import annotations

from resolverd.engine.counters import Counters
from resolverd.publishing.model import Generation, Report, ReportState
from resolverd.publishing.proof import Answers, failures, panel_figures, rcode_figures


class OnTrial:
    """The trial of `generation`, served since `began`; `before` and `counters` are from before."""

    def __init__(
        self, generation: Generation, before: Answers, counters: Counters, began: float
    ) -> None:
        self.generation, self.began = generation, began
        self.over = False
        self.figures: dict[str, float] = {}
        self._before, self._counted = before, counters
        self._panels = 0

    def wants_panel(self, now: float) -> bool:
        """Whether the panel is to be asked now: at once, and when the time is over."""
        return self._panels == 0 or (self._panels == 1 and self._ended(now))

    def note_panel(self, answers: Answers, now: float) -> None:
        """What the panel is given now.

        What has moved since counts at once only: later regions may have failed or come back.
        """
        figures = panel_figures(self._before, answers)
        if self._panels:
            figures = {name: figures[name] for name in ("unserved",) if name in figures}
        self.figures |= figures
        self._panels += 1

    def judge(self, counters: Counters, now: float) -> Report | None:
        """What is to be reported now; None while it proves itself."""
        if self.over:
            return None
        then, given = self._counted.answered, counters.answered
        between = {rcode: count - then.get(rcode, 0) for rcode, count in given.items()}
        self.figures |= rcode_figures(then, between)
        found = failures(self.figures, self.generation.terms.limits)
        if found:
            self.over = True
            return Report(ReportState.FAILED, "; ".join(found), dict(self.figures))
        if self._ended(now) and self._panels > 1:
            self.over = True
            return Report(ReportState.PROVED, "", dict(self.figures))
        return None

    def _ended(self, now: float) -> bool:
        return now - self.began >= self.generation.terms.proof
