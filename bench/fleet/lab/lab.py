"""The whole laboratory: namespaces, router, NATS, regions and edges, from `with` to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path

from bench.fleet.lab.bird import RouterBird
from bench.fleet.lab.delay import Delays
from bench.fleet.lab.edge import Edge
from bench.fleet.lab.faults import Faults
from bench.fleet.lab.namespaces import UPLINK, Namespace, link, remove_left
from bench.fleet.lab.nats import NatsServer
from bench.fleet.lab.places import CLIENTS, EDGES, NATS, REGIONS, EdgeNode, Node
from bench.fleet.lab.processes import until
from bench.fleet.lab.publisher import Publisher
from bench.fleet.lab.regions import Region
from bench.fleet.lab.speakers import ByBird, ByExabgp, Speaker, exabgps


class Lab:
    """`edges` of them, by name, and three nats-servers that they form a fleet by.

    With `published` their configuration comes from the fleet. `folder` gets all files.
    Entering raises CalledProcessError or NotSoError; nothing is left then.
    """

    def __init__(self, folder: Path, *, edges: int = 5, published: bool = False) -> None:
        self.folder = folder
        self._edges = EDGES[:edges]
        self.published = published
        self._namespaces: dict[str, Namespace] = {}
        self._stack = ExitStack()
        self.edges: dict[str, Edge] = {}
        self.regions: dict[str, Region] = {}
        self.nats: dict[str, NatsServer] = {}

    def __enter__(self) -> Lab:
        remove_left()
        with ExitStack() as making:
            self._make(making)
            self._stack = making.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def namespace(self, node: Node) -> Namespace:
        """That of a node."""
        return self._namespaces[node.name]

    @property
    def client_namespace(self) -> Namespace:
        """Where queries come from."""
        return self._namespaces[CLIENTS.name]

    def edge_nodes(self) -> Sequence[Node]:
        """The edges' nodes."""
        return self._edges

    def mend(self) -> None:
        """Undo whatever is wrong between nodes."""
        self.faults.mend()
        self.delays.mend()

    def announce(self, names: Iterable[str] | None = None) -> None:
        """Have these announce, or all, and no other; wait until the router has just them."""
        wanted = frozenset(self.edges if names is None else names)
        for name, edge in self.edges.items():
            (edge.announce if name in wanted else edge.withdraw)()
        self.router.until_announcing(wanted)

    def _make(self, making: ExitStack) -> None:
        router = self._namespace_of("router", making)
        nodes: list[Node] = [*self._edges, *REGIONS, *NATS, CLIENTS]
        for each in nodes:
            self._attach(router, each, making)
        router.sysctl(
            ipv4__ip_forward=1,
            ipv6__conf__all__forwarding=1,
            ipv4__fib_multipath_hash_policy=1,
            ipv6__fib_multipath_hash_policy=1,
            ipv6__conf__all__keep_addr_on_down=1,
        )
        self.faults = Faults(router)
        self.delays = making.enter_context(Delays(router))
        self.router = RouterBird(router, self._edges, self.folder / "router")
        self.router.start()
        making.callback(self.router.kill)
        self._make_nats(making)
        self._make_regions(making)
        self._make_edges(making)

    def _make_nats(self, making: ExitStack) -> None:
        for each in NATS:
            server = NatsServer(self.namespace(each), each, NATS, self.folder / each.name)
            self.nats[each.name] = server
            making.callback(server.close)
        for server in self.nats.values():
            server.until_ready()

    def _make_regions(self, making: ExitStack) -> None:
        for each in REGIONS:
            region = Region(self.namespace(each), each, self.folder / each.name)
            self.regions[each.name] = region
            making.callback(region.kill)
        for region in self.regions.values():
            region.until_ready()

    def _make_edges(self, making: ExitStack) -> None:
        urls = [server.url for server in self.nats.values()]
        if self.published:
            self.publisher = Publisher(self.client_namespace, self.folder / "published", urls)
            self.publisher.publish("the first", "--no-wait")
        for each in self._edges:
            folder = self.folder / each.name
            speaker = self._speaker_of(each)
            edge = Edge(self.namespace(each), each, folder, urls, speaker, published=self.published)
            self.edges[each.name] = edge
            making.callback(edge.close)
            edge.start(wait=False)
        for edge in self.edges.values():
            edge.until_ready()
        if self.published:  # without a set on its disk `resolverd anycast` does not start
            self.publisher.until_over(1, 120)
        for edge in self.edges.values():
            edge.restore()
        self.announce()

    def _speaker_of(self, edge: EdgeNode) -> Callable[[Namespace, EdgeNode, Path], Speaker]:
        """Two edges of five have an ExaBGP, one of either version where both are there."""
        there = dict(zip(("e3", "e5"), cycle(exabgps()), strict=False))
        return partial(ByExabgp, program=there[edge.name]) if edge.name in there else ByBird

    def _attach(self, router: Namespace, node: Node, making: ExitStack) -> None:
        own = self._namespace_of(node.name, making)
        link(router, node.name, own, UPLINK)
        router.ip(
            f"address add {node.gateway4}/24 dev {node.name}",
            f"address add {node.gateway6}/64 dev {node.name} nodad",
        )
        own.ip(
            f"address add {node.ipv4}/24 dev {UPLINK}",
            f"address add {node.ipv6}/64 dev {UPLINK} nodad",
            f"route add default via {node.gateway4}",
            f"route add ::/0 via {node.gateway6}",
        )

    def _namespace_of(self, name: str, making: ExitStack) -> Namespace:
        made = self._namespaces[name] = Namespace(name)
        making.callback(made.remove)
        return made


def until_all_up(lab: Lab, within: float = 30.0) -> float:
    """Wait until every edge holds every region for up; seconds. Raises NotSoError."""
    return until(
        lambda: all(_up(edge) == len(lab.regions) for edge in lab.edges.values()),
        "all regions up at all edges",
        within,
    )


def until_one_fleet(lab: Lab, within: float = 60.0) -> float:
    """Wait until every edge hears every other through NATS, and a quorum confirms; seconds."""
    return until(
        lambda: all(_hears_all(lab, edge) for edge in lab.edges.values()),
        "all edges one fleet",
        within,
    )


def _hears_all(lab: Lab, edge: Edge) -> bool:
    fleet = edge.shown()["fleet"]
    heard = {each["edge"] for each in fleet["edges"] if each["heard_seconds"] is not None}
    observing = {each["edge"] for each in fleet["observing"] if each["live"]} | {edge.name}
    return bool(fleet["quorum"]) and set(lab.edges) <= heard & observing


def _up(edge: Edge) -> int:
    return sum(region["serves"] for region in edge.shown()["regions"])
