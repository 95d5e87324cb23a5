"""NSD: static names only."""

from __future__ import annotations

import os
import signal

from bench.peers.server import Mode, Server, Site

_CONFIG = """\
server:
    ip-address: 127.0.0.1@{port}
    server-count: {threads}
    reuseport: yes
    username: ""
    chroot: ""
    zonesdir: "{place}/zones"
    database: ""
    pidfile: "{place}/nsd.pid"
    xfrdfile: "{place}/xfrd.state"
    zonelistfile: "{place}/zone.list"
    xfrdir: "{place}"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
"""


class Nsd(Server):
    """nsd."""

    name = "nsd"
    program = "nsd"
    modes = (Mode.STATIC,)

    def write(self, site: Site) -> None:
        """Rate limiting off: all queries come from one address."""
        zones = "".join(
            f'zone:\n    name: {origin}\n    zonefile: "{origin}"\n'
            for origin in site.world.origins()
        )
        config = _CONFIG.format(place=site.place, port=site.port, threads=site.threads)
        (site.place / "nsd.conf").write_text(config + zones)
        self.write_zones(site, "")

    def command(self, site: Site) -> list[str]:
        """In the foreground."""
        return [self.found(), "-d", "-c", str(site.place / "nsd.conf")]

    def reload(self, site: Site, pid: int) -> None:
        """Zones whose files changed."""
        os.kill(pid, signal.SIGHUP)
