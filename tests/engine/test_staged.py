"""What the native engine will answer from is asked in the library, and not loaded twice."""

from __future__ import annotations

import gc
from ipaddress import ip_address

import pytest
from harness.config import config_text
from harness.server import HEAD, snapshot_of
from harness.waiting import until_holds

from resolverd.abi.library import why_not
from resolverd.dns.codes import A
from resolverd.dns.names import key_from_text
from resolverd.engine import native
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.image import PlanImage, plan_image, steering_image
from resolverd.engine.image_kept import KeptImage
from resolverd.engine.native import NativeEngine
from resolverd.engine.selfcheck import asking
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import PlanError
from resolverd.snapshot.answers import query_for
from resolverd.snapshot.model import Plan, Snapshot, Steering
from resolverd.snapshot.verify import verify

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"{why_not()}")

QUERY = query_for(key_from_text("chat.inference.example."), A)


def snapshot() -> Snapshot:
    """One service, over a compiled map."""
    zones = {"inference.example.": f"{HEAD}chat 60 DYNA chat\n"}
    return snapshot_of(zones, config_text(), compiled=True)


def engine() -> NativeEngine:
    """One without a socket, which never starts."""
    return NativeEngine((), (), TcpLimits(1.0, 1.0, 1, 1))


async def test_what_is_staged_answers_as_the_reference_engine_does() -> None:
    made = snapshot()
    ask = await engine().staged(made)
    for source in ("203.0.113.7", "2001:db8::1"):
        assert ask(QUERY, source) == asking(made)(QUERY, source)


async def test_a_staged_plan_is_loaded_once_while_it_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[Plan] = []
    whole = plan_image

    def counted(plan: Plan, slots: CounterSlots, before: KeptImage | None = None) -> PlanImage:
        loaded.append(plan)
        return whole(plan, slots, before)

    monkeypatch.setattr(native, "plan_image", counted)
    made, served = snapshot(), engine()
    ask = await served.staged(made)
    served._tables(made)
    assert len(loaded) == 1
    del ask
    served._plan = None
    # The thread that made it, and the loop, hold the result until they are at the next thing.
    await until_holds(lambda: _is_freed(served), within=10.0)
    served._tables(made)
    assert len(loaded) == 2, "what nobody holds is freed"


def _is_freed(served: NativeEngine) -> bool:
    gc.collect()
    return served._staged is None or served._staged() is None


async def test_tables_that_answer_another_region_are_not_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reference engine would pass this Plan: only the library's tables are wrong."""

    def spoiled(steering: Steering, plan: Plan) -> bytes:
        octets = bytearray(steering_image(steering, plan))
        one, other = (ip_address(f"192.0.2.{last}").packed for last in (10, 30))
        first, second = octets.index(one), octets.index(other)
        octets[first : first + 4], octets[second : second + 4] = other, one
        return bytes(octets)

    made = snapshot()
    verify(made, await engine().staged(made))
    monkeypatch.setattr(native, "steering_image", spoiled)
    with pytest.raises(PlanError, match="which serves and is preferred"):
        verify(made, await engine().staged(made))
    verify(made, asking(made))
