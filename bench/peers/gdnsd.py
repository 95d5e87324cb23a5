"""gdnsd with its geoip plugin: nearest by coordinates, as resolverd; its ECS is on by default."""

from __future__ import annotations

import subprocess

from bench.peers.server import Server, Site
from bench.peers.world import MOST_REGIONS, World

_CONFIG = """\
options => {{
  listen => 127.0.0.1
  dns_port => {port}
  udp_threads => {threads}
  tcp_threads => 1{receive_buffer}
  edns_client_subnet => true
  run_dir => "{place}/run"
  state_dir => "{place}/state"
}}
plugins => {{ geoip => {{
  maps => {{ {maps} }}
  resources => {{ {resources} }}
}} }}
"""
_MAP = """\
{name} => {{
    geoip2_db => "{database}"
    datacenters => [ {names} ]
    auto_dc_coords => {{ {coordinates} }}
  }}
"""
_RESOURCE = """\
{name} => {{
    map => {map}
    service_types => up
    dcmap => {{ {addresses} }}
  }}
"""


MOST_RECEIVE_BUFFER = 1 << 20
"""Octets of the largest `udp_rcvbuf` that it takes."""


class Gdnsd(Server):
    """gdnsd, as it comes; with `receive_buffer`, with a `udp_rcvbuf` of as many octets."""

    name = "gdnsd"
    program = "gdnsd"
    version_words = ("-h",)

    def __init__(self, receive_buffer: int | None = None) -> None:
        self._receive_buffer = receive_buffer
        if receive_buffer is not None:
            self.name = f"gdnsd, udp_rcvbuf {receive_buffer:,}"

    def write(self, site: Site) -> None:
        """A map of each set of regions (it takes at most 254), a resource of each service."""
        world = site.world
        shares = min(world.services, -(-world.regions // MOST_REGIONS))
        names = ["geo", *(f"s{n:03}" for n in range(1, world.services))]
        text = _CONFIG.format(
            port=site.port,
            threads=site.threads,
            place=site.place,
            receive_buffer=(
                f"\n  udp_rcvbuf => {self._receive_buffer}" if self._receive_buffer else ""
            ),
            maps="".join(_map(f"m{n}", world, n) for n in range(shares)),
            resources="".join(
                _RESOURCE.format(
                    name=name,
                    map=f"m{n % shares}",
                    addresses=", ".join(f"{r.name} => {r.address}" for r in world.places_of(n)),
                )
                for n, name in enumerate(names)
            ),
        )
        (site.place / "config").write_text(text)

        def steered(zone: int) -> str:
            own = sorted({"geo", names[zone % len(names)]})
            return "".join(f"{name} DYNA geoip!{name}\n" for name in own)

        self.write_zones(site, steered)

    def command(self, site: Site) -> list[str]:
        """In the foreground."""
        return [self.found(), "-c", str(site.place), "start"]

    def reload(self, site: Site, pid: int) -> None:
        """By its control socket."""
        words = ["gdnsdctl", "-c", str(site.place), "reload-zones"]
        subprocess.run(words, check=True, capture_output=True)


def _map(name: str, world: World, number: int) -> str:
    places = world.places_of(number)
    return _MAP.format(
        name=name,
        database=world.database,
        names=", ".join(r.name for r in places),
        coordinates=", ".join(f"{r.name} => [ {r.north}, {r.east} ]" for r in places),
    )
