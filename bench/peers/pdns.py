"""PowerDNS with its geoip backend: by the database's country; its caches as they come."""

from __future__ import annotations

import subprocess

from bench.peers.server import Server, Site
from bench.peers.world import STATIC_ADDRESS, TTL

_CONFIG = """\
launch=geoip
geoip-zones-file={place}/zones.yaml
geoip-database-files=mmdb:{database}
edns-subnet-processing=yes
local-address=127.0.0.1
local-port={port}
receiver-threads={threads}
reuseport=yes
distributor-threads=1
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
log-dns-queries=no
socket-dir={place}
expand-alias=no
"""
_ZONE = """\
- domain: {origin}
  ttl: {ttl}
  records:
    {origin}:
      - soa: ns1.{origin}. hostmaster.{origin}. {serial} 3600 900 604800 300
      - ns: ns1.{origin}.
      - ns: ns2.{origin}.
    ns1.{origin}:
      - a: 192.0.2.53
    ns2.{origin}:
      - a: 198.51.100.53
    www.{origin}:
      - a: {static}
{regions}  services:
    geo.{origin}: ["%mp.{origin}", "{default}.{origin}"]
"""


class Pdns(Server):
    """pdns_server."""

    name = "pdns"
    program = "pdns_server"
    version_words = ("--version",)

    def write(self, site: Site) -> None:
        """One YAML file of zones; a country names its region, and the region has a name."""
        places = site.world.places()
        countries = "".join(
            f"  {code.lower()}: {region.name}\n" for code, region in site.world.by_country().items()
        )
        zones = "".join(
            _ZONE.format(
                origin=origin,
                ttl=TTL,
                serial=site.serial,
                static=STATIC_ADDRESS,
                regions="".join(
                    f"    {r.name}.{origin}:\n      - a: {r.address}\n" for r in places
                ),
                default=places[0].name,
            )
            for origin in site.world.origins()
        )
        text = f'mapping_lookup_formats: ["%cc"]\ncustom_mapping:\n{countries}domains:\n{zones}'
        (site.place / "zones.yaml").write_text(text)
        config = _CONFIG.format(
            place=site.place,
            port=site.port,
            threads=site.threads,
            database=site.world.database,
        )
        (site.place / "pdns.conf").write_text(config)

    def command(self, site: Site) -> list[str]:
        """In the foreground."""
        return [self.found(), f"--config-dir={site.place}"]

    def reload(self, site: Site, pid: int) -> None:
        """By its control socket; what its caches hold has to be purged."""
        for order in ("rediscover", "purge"):
            words = ["pdns_control", f"--socket-dir={site.place}", order]
            subprocess.run(words, check=True, capture_output=True)
