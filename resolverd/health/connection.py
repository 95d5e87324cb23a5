"""What is known of the connections to one target; plain values."""

from __future__ import annotations

from dataclasses import dataclass

from resolverd.health.outcome import Outcome

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Connection:
    """The time of the last TCP handshake in seconds, and the end of the last certificate seen.

    That end is in Unix seconds. It is kept while handshakes fail, for an expired certificate is
    shown in none that succeeds. None where there was none yet.
    """

    connect: float | None = None
    certificate_expires: float | None = None

    def after(self, outcome: Outcome) -> Connection:
        """What is known after one more probe."""
        return Connection(
            outcome.connect or self.connect,
            outcome.certificate_expires or self.certificate_expires,
        )

    def days_left(self, wall: float) -> float | None:
        """Days until the certificate ends, negative once it has; `wall` is in Unix seconds."""
        return (
            None if self.certificate_expires is None else (self.certificate_expires - wall) / 86400
        )
