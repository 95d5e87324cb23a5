"""A Plan that the engine which will serve it answers wrongly is not adopted."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace

import pytest
from harness.config import CHAT, REGIONS, address_of, config_text, ipv6_of
from harness.server import HEAD, UP, Server, snapshot_of

from resolverd.abi.library import why_not
from resolverd.dns.codes import AAAA, A
from resolverd.dns.prefix import parse_prefix
from resolverd.engine.native import NativeEngine
from resolverd.engine.selfcheck import asking
from resolverd.engine.tcp import TcpLimits
from resolverd.errors import PlanError
from resolverd.health.verdict import State
from resolverd.snapshot.answers import answered
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.verify import verify

ZONE = f"{HEAD}chat 60 DYNA chat\n*.wild 60 DYNA chat\n"
PIN = '\n[pin.jp]\nsubnets = ["10.2.0.0/16", "2001:db8:2::/48"]\nregions = ["ap-northeast"]\n'
PINNED = (parse_prefix("10.2.0.0/16"), parse_prefix("2001:db8:2::/48"))
SOUND = snapshot_of({"inference.example.": ZONE}, config_text(CHAT + PIN))
Answer = Callable[[bytes, str], bytes | None]
NEAR, PINNED_TO, OTHER, NEAR_V6, OTHER_V6 = (
    ipaddress.ip_address(address).packed
    for address in (
        *(address_of(region) for region in ("eu-west", "ap-northeast", "us-east")),
        *(ipv6_of(region) for region in ("eu-west", "us-east")),
    )
)


@pytest.mark.parametrize("origin", ["inference.example.", "caf\\233\\200.example.", "."])
def test_a_sound_plan_passes_whatever_its_apex(origin: str) -> None:
    served = Server(snapshot_of({origin: HEAD}))
    verify(served.snapshot, served.send)


@pytest.mark.parametrize("policy", ["nearest", "failover", "weighted"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_sound_service_passes(policy: str, compiled: bool) -> None:
    if compiled and (reason := why_not()):
        pytest.skip(reason)
    config = config_text(CHAT + f'policy = "{policy}"\n' + PIN)
    served = Server(snapshot_of({"inference.example.": ZONE}, config, compiled=compiled))
    verify(served.snapshot, served.send, PINNED)


@pytest.mark.parametrize("elsewhere", ["", "b 60 DYNA chat\n"])
def test_a_name_that_a_zone_below_answers_is_asked_of_no_other(elsewhere: str) -> None:
    around = f"{HEAD}chat 60 DYNA chat\n{elsewhere}"
    below = f"{HEAD}@ 60 A 192.0.2.99\n"
    served = Server(
        snapshot_of({"inference.example.": around, "chat.inference.example.": below},
                    config_text(CHAT + PIN))
    )  # fmt: skip
    verify(served.snapshot, served.send, PINNED)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda _: None, "not answered", id="silence"),
        pytest.param(lambda wire: wire[:20], "broken message", id="cut short"),
        pytest.param(lambda wire: wire[:2] + b"\x80" + wire[3:], "not serial 7", id="without AA"),
        pytest.param(lambda wire: wire.replace(b"\0\0\0\7", b"\0\0\0\6"), "[6]", id="old serial"),
    ],
)
def test_a_wrong_answer_about_a_zone_is_told(
    spoil: Callable[[bytes], bytes | None], message: str
) -> None:
    served = Server(snapshot_of({"inference.example.": HEAD}))
    with pytest.raises(PlanError, match="fails its own check") as refused:
        verify(served.snapshot, lambda packet, source: spoil(served.send(packet, source)))
    assert message in str(refused.value)


def _only_services(spoil: Answer) -> Answer:
    """Answers zones as it should, and queries for addresses by `spoil`."""
    served, asked = Server(SOUND), {A.to_bytes(2, "big"), AAAA.to_bytes(2, "big")}
    return lambda packet, source: (
        spoil(packet, source) if packet[-4:-2] in asked else served.send(packet, source)
    )


def _as_answered_to(client: str) -> Answer:
    served = Server(SOUND)
    return lambda packet, _: served.send(packet, client)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            lambda *_: None, "A for 10.2.0.0 (service chat) is not answered", id="silence"
        ),
        pytest.param(
            _as_answered_to("203.0.113.7"),
            "A for 10.2.0.0 (service chat) is answered with an address outside the client's fence",
            id="no pin by IPv4",
        ),
        pytest.param(
            _as_answered_to("203.0.113.7"), "A for 2001:db8:2:: (service chat)", id="none by IPv6"
        ),
        pytest.param(
            lambda packet, source: Server(SOUND).send(packet, source).replace(NEAR, OTHER),
            "is not answered with eu-west, which serves and is preferred",
            id="another region",
        ),
        pytest.param(
            lambda packet, source: Server(SOUND).send(packet, source).replace(NEAR_V6, OTHER_V6),
            "is not answered with eu-west, which serves and is preferred",
            id="another region by IPv6",
        ),
        pytest.param(
            _as_answered_to("203.0.113.7"),
            "AAAA for 10.2.0.0 (service chat) is answered with an address outside the client's",
            id="no pin for IPv6 addresses",
        ),
        pytest.param(
            lambda packet, _: packet[:2] + b"\x84\0" + packet[4:],
            "is not answered with",
            id="NODATA",
        ),
    ],
)
def test_a_wrong_answer_for_a_service_is_told(spoil: Answer, message: str) -> None:
    with pytest.raises(PlanError) as refused:
        verify(SOUND, _only_services(spoil), PINNED)
    assert message in str(refused.value)


REDIRECTED = snapshot_of(
    {"inference.example.": ZONE}, config_text(CHAT + 'answer = "cname"\n' + PIN)
)


def test_a_sound_service_that_answers_with_names_passes() -> None:
    verify(REDIRECTED, Server(REDIRECTED).send, PINNED)


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        (b"\7us-east", "is not answered with eu-west, which serves and is preferred"),
        (b"\7unknown", "is answered with a name outside the client's fence"),
    ],
)
def test_a_service_that_answers_with_a_wrong_name_is_told(renamed: bytes, message: str) -> None:
    served = Server(REDIRECTED)
    with pytest.raises(PlanError) as refused:
        verify(
            REDIRECTED,
            lambda packet, source: served.send(packet, source).replace(b"\7eu-west", renamed),
            PINNED,
        )
    assert message in str(refused.value)


@pytest.mark.parametrize("compiled", [False, True])
async def test_a_region_of_more_addresses_than_a_datagram_holds_passes(compiled: bool) -> None:
    """Clients are told to ask again over TCP; the Plan's own check is not cut short in any way."""
    if compiled and (reason := why_not()):
        pytest.skip(reason)
    endpoints = "".join(
        f'[[region.eu-west.endpoint]]\naddress = ["{kind}{number}"]\nurl = "http://{url}:80"\n'
        for number in range(1, 201)
        for kind, url in (("198.51.100.", f"127.0.0.{number}"), ("2001:db8:5::", "[::1]"))
    )
    config = config_text(CHAT).replace("[region.ap-northeast]", f"{endpoints}[region.ap-northeast]")
    snapshot = snapshot_of({"inference.example.": ZONE}, config, compiled=compiled)
    engine = NativeEngine((), (), TcpLimits(1.0, 1.0, 1, 1)) if compiled else None
    verify(snapshot, await engine.staged(snapshot) if engine else asking(snapshot))


@pytest.mark.parametrize("state", [State.DOWN, State.UNKNOWN])
@pytest.mark.parametrize("answer", ["address", "cname"])
@pytest.mark.parametrize("all_down", ["nearest", "cname", "nodata", "servfail"])
def test_a_sound_plan_passes_while_nothing_serves(all_down: str, answer: str, state: State) -> None:
    """Or no edit would be adopted for as long as every region is down."""
    config = config_text(CHAT + f'all_down = "{all_down}"\nanswer = "{answer}"\n' + PIN)
    verdicts = {f"{region}-1": replace(UP, state=state) for region in REGIONS}
    snapshot = snapshot_of({"inference.example.": ZONE}, config, verdicts=verdicts)
    verify(snapshot, Server(snapshot).send, PINNED)


def test_no_more_faults_are_told_than_one_reads() -> None:
    zones = {f"z{index}.example.": HEAD for index in range(30)}
    with pytest.raises(PlanError) as refused:
        verify(snapshot_of(zones), lambda packet, source: None)
    assert str(refused.value).count("is not answered") == 10


def test_the_addresses_of_a_response_are_read_from_its_answers_alone() -> None:
    served, packet = Server(SOUND), b"\0\0\0\0\0\1" + bytes(6)
    name = b"\4chat\11inference\7example\0"
    response = served.send(packet + name + b"\0\1\0\1", "10.2.3.4")
    assert answered(response, A) == {PINNED_TO}


def test_a_plan_without_services_or_zones_passes() -> None:
    plan = SOUND.plan
    empty = Snapshot(type(plan)(1, {}, {}, b"", 1232), SOUND.steering)
    verify(empty, lambda packet, source: None)
