"""What `doctor` says of endpoints, from a running daemon's state."""

from __future__ import annotations

import pytest

from resolverd.doctor.endpoints import endpoints
from resolverd.doctor.finding import Level
from resolverd.health.offers import READABLE, Offers, Processes

ONE = Offers(READABLE, Processes.ONE, 1, True, "0.32.0", "accepted")


@pytest.mark.parametrize(
    ("offers", "level", "words"),
    [
        (ONE, "ok", "one, 1 engine, version 0.32.0, key accepted"),
        (Offers("HTTP 404", key="accepted"), "advice", "/metrics HTTP 404"),
        (Offers(READABLE, Processes.SEVERAL, 2), "advice", "processes: several, 2 engines"),
        (Offers(READABLE, Processes.UNKNOWN, 2), "advice", "processes: unknown"),
        (Offers(READABLE, Processes.ONE, 1, key="refused"), "warning", "key refused"),
        (Offers(READABLE, Processes.ONE, 1, key="none"), "ok", "no version"),
    ],
)
def test_each_endpoint_is_reported_with_what_to_do(
    offers: Offers, level: Level, words: str
) -> None:
    state = {"regions": [{"endpoints": [{"name": "a", "offers": offers._asdict()}]}]}
    (found,) = endpoints(state)
    assert (found.id, found.level) == ("endpoint", level)
    assert words in found.seen
    assert bool(found.hint) is (level != "ok")


def test_an_endpoint_of_another_kind_is_left_out() -> None:
    assert not [*endpoints({"regions": [{"endpoints": [{"name": "a", "offers": None}]}]})]
