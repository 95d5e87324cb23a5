"""What docs/steering.md says of a client's region, by messages that both engines answer."""

from __future__ import annotations

import json

import pytest
from harness.config import CHAT, address_of, config_text
from harness.messages import ecs_of
from harness.places import FRANKFURT, LONDON, NEW_YORK, SAN_FRANCISCO, TOKYO
from harness.server import DOWN, HEAD, Server, server

ZONE = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
PLACES = {
    "10.0.0.0/18": NEW_YORK,
    "10.0.64.0/18": LONDON,
    "10.0.128.0/17": TOKYO,
    "10.1.0.0/16": FRANKFURT,
    "10.2.0.0/16": LONDON,
    "10.3.0.0/16": SAN_FRANCISCO,
}


def asked(config: str, client: str, *down: str, lines: str = "") -> tuple[str, int]:
    """The region that a client is given, by its address, and the scope beside it."""
    verdicts = {f"{region}-1": DOWN for region in down}
    at = server(ZONE, config_text(config, server=lines), places=PLACES, verdicts=verdicts)
    return answered(at, client)


def answered(at: Server, client: str) -> tuple[str, int]:
    message = at.ask("chat.inference.example", ecs=client)
    address = str(message.answer[0][0])
    ecs = ecs_of(message)
    assert ecs is not None
    return NAMES[address], ecs.scopelen


NAMES = {address_of(r): r for r in ("us-east", "us-west", "eu-west", "ap-northeast")}
BY_COUNTRY = '[pin.de]\ncountries = ["DE"]\nregions = ["us-east"]\n'
BY_CONTINENT = '[pin.eu]\ncontinents = ["EU"]\nregions = ["ap-northeast"]\n'
BY_SUBNET = '[pin.net]\nsubnets = ["10.1.7.0/24"]\nregions = ["us-west"]\n'


@pytest.mark.parametrize("pins", [BY_COUNTRY + BY_CONTINENT + BY_SUBNET,
                                  BY_SUBNET + BY_CONTINENT + BY_COUNTRY])  # fmt: skip
@pytest.mark.parametrize(
    ("client", "region"),
    [
        ("10.1.7.0/24", "us-west"),  # in Germany, by its subnet
        ("10.1.8.0/24", "us-east"),  # in Germany, by its country
        ("10.2.0.0/24", "ap-northeast"),  # in Britain, by its continent
        ("10.3.0.0/24", "us-west"),  # in California, by no pin: the nearest
    ],
)
def test_a_subnet_beats_a_country_and_a_country_its_continent(
    pins: str, client: str, region: str
) -> None:
    assert asked(CHAT + pins, client)[0] == region


BY_LAW = '[pin.law]\ngroups = ["EEA", "GDPR-adequate"]\nregions = ["us-west"]\n'


@pytest.mark.parametrize(
    ("pins", "client", "region"),
    [
        (BY_LAW, "10.1.8.0/24", "us-west"),  # in Germany, by the EEA
        (BY_LAW, "10.2.0.0/24", "us-west"),  # in Britain, by a decision
        (BY_LAW, "10.0.0.0/24", "us-east"),  # in New York, by no pin: the nearest
        (BY_LAW + BY_COUNTRY, "10.1.8.0/24", "us-east"),
        (BY_LAW + BY_CONTINENT, "10.1.8.0/24", "us-west"),
    ],
)
def test_a_country_beats_a_group_and_a_group_its_continent(
    pins: str, client: str, region: str
) -> None:
    assert asked(CHAT + pins, client)[0] == region


def test_a_country_pin_replaces_that_of_the_continent_and_is_not_cut_down_by_it() -> None:
    assert asked(CHAT + BY_COUNTRY + BY_CONTINENT, "10.1.8.0/24", "us-east")[0] == "us-east"


@pytest.mark.parametrize(
    "listed", [["us-east", "twin"], ["twin", "us-east"]], ids=["as declared", "turned round"]
)
def test_of_two_regions_at_the_same_distance_the_first_in_the_service_answers(
    listed: list[str],
) -> None:
    twin = """
[region.twin]
coordinates = [39.0, -77.5]
endpoint = [{ address = ["192.0.2.99"], url = "http://192.0.2.99:8000" }]
"""
    service = f"[service.chat]\nregions = {json.dumps(listed)}\n"
    at = server(ZONE, config_text(service + twin), places=PLACES)
    message = at.ask("chat.inference.example", ecs="10.0.0.0/24")
    first = "192.0.2.99" if listed[0] == "twin" else address_of("us-east")
    assert str(message.answer[0][0]) == first


@pytest.mark.parametrize(
    "client",
    ["::10.1.8.1/128", "::ffff:10.1.8.1/128", "64:ff9b::10.1.8.1/128", "2002:a01:801::/48",
     "2001::f5fe:f7fe/128"],
)  # fmt: skip
def test_addresses_that_embed_an_ipv4_address_are_treated_as_it_is(client: str) -> None:
    assert asked(CHAT + BY_COUNTRY, client)[0] == "us-east"


@pytest.mark.parametrize(
    ("client", "scope"),
    [
        ("2001:db8:a01:801::/64", 48),  # by 2001:db8::/32: the IPv4 address in 32 bits on end
        ("2001:db9:64:a01:8:100::/88", 64),  # by a /48: 16 bits, and 16 past bits 64 to 71
        ("64:ff9b:1:344:a:108::/104", 88),  # by a /64 within RFC 8215's
        ("64:ff9b:1:345::10.1.8.1/128", 112),  # RFC 8215's, by /96s
    ],
)
def test_nat64_clients_are_treated_as_their_ipv4_address_is(client: str, scope: int) -> None:
    nat64 = 'nat64 = ["2001:db8::/32", "2001:db9:64::/48", "64:ff9b:1:344::/64"]'
    assert asked(CHAT + BY_COUNTRY, client, lines=nat64) == ("us-east", scope)


IN_GERMANY = '[place.office]\nsubnets = ["10.2.7.0/24"]\ncountry = "DE"\n'
IN_TOKYO = '[place.lab]\nsubnets = ["10.2.7.0/28"]\ncoordinates = [35.7, 139.7]\n'
BY_PLACE = '[pin.office]\nplaces = ["office"]\nregions = ["ap-northeast"]\n'


@pytest.mark.parametrize(
    ("tables", "client", "answered"),
    [
        (IN_GERMANY + BY_COUNTRY, "10.2.7.0/24", ("us-east", 24)),  # not where the database says
        (IN_GERMANY + BY_COUNTRY, "10.2.8.0/24", ("eu-west", 21)),
        (IN_TOKYO, "10.2.7.0/28", ("ap-northeast", 28)),
        (IN_TOKYO, "10.2.7.16/28", ("eu-west", 28)),
        (IN_GERMANY + IN_TOKYO + BY_COUNTRY, "10.2.7.0/28", ("ap-northeast", 28)),  # the longest
        (IN_GERMANY + IN_TOKYO + BY_COUNTRY, "10.2.7.16/28", ("us-east", 28)),
        (IN_GERMANY + BY_COUNTRY + BY_PLACE, "10.2.7.0/24", ("ap-northeast", 24)),
        (IN_GERMANY + BY_PLACE + '[pin.net]\nsubnets = ["10.0.0.0/8"]\nregions = ["us-west"]\n',
         "10.2.7.0/24", ("us-west", 24)),
    ],
)  # fmt: skip
def test_what_an_own_place_says_goes_before_every_database(
    tables: str, client: str, answered: tuple[str, int]
) -> None:
    assert asked(CHAT + tables, client) == answered


def test_a_prefix_that_straddles_places_stands_where_its_first_address_is() -> None:
    region, scope = asked(CHAT, "10.0.0.0/16")
    assert region == "us-east"
    assert scope == 18, "the answer is for the first network alone"
    assert [asked(CHAT, client)[0] for client in ("10.0.64.0/18", "10.0.128.0/17")] == [
        "eu-west",
        "ap-northeast",
    ]


def test_a_prefix_that_straddles_pins_has_what_all_of_them_allow() -> None:
    pins = (
        '[pin.us]\ncountries = ["US"]\nregions = ["us-east", "eu-west"]\n'
        '[pin.gb]\ncountries = ["GB"]\nregions = ["eu-west", "us-west"]\n'
    )
    assert asked(CHAT + pins, "10.0.0.0/16") == ("eu-west", 18)
    assert asked(CHAT + pins, "10.0.0.0/18") == ("us-east", 18)


FAILOVER = '[service.chat]\npolicy = "failover"\nregions = ["us-west", "ap-northeast", "us-east"]\n'


@pytest.mark.parametrize(
    ("down", "region"),
    [((), "ap-northeast"), (("ap-northeast",), "us-east"), (("us-west",), "ap-northeast")],
)
def test_failover_under_a_pin_keeps_the_order_of_the_service(
    down: tuple[str, ...], region: str
) -> None:
    pin = '[pin.de]\ncountries = ["DE"]\nregions = ["us-east", "ap-northeast"]\n'
    assert asked(FAILOVER + pin, "10.1.8.0/24", *down)[0] == region


WEIGHTED = """
[service.chat]
policy = "weighted"
regions = ["us-east", "us-west", "eu-west"]
weights = { us-east = 0, us-west = 1 }
"""


def test_weight_0_takes_nobody_while_another_region_serves_and_everybody_after() -> None:
    at = server(ZONE, config_text(WEIGHTED), places=PLACES)
    blocks = [f"10.1.{n}.0/24" for n in range(64)]
    assert {answered(at, block)[0] for block in blocks} == {"us-west", "eu-west"}
    dead = {"us-west-1": DOWN, "eu-west-1": DOWN}
    at = server(ZONE, config_text(WEIGHTED), places=PLACES, verdicts=dead)
    assert {answered(at, block)[0] for block in blocks} == {"us-east"}


TRICKLE = f"{CHAT}trickle = 0.25\n"


def test_the_second_region_has_a_trickle_of_blocks_always_the_same() -> None:
    clients = [f"10.3.{n}.0/24" for n in range(128)]
    given = {client: asked(TRICKLE, client) for client in clients}
    assert {region for region, _ in given.values()} == {"us-west", "us-east"}
    few = {client for client, (region, _) in given.items() if region == "us-east"}
    assert 16 <= len(few) <= 48
    assert {scope for _, scope in given.values()} == {24}
    again = {client: asked(f"{CHAT}trickle = 0.1\n", client) for client in clients}
    assert {client for client, (region, _) in again.items() if region == "us-east"} < few


def test_a_trickle_is_given_to_no_second_that_is_away_and_of_no_first_that_is() -> None:
    clients = [f"10.3.{n}.0/24" for n in range(32)]
    assert {asked(TRICKLE, client, "us-east")[0] for client in clients} == {"us-west"}
    assert {asked(TRICKLE, client, "us-west")[0] for client in clients} == {"us-east"}


def test_a_fence_of_one_region_has_no_trickle_and_one_of_two_keeps_it_within() -> None:
    clients = [f"10.1.{n}.0/24" for n in range(32)]
    assert {asked(TRICKLE + BY_COUNTRY, client)[0] for client in clients} == {"us-east"}
    pin = '[pin.de]\ncountries = ["DE"]\nregions = ["eu-west", "ap-northeast"]\n'
    assert {asked(TRICKLE + pin, client)[0] for client in clients} == {"eu-west", "ap-northeast"}
