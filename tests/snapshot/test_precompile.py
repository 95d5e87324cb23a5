"""Maps that are made while zones are read are those of the Plan, or are left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from harness.config import CHAT, config_text
from harness.server import load_text_config

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.errors import GeoError
from resolverd.geo.locator import Locator
from resolverd.snapshot import maps
from resolverd.snapshot.clientmap import MapSource, Ranking
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import ClientMap, Plan, ServicePlan
from resolverd.snapshot.precompile import Precompilation

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

SERVED = load_text_config(config_text(CHAT))
OTHER = load_text_config(config_text(CHAT + "block_v4 = 20\n"))
MEASURED = load_text_config(config_text(CHAT + 'policy = "latency"\n'))


@pytest.fixture
def locator() -> Iterator[Locator]:
    opened = Locator.embedded()
    yield opened
    opened.rest()


def _plan(
    config: Config, locator: Locator, precompiled: Callable[[], Sequence[ClientMap]] = tuple
) -> Plan:
    return compile_plan(
        1, config, (), locator, probe_targets(config), compiled=True, precompiled=precompiled
    )


def _source(service: ServicePlan) -> MapSource:
    assert isinstance(service.clients, CompiledClientMap)
    return service.clients.source


def test_a_plan_has_the_maps_that_were_precompiled_for_it(locator: Locator) -> None:
    precompilation = Precompilation()
    precompilation.begin(SERVED, locator)
    made = precompilation.take()
    plan = _plan(SERVED, locator, lambda: made)
    assert [service.clients for service in plan.services.values()] == list(made)


def test_what_was_made_is_held_once(locator: Locator) -> None:
    precompilation = Precompilation()
    precompilation.begin(SERVED, locator)
    assert len(precompilation.take()) == len(SERVED.service)
    assert not precompilation.take()


def test_maps_of_another_configuration_are_left_alone(locator: Locator) -> None:
    precompilation = Precompilation()
    precompilation.begin(OTHER, locator)
    plan = _plan(SERVED, locator, precompilation.take)
    alone = _plan(SERVED, locator)
    for name, service in plan.services.items():
        assert _source(service) == _source(alone.services[name])


def test_what_is_begun_anew_replaces_what_was_begun(locator: Locator) -> None:
    precompilation = Precompilation()
    precompilation.begin(OTHER, locator)
    precompilation.begin(SERVED, locator)
    plan = _plan(SERVED, locator, precompilation.take)
    assert _source(plan.services["chat"]).ranked.block_v4 != 20


def test_maps_by_round_trip_times_wait_for_their_tables(locator: Locator) -> None:
    precompilation = Precompilation()
    precompilation.begin(MEASURED, locator)
    assert not precompilation.take()


def test_the_reason_that_a_map_cannot_be_made_is_told_with_the_plan(
    locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise GeoError("they are larger than a map can hold")

    monkeypatch.setattr(maps, "_compile", refused)
    precompilation = Precompilation()
    precompilation.begin(SERVED, locator)
    with pytest.raises(GeoError, match="larger than a map"):
        _plan(SERVED, locator, precompilation.take)


def test_who_waits_makes_maps_too_each_once_and_in_the_order_of_services(
    locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = (18, 20, 22, 24, 26)
    services = "".join(
        f'[service.s{length}]\nregions = ["us-east", "eu-west"]\nblock_v4 = {length}\n'
        for length in lengths
    )
    config = load_text_config(config_text(services))
    makers: list[tuple[int, int]] = []
    both = threading.Event()
    make = maps.MapMaker.make

    def noted(maker: maps.MapMaker, ranked: Ranking, *rest: Any) -> ClientMap:
        makers.append((threading.get_ident(), ranked.block_v4))
        if len({thread for thread, _ in makers}) > 1:
            both.set()
        if len(makers) > 1:  # the first is waited for; of the others neither has all
            assert both.wait(30)
        return make(maker, ranked, *rest)

    monkeypatch.setattr(maps.MapMaker, "make", noted)
    precompilation = Precompilation()
    precompilation.begin(config, locator)
    made = precompilation.take()
    assert sorted(length for _, length in makers) == [*lengths]
    assert len({thread for thread, _ in makers}) == 2
    plan = _plan(config, locator, lambda: made)
    assert [service.clients for service in plan.services.values()] == list(made)
