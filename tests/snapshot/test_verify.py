"""A Plan that answers wrongly about itself is not adopted."""

from __future__ import annotations

import pytest
from harness.server import HEAD, Server, snapshot_of

from resolverd.errors import PlanError
from resolverd.snapshot.verify import verify


@pytest.mark.parametrize("origin", ["inference.example.", "caf\\233\\200.example.", "."])
def test_a_sound_plan_passes_whatever_its_apex(origin: str) -> None:
    served = Server(snapshot_of({origin: HEAD}))
    verify(served.snapshot.plan, served.send)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(lambda _: None, "not answered", id="silence"),
        pytest.param(lambda wire: wire[:20], "broken message", id="cut short"),
        pytest.param(lambda wire: wire[:2] + b"\x80" + wire[3:], "not serial 7", id="without AA"),
        pytest.param(lambda wire: wire.replace(b"\0\0\0\7", b"\0\0\0\6"), "[6]", id="old serial"),
    ],
)
def test_a_wrong_answer_about_itself_is_told(spoil: object, told: str) -> None:
    served = Server(snapshot_of({"inference.example.": HEAD}))
    assert callable(spoil)
    with pytest.raises(PlanError, match="fails its own check") as refused:
        verify(served.snapshot.plan, lambda packet: spoil(served.send(packet)))
    assert told in str(refused.value)
