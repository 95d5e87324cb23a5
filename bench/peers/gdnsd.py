"""gdnsd with its geoip plugin: nearest by coordinates, as resolverd; its ECS is on by default."""

from __future__ import annotations

import subprocess

from bench.peers.server import Server, Site

_CONFIG = """\
options => {{
  listen => 127.0.0.1
  dns_port => {port}
  udp_threads => {threads}
  tcp_threads => 1
  edns_client_subnet => true
  run_dir => "{place}/run"
  state_dir => "{place}/state"
}}
plugins => {{ geoip => {{
  maps => {{ nearest => {{
    geoip2_db => "{database}"
    datacenters => [ {names} ]
    auto_dc_coords => {{ {coordinates} }}
  }} }}
  resources => {{ geo => {{
    map => nearest
    service_types => up
    dcmap => {{ {addresses} }}
  }} }}
}} }}
"""


class Gdnsd(Server):
    """gdnsd."""

    name = "gdnsd"
    program = "gdnsd"
    version_words = ("-h",)

    def write(self, site: Site) -> None:
        """One map, one resource."""
        places = site.world.places()
        text = _CONFIG.format(
            port=site.port,
            threads=site.threads,
            place=site.place,
            database=site.world.database,
            names=", ".join(r.name for r in places),
            coordinates=", ".join(f"{r.name} => [ {r.north}, {r.east} ]" for r in places),
            addresses=", ".join(f"{r.name} => {r.address}" for r in places),
        )
        (site.place / "config").write_text(text)
        self.write_zones(site, "geo DYNA geoip!geo\n")

    def command(self, site: Site) -> list[str]:
        """In the foreground."""
        return [self.found(), "-c", str(site.place), "start"]

    def reload(self, site: Site, pid: int) -> None:
        """By its control socket."""
        words = ["gdnsdctl", "-c", str(site.place), "reload-zones"]
        subprocess.run(words, check=True, capture_output=True)
