"""BIND: static names only. Its geography is by views, which is another thing."""

from __future__ import annotations

import os
import signal

from bench.peers.server import Mode, Server, Site

_CONFIG = """\
options {{
    directory "{place}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file "{place}/named.pid";
    session-keyfile "{place}/session.key";
    lock-file none;
    recursion no;
    dnssec-validation no;
    minimal-responses yes;
    notify no;
    allow-transfer {{ none; }};
}};
controls {{ }};
"""


class Bind(Server):
    """named."""

    name = "bind9"
    program = "named"
    modes = (Mode.STATIC,)

    def write(self, site: Site) -> None:
        """An authoritative server and nothing else."""
        zones = "".join(
            f'zone "{origin}" {{ type primary; file "zones/{origin}"; }};\n'
            for origin in site.world.origins()
        )
        config = _CONFIG.format(place=site.place, port=site.port)
        (site.place / "named.conf").write_text(config + zones)
        self.write_zones(site, "")

    def command(self, site: Site) -> list[str]:
        """In the foreground, with its log on stderr."""
        threads = str(site.threads)
        return [self.found(), "-g", "-n", threads, "-c", str(site.place / "named.conf")]

    def reload(self, site: Site, pid: int) -> None:
        """Configuration and zones."""
        os.kill(pid, signal.SIGHUP)
