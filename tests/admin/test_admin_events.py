"""Events: each change of state is one, with before, after and reason; queries only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from admin_client import NAME, TOKYO, AdminClient, opened, set_option, until
from harness.config import config_text
from harness.daemon import Endpoints, running
from structlog.testing import capture_logs

from resolverd.config.load import load_config
from resolverd.errors import ConfigError


def _named(events: list[Any], name: str, **fields: Any) -> list[Any]:
    return [e for e in events if e["event"] == name and fields.items() <= e.items()]


async def test_a_regions_change_is_one_event(admin: AdminClient, played: Endpoints) -> None:
    with capture_logs() as events:
        played.status["us-west"] = 500

        async def down() -> bool:
            return bool(_named(events, "region.state", region="us-west", after="down"))

        await until(down)
    first, second = _named(events, "region.state")
    assert (first["before"], first["after"]) == ("up", "suspect")
    assert (second["before"], second["after"]) == ("suspect", "down")
    assert second["reason"] == "HTTP 500"
    assert second["services"] == ["chat"]
    assert len(_named(events, "endpoint.state", endpoint="us-west-1")) == 2


async def test_an_overrides_life_is_reported(admin: AdminClient) -> None:
    with capture_logs() as events:
        await admin.override("us-east", "drain", who="ann", **{"for": "1h"})
        await admin.override("us-east", "down", who="bob", **{"for": "200ms"})

        async def ended() -> bool:
            return bool(_named(events, "override.ended", target="us-east"))

        await until(ended)
        await admin.override("us-east", "drain", who="ann")
        await admin.ask("DELETE", "/override/us-east?who=cyd")
    first, second, _ = _named(events, "override.set")
    assert (first["before"], first["after"], first["who"]) == (None, "drain", "ann")
    assert (second["before"], second["after"], second["who"]) == ("drain", "down", "bob")
    assert second["reason"] == "a test"
    (cleared,) = _named(events, "override.cleared")
    assert (cleared["before"], cleared["who"]) == ("drain", "cyd")
    states = [(e["before"], e["after"]) for e in _named(events, "region.state", region="us-east")]
    assert states == [("up", "down"), ("down", "up"), ("up", "down"), ("down", "up")]


async def test_no_query_is_logged_unless_asked(admin: AdminClient) -> None:
    with capture_logs() as events:
        await admin.dig(ecs=TOKYO)
    assert not _named(events, "query")


async def test_the_query_log_tells_who_asked_what_and_got_what(config: Path) -> None:
    set_option(config, "[server]", "query_log = 1.0")
    async with running(config) as daemon, opened(daemon, config) as admin:
        with capture_logs() as events:
            await admin.dig(ecs=TOKYO)
            await admin.send(b"short", answered=False)
            await admin.dig("nowhere.inference.example", "TYPE65280")

            async def told_all() -> bool:
                return len(_named(events, "query")) == 3

            await until(told_all)  # workers tell when they have answered, in no order
    (reported,) = [e for e in _named(events, "query") if e.get("qname") == f"{NAME}."]
    (dropped,) = [e for e in _named(events, "query") if "dropped" in e]
    (other,) = [e for e in _named(events, "query") if e.get("qtype") == "TYPE65280"]
    assert (reported["qname"], reported["qtype"], reported["rcode"]) == (f"{NAME}.", "A", "NOERROR")
    assert (reported["client"], reported["transport"], reported["subnet"]) == (
        "127.0.0.1",
        "udp",
        TOKYO,
    )
    assert dropped["dropped"] == "short"
    assert (other["qtype"], other["rcode"]) == ("TYPE65280", "NXDOMAIN")


async def test_the_query_log_is_a_sample(config: Path) -> None:
    set_option(config, "[server]", "query_log = 0.2")
    async with running(config) as daemon, opened(daemon, config) as admin:
        with capture_logs() as events:
            for _ in range(300):
                await admin.dig("www.inference.example")
    assert 20 < len(_named(events, "query")) < 120


@pytest.mark.parametrize("text", ["1.5", "-0.1"])
def test_a_share_is_from_0_to_1(tmp_path: Path, text: str) -> None:
    config = tmp_path / "resolverd.toml"
    config.write_text(config_text())
    with pytest.raises(ConfigError, match="query_log"):
        load_config(config, [("server.query_log", float(text))])
