"""What probes of inference servers read, be they of kind vllm or openai."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.health.offers import Offers
from resolverd.health.readings import News, Readings


class Canaries(NamedTuple):
    """Canaries that one target has been sent so far.

    How many were sent, how many of them brought a token, and the most tokens that all can have
    taken. `ttft` is the time to the last token, in seconds.
    """

    sent: int = 0
    answered: int = 0
    tokens: int = 0
    ttft: float | None = None

    def one_sent(self, tokens: int) -> Canaries:
        """One more, which takes so many tokens at most."""
        return self._replace(sent=self.sent + 1, tokens=self.tokens + tokens)

    def one_answered(self, ttft: float) -> Canaries:
        """One of those sent has brought its token."""
        return self._replace(answered=self.answered + 1, ttft=ttft)


@dataclass(frozen=True, slots=True)
class InferenceReadings(Readings):
    """The canaries so far, and what the server lets a probe know, None for kinds that do not look.

    Its `load` is always there, with nothing known where no page of metrics is readable.
    """

    canaries: Canaries = field(default_factory=Canaries)
    offers: Offers | None = None

    def news(self, before: Readings | None) -> News | None:
        """The log tells each change of what is offered."""
        known = before.offers if isinstance(before, InferenceReadings) else None
        if self.offers is known or self.offers is None or self.offers == known:
            return None
        fields = {name: str(value) for name, value in self.offers._asdict().items()}
        return News("endpoint.offers", fields)
