"""`explain` agrees with the wire: 10,000 random clients are asked for with dig and explained.

Half of them while two regions are overloaded and send clients on.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from pathlib import Path

import pytest
from harness.config import CHAT
from harness.daemon import endpoints, running, write_files
from harness.programs import free_port, program
from harness.server import HEAD

from resolverd.daemon import Daemon
from resolverd.dns.prefix import Prefix
from resolverd.engine.explain import explain
from resolverd.policy.share import Share
from resolverd.snapshot.model import Snapshot
from resolverd.snapshot.steer import steer

CLIENTS = 10_000
SERVICES = f"""{CHAT}
[service.shared]
regions = ["us-east", "us-west", "eu-west"]
policy = "weighted"
weights = {{ us-east = 3 }}
[pin.gdpr]
countries = ["DE", "FR", "IE"]
subnets = ["100.64.0.0/10", "2001:db8::/33"]
regions = ["eu-west"]
[pin.asia]
continents = ["AS"]
regions = ["ap-northeast", "us-west"]
services = ["chat"]
"""
ANSWER = re.compile(
    r"status: (?P<rcode>\w+).*?CLIENT-SUBNET: (?P<subnet>\S+)/(?P<scope>\d+)\n"
    r"(?P<rest>.*?)(?=;; Got answer|\Z)",
    re.DOTALL,
)


def _clients() -> list[Prefix]:
    chance = random.Random(2026)
    chosen = []
    for _ in range(CLIENTS):
        if chance.random() < 0.7:
            whole, length = Prefix(32, chance.getrandbits(32), 32), chance.randint(8, 32)
        else:
            top = chance.choice([0x2001, 0x2002, 0x2400, 0x2600, 0x2A00, 0x2001_0DB8 >> 16])
            whole = Prefix(128, top << 112 | chance.getrandbits(112), 128)
            length = chance.randint(20, 128)
        chosen.append(whole.widened(length))
    return chosen


async def test_the_explained_answer_ttl_and_scope_are_those_that_dig_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with endpoints() as served:
        zone = f"{HEAD}chat 60 DYNA chat\nshared 45 DYNA shared\n"
        path = write_files(tmp_path, {"inference.example.": zone}, served, services=SERVICES)
        # dig binds its own ports so that they may be shared: in 10,000 queries it would sooner or
        # later get a daemon's that the kernel picked, and read its own query as the answer.
        port = free_port()
        path.write_text(path.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        async with running(path) as daemon:
            asked = [(f"{service}.inference.example", client) for service, client in _asked()]
            half = CLIENTS // 2
            # Nothing else is published from here on, whatever a probe says meanwhile.
            publish = daemon.engine.publish
            monkeypatch.setattr(daemon.engine, "publish", _ignore)
            plain, spilling = daemon.snapshot, _overloaded(daemon)
            await publish(plain)
            outcomes = await _agree(tmp_path, daemon, plain, asked[:half])
            assert outcomes == {"serving", "no_region"}
            await publish(spilling)
            outcomes = await _agree(tmp_path, daemon, spilling, asked[half:])
            assert outcomes == {"serving", "spilled", "no_region"}


async def _ignore(_snapshot: Snapshot) -> None:
    """Publish nothing."""


def _overloaded(daemon: Daemon) -> Snapshot:
    """What the daemon serves, but with shares."""
    plan = daemon.snapshot.plan
    shares = {
        (service, region): share
        for service in plan.services
        for region, share in (("us-east", Share(0.4)), ("us-west", Share(accept_ratio=0.3)))
    }
    shares["chat", "ap-northeast"] = Share(0.9, steady=30.0)
    world = daemon.world._replace(shares=shares)
    return Snapshot(plan, steer(1_000_000, plan, world, time.monotonic()))


async def _agree(
    folder: Path, daemon: Daemon, snapshot: Snapshot, asked: list[tuple[str, Prefix]]
) -> set[str]:
    """Hold each answer that dig gets to its explanation; the outcomes that were explained."""
    outcomes = set()
    answers = await _dig(folder, daemon.bound[0].port, asked)
    for (name, client), answer in zip(asked, answers, strict=True):
        explained = explain(name, client, snapshot)
        rows = re.findall(r"\s(\d+)\sIN\s(?:A|CNAME)\s(\S+)", answer["rest"])
        assert answer["subnet"] == str(client)
        assert int(answer["scope"]) == explained.scope
        assert {given.removesuffix(".") for _, given in rows} == {
            given for given in explained.answer if ":" not in given
        }
        assert {int(ttl) for ttl, _ in rows} <= {explained.ttl}
        assert answer["rcode"] == "NOERROR"
        outcomes.add(explained.outcome)
    return outcomes


def _asked() -> list[tuple[str, Prefix]]:
    return [(("chat", "shared")[n % 2], client) for n, client in enumerate(_clients())]


async def _dig(folder: Path, port: int, asked: list[tuple[str, Prefix]]) -> list[re.Match[str]]:
    """One dig for all of them; its answers in order."""
    batch = folder / "batch"
    batch.write_text("".join(f"{name} A +subnet={client}\n" for name, client in asked))
    process = await asyncio.create_subprocess_exec(
        program("dig"),
        *("@127.0.0.1", "-p", str(port), "-f", str(batch), "+noall", "+answer", "+comments"),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return list(ANSWER.finditer(printed.decode()))
