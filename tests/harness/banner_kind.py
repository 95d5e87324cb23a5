"""A kind of probe as somebody would add one: all that there is of it is this file, and one row.

An endpoint serves when it greets whoever connects with a line that begins as it should, as SMTP and
SSH servers do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from resolverd.config.finding import Finding
from resolverd.config.options import option
from resolverd.config.probe import Probe
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.health.kinds.kind import JsonKey, JsonPart, Kind, Metric, Samples, json_key
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen
from resolverd.health.probes.tools import Tools
from resolverd.health.readings import Readings


class BannerProbe(Probe):
    """A line that the server sends first."""

    kind: Literal["banner"] = "banner"
    greeting: str = option("220 ", "What the line must begin with.")
    banner_octets: int = option(512, "The longest line.", unit="octets", minimum=8, maximum=4096)


@dataclass(frozen=True, slots=True)
class BannerReadings(Readings):
    """The line that came last."""

    banner: str = ""


class BannerPart(JsonPart):
    """What an endpoint greets with."""

    text: str = json_key("The line.")


def check(settings: BannerProbe, asked: ProbedEndpoint) -> Iterator[Finding]:
    """An empty greeting is any."""
    if not settings.greeting:
        yield Finding(
            asked.where("greeting"), "config-banner", "any greeting would do",
            'write greeting = "220 "', "warning",
        )  # fmt: skip


def prepare(url: str, settings: BannerProbe, tools: Tools) -> Ask:
    """Asks the host and port of ``tcp://host:port``."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port

    async def ask() -> Seen:
        (address, *_) = await tools.addresses(host)
        reader, writer = await asyncio.open_connection(address, port)
        try:
            line = (await reader.readline())[: settings.banner_octets].decode("ascii", "replace")
        finally:
            writer.transport.abort()
        read = BannerReadings(banner=line.rstrip())
        if not line.startswith(settings.greeting):
            raise ProbeFailedError.of(Seen("greets otherwise", readings=read))
        return Seen("greets", readings=read)

    return ask


def _octets(read: BannerReadings) -> Samples:
    yield (), len(read.banner)


KIND = Kind(
    BannerProbe,
    prepare,
    BannerReadings,
    schemes=("tcp",),
    check=check,
    metrics=(Metric("gauge", "resolverd_banner_octets", "Length of the last greeting.", _octets),),
    json=(JsonKey("banner", BannerPart, "Its greeting.", lambda read: {"text": read.banner}),),
)
