"""Knot DNS with mod-geoip: by the database's country, since it compares keys and no distances."""

from __future__ import annotations

import os
import signal

from bench.peers.server import Server, Site

_CONFIG = """\
server:
    rundir: "{place}"
    listen: 127.0.0.1@{port}
    udp-workers: {threads}
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
log:
  - target: stderr
    any: info
database:
    storage: "{place}"
mod-geoip:
  - id: geo
    config-file: "{place}/geo.conf"
    ttl: 60
    mode: geodb
    geodb-file: "{database}"
    geodb-key: country/iso_code
template:
  - id: default
    storage: "{place}/zones"
    file: "%s.zone"
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
{zones}"""


class Knot(Server):
    """knotd."""

    name = "knot"
    program = "knotd"
    version_words = ("-V",)

    def write(self, site: Site) -> None:
        """A module that lists each country for each zone."""
        origins = list(site.world.origins())
        zones = "".join(f"  - domain: {origin}\n    module: mod-geoip/geo\n" for origin in origins)
        config = _CONFIG.format(
            place=site.place,
            port=site.port,
            threads=site.threads,
            database=site.world.database,
            zones=zones,
        )
        countries = "".join(
            f"  - geo: {code}\n    A: {region.address}\n"
            for code, region in site.world.by_country().items()
        )
        (site.place / "knot.conf").write_text(config)
        (site.place / "geo.conf").write_text(
            "".join(f"geo.{origin}.:\n{countries}" for origin in origins)
        )
        default = site.world.places()[0].address
        self.write_zones(site, f"geo A {default}\n", "{}.zone".format)

    def command(self, site: Site) -> list[str]:
        """In the foreground."""
        return [self.found(), "-c", str(site.place / "knot.conf")]

    def reload(self, site: Site, pid: int) -> None:
        """Configuration and zones."""
        os.kill(pid, signal.SIGHUP)
