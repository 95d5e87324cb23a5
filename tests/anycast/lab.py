"""Two edges and a router in network namespaces, with real BIRD, ExaBGP and daemons.

    clients, router ──┬── edge 1    198.51.100.2, 2001:db8:1::2; the addresses of docs/anycast.md
       (BIRD)         └── edge 2    198.51.101.2, 2001:db8:2::2

Both announce 192.0.2.53 and 2001:db8::53. What they run is what the page shows, with shorter times.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cli.command import environment
from harness.config import CHAT, config_text
from harness.server import HEAD
from harness.waiting import wait_until

from bench.fleet.lab.namespaces import UPLINK, Namespace, link, remove_left
from resolverd.cli.documents import VERBS
from resolverd.cli.link import Link, NoDaemonError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "anycast.md"
V4, V6 = "192.0.2.53", "2001:db8::53"
TIMEOUT = 60.0
QUICK = {
    "anycast.interval": '"100ms"',
    "anycast.timeout": '"1s"',
    "anycast.fit_for": '"300ms"',
    "anycast.fit_for_most": '"2s"',
    "anycast.ebb_wait": '"5s"',
    "anycast.listen": '""',
}
"""Times of the page, shortened: but for those in which a busy machine has to answer."""

# A busy machine takes a third of a second from anybody.
_BFD = "interval 300 ms; multiplier 5"
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_ENDPOINT = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""


def lacking(*programs: str) -> str:
    """What of root and programs is not here, loudly; empty: nothing."""
    missing = [each for each in programs if shutil.which(each, path=_PATH) is None]
    reasons = ["root"] if os.geteuid() else []
    reasons += [f"{each} (.ci/packages)" for each in missing]
    return f"NO ROUTE WAS ANNOUNCED: it wants {', '.join(reasons)}" if reasons else ""


def example(first_line: str) -> str:
    """The example of docs/anycast.md that begins with this line."""
    found = [
        block
        for block in re.findall(r"```\w*\n(.*?)```", PAGE.read_text(), re.S)
        if block.startswith(f"{first_line}\n")
    ]
    assert len(found) == 1, f"{PAGE.name} has {len(found)} examples of {first_line}"
    return str(found[0])


until = partial(wait_until, within=TIMEOUT, raising=(OSError, ValueError, KeyError, IndexError))
"""Wait for what holds later; what is not there or not whole yet does not hold."""


@dataclass
class Place:
    """A namespace, with the processes that were started in it."""

    namespace: Namespace
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The namespace's."""
        return self.namespace.name

    def run(self, *command: str, check: bool = True) -> str:
        """What a command says in there."""
        done = subprocess.run(
            [*self.namespace.inside, *command],
            capture_output=True,
            text=True,
            check=False,
            env=environment() | {"PATH": _PATH},
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, log: str, *command: str, **more: str) -> subprocess.Popen[bytes]:
        """A process in there, whose output goes to a file of that name."""
        with (self.folder / log).open("ab") as written:
            process = subprocess.Popen(
                [*self.namespace.inside, *command],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env=environment() | {"PATH": _PATH} | more,
                cwd=self.folder,
            )
        self.processes.append(process)
        return process

    def text(self, log: str) -> str:
        """What a process has said."""
        return (self.folder / log).read_text(errors="replace")

    def bird(self, config: str) -> subprocess.Popen[bytes]:
        """BIRD with that configuration; its socket is bird.ctl."""
        (self.folder / "bird.conf").write_text(config)
        control = self.folder / "bird.ctl"
        process = self.start(
            "bird.log", "bird", "-f", "-c", str(self.folder / "bird.conf"), "-s", str(control),
            "-P", str(self.folder / "bird.pid"),
        )  # fmt: skip

        def ready() -> bool:
            assert process.poll() is None, self.text("bird.log")
            return "up and running" in self.birdc("show", "status")

        until(ready, "BIRD answers")
        return process

    def birdc(self, *words: str) -> str:
        """What birdc(8) prints, asked without it: nothing where no BIRD runs.

        A test asks a hundred times a second, and a process for each would take a core.
        """
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(TIMEOUT)
                control.connect(str(self.folder / "bird.ctl"))
                return _told_by_bird(control, " ".join(words))
        except (FileNotFoundError, ConnectionError):
            return ""

    def routes(self, address: str) -> str:
        """The routes that BIRD has to an address."""
        return self.birdc("show", "route", f"{address}/{128 if ':' in address else 32}", "all")

    def asked(self, address: str) -> bool:
        """Whether a client in here gets an answer from an address."""
        said = self.run(
            "dig", "+short", "+time=1", "+tries=1", f"@{address}", "inference.example", "SOA",
            check=False,
        )  # fmt: skip
        return bool(said) and not said.startswith(";")

    def end(self) -> None:
        """Kill what was started here, and only that."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        self.namespace.remove()


@dataclass
class EdgePlace(Place):
    """An edge; `number` is 1 or 2."""

    number: int = 1

    def adapted(self, text: str) -> str:
        """A text of the page, with this edge's addresses and places of files."""
        text = text.replace("/run/bird/bird.ctl", str(self.folder / "bird.ctl"))
        text = text.replace("/etc/resolverd/resolverd.toml", str(self.folder / "resolverd.toml"))
        text = text.replace("interval 100 ms; multiplier 3", _BFD)
        if self.number == 2:
            text = text.replace("198.51.100.", "198.51.101.").replace("2001:db8:1:", "2001:db8:2:")
        return text

    def configure(self, anycast: str) -> None:
        """resolverd.toml, with the page's table for what speaks BGP."""
        listen = f'["{V4}:53", "[{V6}]:53"]'
        (self.folder / "example.zone").write_text(
            f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
        )
        (self.folder / "resolverd.toml").write_text(
            config_text(
                CHAT,
                server=f'listen = {listen}\nzones = ["*.zone"]\nnsid = "edge{self.number}"\n',
                admin='socket = "admin.sock"\nlisten = "127.0.0.1:9153"',
                probe='interval = "200ms"\nfast_interval = "100ms"\ntimeout = "1s"\n',
                urls=dict.fromkeys(
                    ("us-east", "us-west", "eu-west", "ap-northeast"), "http://127.0.0.1:8000"
                ),
            )
            + self.adapted(anycast).replace(
                "[anycast]\n", '[anycast]\nsocket = "anycast.sock"\n', 1
            )
        )

    def serve(self) -> subprocess.Popen[bytes]:
        """A daemon that is ready."""
        process = self.start("serve.log", sys.executable, "-m", "resolverd", "serve", "--log=json")
        until(lambda: self.asked(V4) and self.asked(V6), "the daemon answers")
        return process

    def endpoint(self) -> None:
        """What the daemon probes."""
        self.start("endpoint.log", sys.executable, "-c", _ENDPOINT)
        until(lambda: self.run("ss", "-Hltn", "sport = :8000"), "the endpoint listens")

    def command(self, *arguments: str, **changed: str) -> list[str]:
        """`resolverd anycast` with the page's configuration and short times."""
        settings = QUICK | {f"anycast.{key}": value for key, value in changed.items()}
        sets = [f"--set={key}={value}" for key, value in settings.items()]
        return [
            sys.executable, "-m", "resolverd", "anycast",
            f"--config={self.folder / 'resolverd.toml'}", *sets, *arguments,
        ]  # fmt: skip

    def announce(self, **changed: str) -> subprocess.Popen[bytes]:
        """`resolverd anycast`, as a process of its own."""
        return self.start("anycast.log", *self.command("--log=json", **changed))

    def told(self, *arguments: str) -> dict[str, Any]:
        """The document that the verb prints; it is as it is declared."""
        said = self.run(*self.command("--json", *arguments), check=False)
        if not said:
            raise ValueError("nobody answers")
        VERBS[f"anycast {arguments[0]}"][0].model_validate_json(said, strict=True)
        found: dict[str, Any] = json.loads(said)
        return found

    def state(self) -> dict[str, Any]:
        """What the process says, by its socket. Raises OSError while nobody answers."""
        try:
            return Link(self.folder / "anycast.sock", 10.0).get("/state")
        except NoDaemonError as error:
            raise ConnectionError(str(error)) from error

    def states(self) -> dict[str, str]:
        """What the process says of each address."""
        return {each["address"]: each["state"] for each in self.state()["addresses"]}

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name in the log of `resolverd anycast`."""
        lines = self.text("anycast.log").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["event"] == name]


@dataclass
class Lab:
    """The router, and its edges by number."""

    router: Place
    edges: dict[int, EdgePlace]

    def has(self, address: str, number: int = 1) -> bool:
        """Whether the router has the route to an address from that edge."""
        session = f"edge{number}_v{6 if ':' in address else 4}"
        return f"[{session} " in self.router.routes(address)

    def seen(self) -> str:
        """What tells of lost queries: counters of each kernel, and what was logged."""
        counted = ("Udp*Errors", "UdpNoPorts", "Udp6NoPorts", "IpOutNoRoutes", "Ip6OutNoRoutes")
        places = {"router": self.router} | {f"edge{n}": e for n, e in self.edges.items()}
        counters = {n: p.run("nstat", "-asz", *counted, check=False) for n, p in places.items()}
        logs = {n: p.text("anycast.log") for n, p in places.items() if p is not self.router}
        said = {"BIRD of the router": self.router.text("bird.log")} | logs
        return "\n".join(f"{name}:\n{text}" for name, text in (counters | said).items())


@contextlib.contextmanager
def lab(folder: Path, edges: Sequence[int] = (1,)) -> Iterator[Lab]:
    """The namespaces, their links and addresses, and the router's BIRD."""
    remove_left()
    places: list[Place] = []

    def place(kind: type[Place], name: str, **more: Any) -> Any:
        made = kind(Namespace(name), folder / name, **more)
        places.append(made)
        made.folder.mkdir()
        # An IPv6 address may be used at once, the link-local ones too.
        made.namespace.sysctl(ipv6__conf__default__accept_dad=0)
        return made

    try:
        router = place(Place, "router")
        router.namespace.sysctl(ipv4__ip_forward=1)
        made = {n: place(EdgePlace, f"edge{n}", number=n) for n in edges}
        for number, edge in made.items():
            _link(router, edge, number)
        router.bird(_router(edges))
        for edge in made.values():
            edge.endpoint()
        yield Lab(router, made)
    finally:
        for each in reversed(places):
            each.end()


def _link(router: Place, edge: Place, number: int) -> None:
    device, v4, v6 = f"edge{number}", f"198.51.{99 + number}", f"2001:db8:{number}:"
    link(router.namespace, device, edge.namespace, UPLINK)
    for where, name, host in ((router, device, 1), (edge, UPLINK, 2)):
        where.namespace.ip(
            f"address add {v4}.{host}/24 dev {name}",
            f"address add {v6}:{host}/64 dev {name} nodad",
        )
    edge.namespace.ip(
        f"route add default via {v4}.1",
        f"route add ::/0 via {v6}:1",
        f"address add {V4}/32 dev lo",
        f"address add {V6}/128 dev lo nodad",
    )


def _router(edges: Sequence[int]) -> str:
    sessions = "".join(
        f"""
protocol bgp edge{n}_v4 {{
  local 198.51.{99 + n}.1 as 64501; neighbor 198.51.{99 + n}.2 as 64500;
  bfd; hold time 9; error wait time 1, 2; connect retry time 1; connect delay time 1;
  ipv4 {{ import all; export none; }};
}}
protocol bgp edge{n}_v6 {{
  local 2001:db8:{n}::1 as 64501; neighbor 2001:db8:{n}::2 as 64500;
  bfd; hold time 9; error wait time 1, 2; connect retry time 1; connect delay time 1;
  ipv6 {{ import all; export none; }};
}}
"""
        for n in edges
    )
    return f"""
router id 198.51.100.1;
log stderr all;
protocol device {{ scan time 1; }}
protocol bfd {{ interface "*" {{ {_BFD}; }}; }}
protocol kernel {{ ipv4 {{ import none; export all; }}; }}
protocol kernel kernel6 {{ ipv6 {{ import none; export all; }}; }}
{sessions}"""


def _told_by_bird(control: socket.socket, command: str) -> str:
    """The lines of an answer: `1007-text`, ` more of it`, and a last one, `0000 text`."""
    said = []
    with control.makefile("rw") as lines:
        lines.readline()  # that it is ready
        lines.write(f"{command}\n")
        lines.flush()
        for line in lines:
            code = line[:4]
            if not code.isdigit():
                said.append(line[1:])
            elif code != "0000":
                said.append(line[5:])
            if code.isdigit() and line[4:5] == " ":
                break
    return "".join(said)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """End a process by a signal; its exit status."""
    process.send_signal(number)
    return process.wait(TIMEOUT)


needs_bird = pytest.mark.skipif(bool(lacking("bird", "dig")), reason=lacking("bird", "dig"))
