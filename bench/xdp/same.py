"""Is the kernel's answer the engine's? The daemon serves behind the program, both are asked.

With empty tables every query goes up the stack; once they are filled, those that the kernel
understands are answered there. The octets must be equal either way, over QNAMEs of even and odd
length, header flags, DO, and letters of both cases; and dig must like them.
"""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import ENDPOINT, ROOT
from bench.xdp.build import BUILD
from bench.xdp.kernel import KernelAnswer
from bench.xdp.veth import SERVER, Veth, run

TTL = 30
# Region number -> its address and the client block that a pin mandates to it.
REGIONS = {0: ("192.0.2.10", "10.1.2.0"), 1: ("192.0.2.20", "10.9.8.0")}
EVEN, ODD = "chat.inference.example", "chats.inference.example"

CONFIG = f"""\
[server]
listen = ["{SERVER}:53"]
coordinates = [50.1, 8.7]
zones = ["inference.example.zone"]
[admin]
socket = ""
listen = ""
[probe]
interval = "1s"
fast_interval = "200ms"
"""
REGION = """\
[region.r{n}]
coordinates = [0, {n}]
endpoint = [{{ address = ["{address}"], url = "http://127.0.0.1:{port}" }}]
[pin.p{n}]
subnets = ["{block}/24"]
regions = ["r{n}"]
"""
SERVICE = """\
[service.{name}]
regions = ["r0", "r1"]
ttl = "{ttl}s"
failover_ttl = "{ttl}s"
"""
ZONE = """\
$ORIGIN inference.example.
@ 60 SOA ns1 hostmaster 1 3600 900 604800 300
@ 60 NS ns1
ns1 60 A 192.0.2.53
chat DYNA chat
chats DYNA chats
"""


def check_against_engine(veth: Veth, program: str) -> int:
    """How many different queries had equal octets; ends the run where any had not."""
    asked = list(queries())
    with (
        _daemon(veth),
        veth.passing("ask", BUILD / "redirect.bpf.o"),
        KernelAnswer(veth, "native", program) as kernel,
        veth.socket("ask") as asking,
    ):
        by_engine = [_ask(asking, query) for query in asked]
        if kernel.counts()[0]:
            raise SystemExit("the kernel answered out of empty tables")
        _fill(kernel)
        answered = kernel.counts()[0]
        by_kernel = [_ask(asking, query) for query in asked]
        if kernel.counts()[0] - answered != len(asked):
            raise SystemExit("the kernel let queries pass that it should answer")
        for query, one, other in zip(asked, by_engine, by_kernel, strict=True):
            if one != other:
                raise SystemExit(f"{query.hex()}\nengine {one.hex()}\nkernel {other.hex()}")
        _dig(veth, kernel)
    return len(asked)


def queries() -> Iterator[bytes]:
    """Every kind of query that the program understands: A, and a client subnet of /24."""
    flags = (0x0000, 0x0100, 0x0110, 0x0130)
    names = (EVEN, ODD, EVEN.upper(), "Chats.iNference.exAmple")
    every = itertools.product(names, REGIONS.values(), flags, (0, 0x8000), (512, 1232, 4096))
    for number, (name, (_, block), flag, do, payload) in enumerate(every):
        header = (number * 257 & 0xFFFF, flag, 1, 0, 0, 1)
        client = b"\x00\x01\x18\x00" + socket.inet_aton(block)[:3]
        yield b"".join(
            [
                *(value.to_bytes(2, "big") for value in header),
                _wire(name),
                b"\x00\x01\x00\x01",
                b"\x00\x00\x29" + payload.to_bytes(2, "big"),
                b"\x00\x00" + do.to_bytes(2, "big"),
                b"\x00\x0b\x00\x08\x00\x07" + client,
            ]
        )


def _wire(name: str) -> bytes:
    labels = name.encode().split(b".")
    return b"".join(len(label).to_bytes(1, "big") + label for label in labels) + b"\x00"


def _ask(asking: socket.socket, query: bytes) -> bytes:
    asking.sendto(query, (SERVER, 53))
    return asking.recv(4096)


def _fill(kernel: KernelAnswer) -> None:
    """Both services and both pins: lists 0 and 1 are the two regions."""
    for first, name in ((0, EVEN), (100, ODD)):
        kernel.tell(f"name {_wire(name).hex()} {first}")
        for number, (address, block) in REGIONS.items():
            kernel.tell(f"client {block} 24 {number} 24")
            kernel.tell(f"cell {first + number} {TTL} {address}")
    kernel.publish()


def _dig(veth: Veth, kernel: KernelAnswer) -> None:
    before = kernel.counts()[0]
    for address, block in REGIONS.values():
        options = ["+nocookie", "+noall", "+answer", "+comments", f"+subnet={block}/24"]
        said = run(*veth.inside("ask"), "dig", f"@{SERVER}", *options, EVEN, "A")
        if f"\tA\t{address}" not in said or f"CLIENT-SUBNET: {block}/24/24" not in said:
            raise SystemExit(f"dig +subnet={block}/24 wanted {address}:\n{said}")
    if kernel.counts()[0] - before != len(REGIONS):
        raise SystemExit("dig was not answered by the kernel")


@contextmanager
def _daemon(veth: Veth) -> Iterator[None]:
    """resolverd at the server's end with both regions up."""
    inside = veth.inside("srv")
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen([*inside, *ENDPOINT, "2"], cwd=ROOT, stdout=subprocess.PIPE) as endpoints,
    ):
        assert endpoints.stdout is not None
        ports = endpoints.stdout.readline().split()
        config = _write(Path(place), [int(port) for port in ports])
        command = [*inside, sys.executable, "-m", "resolverd", "serve", "--config", str(config)]
        log = (Path(place) / "log").open("w+")
        with log, subprocess.Popen(command, cwd=ROOT, stderr=log) as daemon:
            try:
                _wait(veth, Path(log.name))
                yield
            finally:
                daemon.terminate()
                endpoints.terminate()


def _write(place: Path, ports: list[int]) -> Path:
    regions = [
        REGION.format(n=n, address=address, block=block, port=ports[n])
        for n, (address, block) in REGIONS.items()
    ]
    services = [SERVICE.format(name=name.partition(".")[0], ttl=TTL) for name in (EVEN, ODD)]
    (place / "inference.example.zone").write_text(ZONE)
    config = place / "resolverd.toml"
    config.write_text("".join([CONFIG, *regions, *services]))
    return config


def _wait(veth: Veth, log: Path) -> None:
    """Until the daemon answers: a query that it leaves alone is asked again."""
    deadline = time.monotonic() + 30
    query = next(queries())
    with veth.socket("ask") as asking:
        asking.settimeout(0.2)
        while time.monotonic() < deadline:
            try:
                _ask(asking, query)
            except (TimeoutError, ConnectionRefusedError):
                continue
            return
    raise SystemExit(f"resolverd did not start:\n{log.read_text()}")
