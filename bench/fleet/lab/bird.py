"""BIRD 2: on the router, which spreads queries over all that announce, and at each edge.

The router has two sessions with each edge, one for each family, with BFD, and takes the service
addresses alone. What several edges announce goes to the kernel as one route over all of them
(`merge paths`), and flows are spread by their ports. Neither end offers graceful restart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import ANYCAST4, ANYCAST6, ROUTER_AS, EdgeNode
from bench.fleet.lab.processes import Process, until

# A machine of two cores that runs it all may keep BIRD waiting for some tenths of a second.
_BFD = """\
protocol bfd {
    interface "*" { interval 150 ms; multiplier 4; };
}
"""
_ROUTER = (
    """\
router id 198.18.0.1;
protocol device { scan time 1; }
protocol kernel {
    merge paths yes limit 16;
    ipv4 { import none; export where source = RTS_BGP; };
}
protocol kernel {
    merge paths yes limit 16;
    ipv6 { import none; export where source = RTS_BGP; };
}
"""
    + _BFD
    + f"""\
template bgp edge {{
    local as {ROUTER_AS};
    hold time 9; keepalive time 3;
    connect retry time 1; connect delay time 1; error wait time 1, 5;
    graceful restart off;
    bfd on;
}}
"""
)
_SESSIONS = f"""\
protocol bgp {{name}}_4 from edge {{{{
    neighbor {{ipv4}} as {{asn}};
    ipv4 {{{{ import where net = {ANYCAST4}/32; export none; }}}};
}}}}
protocol bgp {{name}}_6 from edge {{{{
    neighbor {{ipv6}} as {{asn}};
    ipv6 {{{{ import where net = {ANYCAST6}/128; export none; }}}};
}}}}
"""
_EDGE = (
    f"""\
router id {{ipv4}};
protocol device {{{{ scan time 1; }}}}
protocol static anycast4 {{{{
    disabled yes;
    ipv4;
    route {ANYCAST4}/32 blackhole;
}}}}
protocol static anycast6 {{{{
    disabled yes;
    ipv6;
    route {ANYCAST6}/128 blackhole;
}}}}
"""
    + _BFD.replace("{", "{{").replace("}", "}}")
    + f"""\
template bgp upstream {{{{
    local as {{asn}};
    hold time 9; keepalive time 3;
    connect retry time 1; connect delay time 1; error wait time 1, 5;
    graceful restart off;
    bfd on;
}}}}
protocol bgp router4 from upstream {{{{
    neighbor {{gateway4}} as {ROUTER_AS};
    ipv4 {{{{ import none; export where source = RTS_STATIC; }}}};
}}}}
protocol bgp router6 from upstream {{{{
    neighbor {{gateway6}} as {ROUTER_AS};
    ipv6 {{{{ import none; export where source = RTS_STATIC; }}}};
}}}}
"""
)
_VIA = re.compile(r"via (?:inet6? )?(\S+)")


class Bird:
    """One BIRD, from its start on; `folder` has its configuration, socket and log."""

    def __init__(self, namespace: Namespace, configuration: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._namespace, self._folder = namespace, folder
        (folder / "bird.conf").write_text(configuration)
        self.process: Process | None = None

    @property
    def socket(self) -> Path:
        """Its control socket."""
        return self._folder / "bird.ctl"

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.running

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.socket.unlink(missing_ok=True)
        command = ["bird", "-f", "-c", str(self._folder / "bird.conf"), "-s", str(self.socket)]
        # Ahead of all else, or a busy machine lets BFD fail.
        command = ["nice", "-n", "-10", *command]
        self.process = Process(self._namespace, command, self._folder / "bird.log")
        self.process.until(self.socket.exists, "its control socket", 20)

    def kill(self) -> None:
        """SIGKILL it."""
        if self.process is not None:
            self.process.kill()

    def control(self, *words: str) -> str:
        """What birdc(8) prints. Raises CalledProcessError."""
        return self._namespace.run("birdc", "-s", str(self.socket), *words)


class RouterBird(Bird):
    """The router's."""

    def __init__(self, namespace: Namespace, edges: Sequence[EdgeNode], folder: Path) -> None:
        self._edges = edges
        sessions = "".join(
            _SESSIONS.format(name=e.name, ipv4=e.ipv4, ipv6=e.ipv6, asn=e.asn) for e in edges
        )
        super().__init__(namespace, _ROUTER + sessions, folder)

    def announcing(self, family: int = 4) -> frozenset[str]:
        """The edges over which the kernel's route for the service address of `family` goes."""
        address = f"{ANYCAST4}/32" if family == 4 else f"{ANYCAST6}/128"
        shown = self._namespace.run("ip", f"-{family}", "route", "show", address)
        vias = set(_VIA.findall(shown))
        return frozenset(e.name for e in self._edges if vias & {e.ipv4, e.ipv6})

    def until_announcing(self, names: AbstractSet[str], within: float = 30.0) -> float:
        """Wait until just these announce, by either family; seconds. Raises NotSoError."""
        return until(
            lambda: self.announcing(4) == names == self.announcing(6),
            f"routes over {sorted(names)}",
            within,
        )


class EdgeBird(Bird):
    """An edge's, which has a protocol for each service address, disabled at first."""

    def __init__(self, namespace: Namespace, edge: EdgeNode, folder: Path) -> None:
        text = _EDGE.format(
            ipv4=edge.ipv4, asn=edge.asn, gateway4=edge.gateway4, gateway6=edge.gateway6
        )
        super().__init__(namespace, text, folder)


def bfd_alone(edge: EdgeNode) -> str:
    """The configuration of a BIRD that speaks BFD with the router for somebody else."""
    neighbors = "".join(
        f"    neighbor {gateway} local {own};\n"
        for gateway, own in ((edge.gateway4, edge.ipv4), (edge.gateway6, edge.ipv6))
    )
    head, _, tail = _BFD.rpartition("}\n")
    return (
        f"router id {edge.ipv4};\nprotocol device {{ scan time 1; }}\n{head}{neighbors}}}\n{tail}"
    )
