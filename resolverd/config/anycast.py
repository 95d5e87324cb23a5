"""`[anycast]`: when and how `resolverd anycast` announces this edge's service addresses.

Durations are seconds. Addresses are announced as routes of one address each: /32 and /128.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from resolverd.config.options import Section, option
from resolverd.config.types import Address, Duration, OptionalListener, parse_listener

_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ATTRIBUTES = re.compile(r"[A-Za-z0-9:. \[\]-]*")


def _symbol(value: str) -> str:
    if not _SYMBOL.fullmatch(value):
        raise ValueError(
            f'"{value}" is not the name of a protocol of BIRD: letters, digits and "_" only'
        )
    return value


def _attributes(value: str) -> str:
    if not _ATTRIBUTES.fullmatch(value):
        raise ValueError(
            f'"{value}" are not attributes as ExaBGP writes them, on one line; write '
            '"med 1000", or "as-path [ 64500 64500 ]"'
        )
    return " ".join(value.split())


Symbol = Annotated[str, AfterValidator(_symbol)]
Attributes = Annotated[str, AfterValidator(_attributes)]


class Bird(Section):
    """`[anycast.bird]`: BIRD 2 on this host, by its control socket."""

    socket: str = option("/run/bird/bird.ctl", "BIRD's control socket.")
    protocols: tuple[Symbol, ...] = option(
        (),
        "The static protocol of each of `addresses`, in their order: enabled it announces the "
        "route, disabled it withdraws it.",
    )
    raised_protocols: tuple[Symbol, ...] = option(
        (),
        'With mode = "metric", the static protocols that announce each address with a higher '
        "metric, in the same order.",
    )
    peers: tuple[Symbol, ...] = option(
        (),
        "BGP protocols to which a route has to be exported to count as announced: one of those "
        "that are established is enough. None takes all that BIRD has.",
    )
    timeout: Duration = option(
        2.0,
        "Time for BIRD's reply, and until a route is proved to be where it should.",
        unit="seconds",
        minimum=0.1,
        maximum=60,
    )


class Exabgp(Section):
    """`[anycast.exabgp]`: ExaBGP 4.2 or 5.0, which runs `resolverd anycast` as its process."""

    announced: Attributes = option(
        "", 'Attributes of the routes in ExaBGP\'s words, such as "med 100".'
    )
    raised: Attributes = option(
        "med 1000",
        'The same with mode = "metric" while the metric is raised: a higher MED, or "as-path" '
        "with this network's own number several times.",
    )
    proof: Literal["bird", "none"] = option(
        "none",
        "Where a route is proved: at a BIRD on this host that is ExaBGP's neighbour "
        "([anycast.bird] says where), or nowhere: then ExaBGP's acknowledgement counts, which "
        "means that a command was understood, and not that anybody has the route.",
    )
    timeout: Duration = option(
        5.0,
        "Time for ExaBGP's acknowledgement of a command.",
        unit="seconds",
        minimum=0.1,
        maximum=60,
    )


class Anycast(Section):
    """`[anycast]`: the routes to this edge's service addresses, for `resolverd anycast`."""

    addresses: tuple[Address, ...] = option(
        (),
        "Service addresses that this edge announces, each as a route to it alone; none announces "
        "nothing. `server.listen` has to answer on them.",
        max_items=64,
    )
    via: Literal["bird", "exabgp"] = option("bird", "What speaks BGP on this host.")
    mode: Literal["withdraw", "metric"] = option(
        "withdraw",
        "What is done first when this edge is not fit: its routes are withdrawn, or their metric "
        "is raised, so that clients go elsewhere where there is an elsewhere. A dead DNS answer "
        "is withdrawn at once.",
    )
    raised_for: Duration = option(
        10.0,
        'With mode = "metric", for how long an unfit edge stays announced with a raised metric '
        "before it is withdrawn.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    interval: Duration = option(
        1.0, "Time between two looks at this edge.", unit="seconds", minimum=0.05, maximum=60
    )
    timeout: Duration = option(
        0.5,
        "A DNS answer over a service address, or an answer of the daemon, that takes longer "
        "counts as none.",
        unit="seconds",
        minimum=0.05,
        maximum=30,
    )
    failures: int = option(
        2,
        "Looks in a row without a right DNS answer after which an address is not fit.",
        unit="looks",
        minimum=1,
        maximum=100,
    )
    query: str = option(
        "",
        "The name whose SOA is asked for over each service address; empty takes a zone that the "
        "daemon serves.",
    )
    port: int = option(
        53, "The port of the service addresses that is asked.", minimum=1, maximum=65535
    )
    daemon_grace: Duration = option(
        30.0,
        "For how long the daemon's API may be silent while DNS is answered, as it is when a "
        "daemon is replaced; nothing is known of probes meanwhile.",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    max_plan_behind: Duration = option(
        0.0,
        "For how long what is served may be older than its files, as it is while an edit is "
        "refused or held; 0 allows any age.",
        unit="seconds",
        minimum=0,
    )
    fit_for: Duration = option(
        10.0,
        "For how long this edge has to be fit before it announces.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    fit_for_most: Duration = option(
        300.0,
        "Each withdrawal that was not planned doubles `fit_for`, up to this.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    forget: Duration = option(
        600.0,
        "After each such time without another withdrawal one doubling is forgotten.",
        unit="seconds",
        minimum=1,
        maximum=86400,
    )
    ebb_rate: float = option(
        1.0,
        "At a stop or drain, queries have ebbed once fewer than this come.",
        unit="queries per second",
        minimum=0,
        maximum=1_000_000,
    )
    ebb_wait: Duration = option(
        20.0,
        "For how long a stop waits for that after the withdrawal.",
        unit="seconds",
        minimum=0,
        maximum=600,
    )
    min_edges: int = option(
        1,
        "The fleet never withdraws an address below this many edges that announce it: one that "
        "would be the last stays, and says why. It needs a fleet ([fleet]); 0 asks nobody.",
        unit="edges",
        minimum=0,
        maximum=10_000,
    )
    without_fleet: Literal["stay", "withdraw"] = option(
        "stay",
        "What an unfit edge does while it cannot ask the fleet: keep its routes, unless the DNS "
        "answer itself is dead, or withdraw them.",
    )
    edge_valid: Duration = option(
        5.0,
        "Another edge counts among those that announce for so long after it was last heard.",
        unit="seconds",
        minimum=1,
        maximum=3600,
    )
    listen: OptionalListener = option(
        parse_listener("127.0.0.1:9154"),
        "Address and port of this process's /metrics, /state, /healthz and /readyz; port 0 lets "
        "the kernel choose, empty opens none.",
    )
    socket: str = option(
        "auto",
        "Unix socket of this process for --status and --drain, mode 0660; `auto` is anycast.sock "
        "in $RUNTIME_DIRECTORY, else where the daemon's is for this user.",
    )
    state: str = option(
        "",
        "Directory in which a drain is remembered over restarts; empty takes $STATE_DIRECTORY, and "
        "without that remembers nothing.",
    )
    bird: Bird = option(Bird(), "BIRD 2.")
    exabgp: Exabgp = option(Exabgp(), "ExaBGP.")
