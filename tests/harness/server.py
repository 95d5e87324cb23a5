"""A Snapshot from text, and a server that answers from it, without a socket.

It answers with both engines where the native one is built, and they have to agree. What tests
look at is the reference engine's answer over lazy maps; the engines are compared over compiled
ones, whose scopes may be shorter.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import dns.message

from harness.config import config_text
from harness.messages import query, read
from harness.native import native_of
from harness.places import TableLocator, database_locator
from resolverd.abi.library import why_not
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.config.tiers import answers
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.errors import errors_among
from resolverd.geo.locator import Locator
from resolverd.geo.place import Place
from resolverd.health.overrides import Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.policy.share import Share
from resolverd.snapshot.compile import compile_plan
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone

NOW = 1_000_000.0
"""The clock reading, in monotonic seconds, at which a test's verdicts are seen."""

UP = Verdict(State.UP, None, "test", math.inf, State.UP)
DOWN = Verdict(State.DOWN, None, "test", 1.0, State.DOWN, probed_at=NOW)

HEAD = """\
$TTL 3600
@ SOA ns1 hostmaster 7 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.53
"""
"""What any zone needs first: SOA with negative TTL 300, NS and its address."""


class Server:
    """Answers packets from one Snapshot and reads its own answers strictly."""

    def __init__(self, snapshot: Snapshot, compiled: Snapshot | None = None) -> None:
        """`compiled` is the same Snapshot over compiled maps, for the engines to agree on."""
        self.snapshot = snapshot
        self.counters = Counters()
        self.native = native_of(compiled or snapshot)
        self._compiled = compiled
        self._compiled_counters = Counters()

    def answer(
        self, packet: bytes, source: str = "203.0.113.7", *, tcp: bool = False
    ) -> bytes | None:
        """The octets answered, None for nothing; asserts that both engines give the same."""
        response = respond(packet, source, self.snapshot, self.counters, tcp=tcp)
        if self.native is not None:
            expected = response
            if self._compiled is not None:
                counters = self._compiled_counters
                expected = respond(packet, source, self._compiled, counters, tcp=tcp)
            native = self.native.respond(packet, source, tcp=tcp)
            assert native == expected, f"the engines differ on {packet.hex()} from {source}"
        return response

    def send(self, packet: bytes, source: str = "203.0.113.7", *, tcp: bool = False) -> bytes:
        """The octets answered; asserts that there are any."""
        response = self.answer(packet, source, tcp=tcp)
        assert response is not None, "no answer"
        return response

    def exchange(
        self, packet: bytes, source: str = "203.0.113.7", *, tcp: bool = False
    ) -> dns.message.Message:
        """Send `packet` and read what comes back with every check of `read`."""
        return read(packet, self.send(packet, source, tcp=tcp), limit=65535 if tcp else 4096)

    def ask(
        self,
        qname: str,
        qtype: str = "A",
        *,
        source: str = "203.0.113.7",
        tcp: bool = False,
        **more: Any,
    ) -> dns.message.Message:
        """Ask a question; `more` is as for `harness.messages.query`."""
        return self.exchange(query(qname, qtype, **more), source, tcp=tcp)


def server(
    zones: str | Mapping[str, str],
    config: str = "",
    *,
    places: Mapping[str, Place] | None = None,
    locator: Locator | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    overrides: Overrides | None = None,
    shares: Mapping[tuple[str, str], Share] | None = None,
    now: float = NOW,
) -> Server:
    """A server over a Snapshot of its own; see `snapshot_of`."""
    made = [
        snapshot_of(
            zones,
            config,
            locator=locator or (database_locator if compiled else TableLocator)(places or {}),
            verdicts=verdicts,
            overrides=overrides,
            shares=shares,
            now=now,
            compiled=compiled,
        )
        for compiled in ((False, True) if why_not() is None else (False,))
    ]
    return Server(*made)


def snapshot_of(
    zones: str | Mapping[str, str],
    config: str = "",
    *,
    locator: Locator | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    overrides: Overrides | None = None,
    shares: Mapping[tuple[str, str], Share] | None = None,
    now: float = NOW,
    compiled: bool = False,
) -> Snapshot:
    """Load, check and compile texts; `zones` is one zone named by its $ORIGIN, or texts by origin.

    Endpoints without an entry in `verdicts` (by probe target) are up and settled; `shares` are by
    service and region. With
    `compiled`, client maps are the native library's.
    """
    loaded = load_text_config(config or config_text())
    targets = probe_targets(loaded)
    services = answers(loaded)
    texts = {"zone": zones} if isinstance(zones, str) else zones
    checked = _zones(tuple(texts.items()), tuple(services.items()))
    plan = compile_plan(1, loaded, checked, locator or TableLocator({}), targets, compiled=compiled)
    judged = dict.fromkeys(targets.by_id, UP) | dict(verdicts or {})
    world = World(judged, overrides or Overrides(), lambda _: UNRESOLVED, shares or {})
    return Snapshot(plan, steer(1, plan, world, now))


@lru_cache(maxsize=64)
def load_text_config(text: str) -> Config:
    """The configuration that `text` says. Raises ConfigError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "resolverd.toml")
        path.write_text(text)
        return load_config(path).config


@lru_cache(maxsize=64)
def _zones(texts: tuple[tuple[str, str], ...], services: tuple[Any, ...]) -> tuple[Zone, ...]:
    with tempfile.TemporaryDirectory() as folder:
        for index, (origin, text) in enumerate(texts):
            start = "" if "$ORIGIN" in text else f"$ORIGIN {origin}\n"
            Path(folder, f"{index}.zone").write_text(start + text)
        zones, problems = load_zones(["*.zone"], Path(folder), services=dict(services))
    wrong = errors_among(problems)
    assert not wrong, "\n".join(map(str, wrong))
    return tuple(zones.values())
