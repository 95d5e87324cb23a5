"""The world of `at_scale`: endpoints on 127.0.0.0/8, the first of which may die.

Each service of those answers with the addresses of all of its endpoints that live.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

FALL, FAST = 3, 0.25
_PER_SERVICE, _PER_REGION = 10, 20

_HEAD = """\
[server]
listen = ["127.0.0.1:{port}"]
coordinates = [50.1, 8.7]
zones = ["bench.example.zone"]
geoip = []
state = "{place}/state"
workers = 1

[admin]
socket = "admin.sock"
listen = ""

[probe]
kind = "{world.kind}"
interval = {world.interval}
fast_interval = {fast}
timeout = 2.0
fall = {fall}

"""
_ZONE = """\
$ORIGIN bench.example.
@ 60 SOA ns1 hostmaster 1 3600 900 604800 300
@ 60 NS ns1
ns1 60 A 192.0.2.53
"""


class World(NamedTuple):
    """So many endpoints of one kind, each probed once in `interval` seconds; `deaths` may die."""

    endpoints: int
    kind: str
    interval: float
    deaths: int


def probed(number: int) -> str:
    """Where endpoint `number` is asked."""
    return f"127.{1 + number // 65025}.{1 + number // 255 % 255}.{number % 255}"


def given(number: int) -> str:
    """The address that clients are given for endpoint `number`."""
    return f"198.{18 + number // 65025}.{number // 255 % 255}.{number % 255}"


def name(number: int) -> str:
    """The name that is answered with it, and a few others."""
    return f"s{number // _PER_SERVICE}.bench.example"


def write_resolverd(place: Path, port: int, probed_port: int, world: World) -> list[str]:
    """The command of the daemon."""
    dying = max(1, world.deaths)
    numbers = list(range(max(world.endpoints, dying + 1)))
    regions = [numbers[n : n + _PER_SERVICE] for n in range(0, dying, _PER_SERVICE)]
    rest = numbers[sum(map(len, regions)) :] or numbers[-1:]
    shared = [rest[n : n + _PER_REGION] for n in range(0, len(rest), _PER_REGION)]
    text = _HEAD.format(
        port=port, place=place, world=world, fast=min(FAST, world.interval), fall=FALL
    )
    for index, members in enumerate([*regions, *shared]):
        listed = ", ".join(
            f'{{ address = ["{given(n)}"], url = "http://{probed(n)}:{probed_port}" }}'
            for n in members
        )
        text += f"[region.r{index}]\ncoordinates = [0, {index % 180}]\nendpoint = [{listed}]\n"
    model = 'model = "bench/model"\n' if world.kind == "vllm" else ""
    fallback = f"r{len(regions)}"
    for number in range(len(regions)):
        text += f'[service.s{number}]\nregions = ["r{number}", "{fallback}"]\n'
        text += f'policy = "failover"\n{model}'
    names = ", ".join(f'"r{n}"' for n in range(len(regions), len(regions) + len(shared)))
    text += f'[service.all]\nregions = [{names}]\npolicy = "failover"\n{model}'
    path = place / "resolverd.toml"
    path.write_text(text)
    steered = "".join(f"s{n} 60 DYNA s{n}\n" for n in range(len(regions))) + "all 60 DYNA all\n"
    (place / "bench.example.zone").write_text(_ZONE + steered)
    return [
        sys.executable,
        "-P",
        "-m",
        "resolverd",
        "serve",
        "--log",
        "json",
        "--config",
        str(path),
    ]
