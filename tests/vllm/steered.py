"""A resolverd that steers between two regions, and a client of it that never stops asking.

`near` is where every client is sent while all is well, `far` the other. The daemon is a process
of its own with nothing configured but the kind of its probes; the client asks over UDP.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rdatatype
from harness.config import NO_ADMIN
from harness.daemon import Asked, Process, serving
from harness.server import HEAD
from real_vllm import MODEL

NEAR, FAR = "192.0.2.10", "192.0.2.20"
INTERVAL = 5.0
"""Seconds between two probes of an endpoint that is up, by default."""

_QNAME = "chat.inference.example"
# The edge stands where `near` does, and so does every client whose place nobody knows.
_CLIENTS = tuple(f"10.0.{number}.0" for number in range(32))
_PAUSE = 0.1
# A server at its limit leaves this process little of two cores, and so it may come late to answers
# that have long arrived: it asks again, as a resolver does.
_TIMEOUT, _TRIES = 10.0, 4

_CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
coordinates = [39.0, -77.5]
zones = ["example.zone"]

[admin]
{admin}

[probe]
kind = "vllm"

[region.near]
coordinates = [39.0, -77.5]
[region.near.probe]
{probe}
[[region.near.endpoint]]
address = ["{near_address}"]
url = "{near}"

[region.far]
coordinates = [37.4, -122.1]
[[region.far.endpoint]]
address = ["{far_address}"]
url = "{far}"

[service.chat]
model = "{model}"
regions = ["near", "far"]
"""


@dataclass(frozen=True)
class Round:
    """One answer for each client, all asked together: what each was given, and when."""

    at: float
    given: tuple[str, ...]

    def share(self, address: str) -> float:
        """The share of the clients that were given `address`, from 0 to 1."""
        return self.given.count(address) / len(self.given)


class Steered:
    """What has been answered so far, and what the daemon has told; times are monotonic."""

    def __init__(self, process: Process) -> None:
        self.rounds: list[Round] = []
        self._process = process
        self._news = asyncio.Condition()

    async def until(self, met: Callable[[Round], bool], within: float) -> Round:
        """The first round from now on that meets the condition."""
        seen = len(self.rounds)
        async with asyncio.timeout(within), self._news:
            while True:
                for round_ in self.rounds[seen:]:
                    if met(round_):
                        return round_
                seen = len(self.rounds)
                await self._news.wait()

    async def settled(self, address: str, within: float) -> float:
        """Wait until nobody is given another address; when that began."""
        return (await self.until(lambda round_: round_.share(address) == 1.0, within)).at

    def last(self, address: str) -> float:
        """When somebody was given `address` for the last time; minus infinity if never."""
        at = [round_.at for round_ in self.rounds if round_.share(address)]
        return at[-1] if at else float("-inf")

    def stall(self) -> float:
        """The longest time between two rounds, in seconds: far more than usual on a busy host."""
        at = [round_.at for round_ in self.rounds]
        return max((later - sooner for sooner, later in itertools.pairwise(at)), default=0.0)

    def since(self, at: float) -> list[Round]:
        """The rounds from that time on."""
        return [round_ for round_ in self.rounds if round_.at >= at]

    def events(self, name: str, **having: str) -> list[dict[str, Any]]:
        """What the daemon has logged by that name, with these values, so far."""
        return [
            event
            for event in self._process.events
            if event["event"] == name and having.items() <= event.items()
        ]

    def withdrawals(self, region: str) -> list[str]:
        """Why the region's endpoint was taken down, each time that it was."""
        taken = self.events("endpoint.state", region=region, after="down")
        return [event["reason"] for event in taken]

    def transitions(self) -> list[dict[str, Any]]:
        """Each change of an endpoint's state, but for what its first probe found."""
        return [each for each in self.events("endpoint.state") if each["before"] != "unknown"]

    def spills(self, region: str) -> int:
        """How often the region began to send a share of its clients on."""
        return len(self.events("spill.begins", region=region))

    @property
    def log(self) -> str:
        """All that the daemon has logged."""
        return "\n".join(map(str, self._process.events))

    async def ask(self, asked: Asked) -> None:
        """Ask for every client, round after round."""
        while True:
            given = await asyncio.gather(*(_answer(asked, client) for client in _CLIENTS))
            async with self._news:
                self.rounds.append(Round(time.monotonic(), tuple(given)))
                self._news.notify_all()
            await asyncio.sleep(_PAUSE)


@asynccontextmanager
async def steering(folder: Path, near: str, far: str, *, probe: str = "") -> AsyncIterator[Steered]:
    """A daemon that probes the servers at these URLs, and is asked until the end.

    `probe` are options for the probe of `near`, in place of the defaults.
    """
    (folder / "example.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n")
    path = folder / "resolverd.toml"
    path.write_text(
        _CONFIG.format(
            admin=NO_ADMIN,
            near=near,
            far=far,
            near_address=NEAR,
            far_address=FAR,
            model=MODEL,
            probe=probe,
        )
    )
    async with serving(path) as process:
        steered = Steered(process)
        asking = asyncio.create_task(steered.ask(process.asked))
        try:
            yield steered
            assert not asking.done(), asking.exception()
        finally:
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # as it was told
                await asking


def addresses(message: dns.message.Message) -> Iterable[str]:
    """The addresses in an answer."""
    return [
        rdata.address
        for rrset in message.answer
        if rrset.rdtype == dns.rdatatype.A
        for rdata in rrset
    ]


async def _answer(asked: Asked, client: str) -> str:
    """The one address that a client of this /24 is given."""
    query = dns.message.make_query(
        _QNAME, "A", use_edns=0, options=[dns.edns.ECSOption(client, 24)]
    )
    for left in reversed(range(_TRIES)):
        try:
            message = await dns.asyncquery.udp(
                query, asked.address, port=asked.port, timeout=_TIMEOUT
            )
            break
        except dns.exception.Timeout:
            if not left:
                raise
    (address,) = addresses(message)
    return address
