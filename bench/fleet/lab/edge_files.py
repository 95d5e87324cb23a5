"""What an edge is configured with: one text, in which edges differ by place, name and address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.fleet.lab.places import ANYCAST4, ANYCAST6, PINS, REGIONS, EdgeNode

_SERVER = """\
[server]
listen = ["{anycast4}:53", "[{anycast6}]:53", "{own}:53"]
coordinates = [{lat}, {long}]
country = "{country}"
nsid = "{name}"
state = "{state}"
workers = 1
{zones}[admin]
socket = "admin.sock"
listen = "127.0.0.1:9153"
"""
_PROBE = """\
[probe]
kind = "vllm"
interval = "1s"
fast_interval = "250ms"
timeout = "1s"
fall = 3
rise = 2
flap_damping = "0s"
"""
_ZONES = 'zones = ["*.zone"]\n'
_REGION = """\
[region.{r.name}]
coordinates = [{r.coordinates[0]}, {r.coordinates[1]}]
country = "{r.country}"
[[region.{r.name}.endpoint]]
name = "{r.name}-1"
address = ["{r.given4}", "{r.given6}"]
url = "{r.url}"
"""
_SERVICE = """\
[service.chat]
model = "meta-llama/Llama-3.1-70B-Instruct"
regions = [{regions}]
policy = "nearest"
ttl = "20s"
failover_ttl = "2s"
spill = {{ enabled = false }}
"""
ZONE = """\
$ORIGIN inference.example.
$TTL 60
@ SOA ns1 hostmaster 1 3600 900 604800 60
@ NS ns1
ns1 A {anycast4}
ns1 AAAA {anycast6}
chat DYNA chat
"""


def configuration(
    edge: EdgeNode, state: Path, nats: Sequence[str], *, published: bool = False
) -> str:
    """resolverd.toml of an edge that keeps its state there; a fleet where `nats` has URLs.

    With `published` it has what is the edge's own alone, and takes the rest from the fleet.
    """
    latitude, longitude = edge.coordinates
    own = _SERVER.format(
        anycast4=ANYCAST4,
        anycast6=ANYCAST6,
        own=edge.ipv4,
        lat=latitude,
        long=longitude,
        country=edge.country,
        name=edge.name,
        state=state,
        zones="" if published else _ZONES,
    )
    joined = fleet(edge.name, nats)
    if published:
        return f'{own}{joined}configuration = "published"\n'
    return f"{own}{joined}{common()}"


def common() -> str:
    """What all edges have: probes, regions, the service, pins."""
    names = ", ".join(f'"{region.name}"' for region in REGIONS)
    regions = "".join(_REGION.format(r=region) for region in REGIONS)
    return f"{_PROBE}{regions}{_SERVICE.format(regions=names)}{''.join(PINS)}"


def to_publish(nats: Sequence[str]) -> str:
    """resolverd.toml of the set that is published."""
    server = f"[server]\ncoordinates = [50.1, 8.7]\n{_ZONES}"
    return f"{server}{fleet('publisher', nats)}{common()}"


def fleet(edge: str, nats: Sequence[str]) -> str:
    """`[fleet]` of an edge; nothing without URLs."""
    if not nats:
        return ""
    urls = ", ".join(f'"{url}"' for url in nats)
    return f'[fleet]\nurls = [{urls}]\nname = "lab"\nedge = "{edge}"\nverdicts = "quorum"\n'


def zone() -> str:
    """The zone that all of them serve."""
    return ZONE.format(anycast4=ANYCAST4, anycast6=ANYCAST6)
