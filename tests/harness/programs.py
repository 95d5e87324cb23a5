"""Other people's programs, run against a daemon of ours."""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.daemon import TIMEOUT, Asked

PACKAGES = {
    "dig": "bind9-dnsutils",
    "kdig": "knot-dnsutils",
    "knotd": "knot",
    "knotc": "knot",
    "unbound": "unbound",
    "pdns_recursor": "pdns-recursor",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "man": "man-db",
    "lexgrog": "man-db",
    "mandoc": "mandoc",
    "bash": "bash",
    "zsh": "zsh",
    "fish": "fish",
}
"""The Debian package that has each program."""


# Whatever a test has seeded, no two workers try the same ports.
_CHANCE = random.SystemRandom()


def program(name: str) -> str:
    """The path of a program; fails the test, with what to install, where there is none."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.fail(
            f"{name} is not installed; make test does, or: apt-get install {PACKAGES[name]}"
        )
    return path


async def output(name: str, *arguments: str) -> str:
    """Run a program to its end; what it printed, errors included. It must succeed."""
    process = await asyncio.create_subprocess_exec(
        program(name),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TIMEOUT):
        printed, _ = await process.communicate()
    text = printed.decode()
    assert process.returncode == 0, f"{name} {arguments} ended with {process.returncode}: {text}"
    return text


def free_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and TCP, and which the kernel gives to nobody.

    It lies below those that the kernel picks from (ip(7), ip_local_port_range): what is bound to it
    may come up later, or be killed and start again.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _CHANCE.randrange(max(1024, lowest - 12_000), lowest)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),  # taken: try another
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port


_UNBOUND = """\
server:
    interface: 127.0.0.1
    port: {port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    logfile: ""
    use-syslog: no
    verbosity: 1
    num-threads: 1
    do-ip6: no
    do-daemonize: no
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    target-fetch-policy: "0 0 0 0 0"
    module-config: "subnetcache iterator"
    send-client-subnet: 127.0.0.1
    client-subnet-always-forward: yes
    max-client-subnet-ipv4: {longest}
remote-control:
    control-enable: no
stub-zone:
    name: "{zone}"
    stub-addr: {daemon.address}@{daemon.port}
"""


@asynccontextmanager
async def unbound(
    folder: Path, daemon: Asked, zone: str, *, longest: int = 24
) -> AsyncIterator[Asked]:
    """unbound as a resolver that sends client subnets of up to `longest` bits to `daemon`."""
    asked = Asked("127.0.0.1", free_port())
    config = folder / "unbound.conf"
    config.write_text(
        _UNBOUND.format(port=asked.port, folder=folder, daemon=daemon, zone=zone, longest=longest)
    )
    async with _started("unbound", ("-d", "-p", "-c", str(config)), "start of service"):
        yield asked


@asynccontextmanager
async def _started(name: str, arguments: Sequence[str], ready: str) -> AsyncIterator[None]:
    """The program, once a line of its standard error has `ready` in it; ended afterwards."""
    process = await asyncio.create_subprocess_exec(
        program(name),
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(TIMEOUT):
            while not said or ready not in said[-1]:
                line = await process.stderr.readline()
                assert line, f"{name} did not start: {said}"
                said.append(line.decode())
        draining = asyncio.create_task(process.stderr.read())
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may be gone already
            process.terminate()
        await process.wait()
    await draining


_RECURSOR = """\
local-address=127.0.0.1
local-port={port}
config-dir={folder}
socket-dir={folder}
daemon=no
disable-syslog=yes
loglevel=6
threads=1
security-poll-suffix=
dnssec=process-no-validate
allow-from=127.0.0.0/8
dont-query=
forward-zones={zone}={daemon.address}:{daemon.port}
edns-subnet-allow-list={zone}
use-incoming-edns-subnet=yes
ecs-add-for=0.0.0.0/0, ::/0
ecs-ipv4-bits={longest}
ecs-ipv4-cache-bits={longest}
"""

# The same for PowerDNS Recursor 5, which reads this file before the other.
_RECURSOR_YAML = """\
dnssec: {{validation: process-no-validate}}
ecs: {{add_for: ["0.0.0.0/0", "::/0"], ipv4_bits: {longest}, ipv4_cache_bits: {longest}}}
incoming:
  allow_from: [127.0.0.0/8]
  listen: [127.0.0.1]
  port: {port}
  use_incoming_edns_subnet: true
logging: {{disable_syslog: true, loglevel: 6}}
outgoing: {{dont_query: [], edns_subnet_allow_list: [{zone}]}}
recursor:
  config_dir: "{folder}"
  socket_dir: "{folder}"
  daemon: false
  threads: 1
  security_poll_suffix: ""
  forward_zones:
  - {{zone: {zone}, forwarders: ["{daemon.address}:{daemon.port}"]}}
"""


@asynccontextmanager
async def recursor(
    folder: Path, daemon: Asked, zone: str, *, longest: int = 24
) -> AsyncIterator[Asked]:
    """PowerDNS Recursor as a resolver that sends client subnets of up to `longest` bits."""
    asked = Asked("127.0.0.1", free_port())
    for name, settings in (("recursor.conf", _RECURSOR), ("recursor.yml", _RECURSOR_YAML)):
        (folder / name).write_text(
            settings.format(
                port=asked.port,
                folder=folder,
                daemon=daemon,
                zone=zone.rstrip("."),
                longest=longest,
            )
        )
    async with _started("pdns_recursor", (f"--config-dir={folder}",), "multiplexer"):
        yield asked
