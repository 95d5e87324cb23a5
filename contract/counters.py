"""What is counted, and where: the slots of a row of counters, numbered here and never by hand.

A row is what one thread counts. Its first slots have a fixed meaning: families of counters, each a
field of `Counters` with a label for each axis, in the order of the labels, the last axis fastest.
Behind them come blocks that are given out while running: one for each region of a service, one for
each service, one slot for each pin.
"""

from __future__ import annotations

from itertools import count
from math import prod
from typing import NamedTuple

from contract.codes import Codes
from contract.outcomes import Outcomes, with_region
from contract.render import (
    camel,
    python_module,
    python_tuple,
    quoted,
    rust_const,
    rust_enum,
    rust_group,
    rust_list,
    rust_module,
)

_LINE = 8  # counters of a cache line


class Label(NamedTuple):
    """One label. `constant` is its name in Rust, where that is not the label itself."""

    name: str
    doc: str
    constant: str = ""


class Counters(NamedTuple):
    """All that is counted in fixed slots, and the upper bounds of the TTL buckets in seconds.

    `row` is how many slots a row has: more cost address space and no memory; fewer let services,
    regions and pins that come and go run out of them sooner.
    """

    transports: tuple[Label, ...]
    dropped: tuple[Label, ...]
    malformed: tuple[Label, ...]
    send_errors: tuple[Label, ...]
    tcp_refused: tuple[Label, ...]
    ttl_bounds: tuple[int, ...]
    row: int


COUNTERS = Counters(
    transports=(Label("udp", "in a datagram"), Label("tcp", "over a connection")),
    dropped=(Label("short", "too short for a header"), Label("response", "a response itself")),
    malformed=(
        Label("counts", "other than one question, or an answer"),
        Label("trailing", "octets behind the last record"),
        Label("qname", "a QNAME that is none, or no question behind it"),
        Label("record", "a record that is none"),
        Label("opt", "an OPT record too many, or not at the root"),
        Label("qtype_opt", "a question for OPT"),
        Label("edns_option_short", "an option that does not end where it says"),
        Label("ecs_repeated", "two client subnets"),
        Label("ecs_short", "a client subnet without its first four octets"),
        Label("ecs_family", "a client subnet of no known family"),
        Label("ecs_length", "a client subnet longer than an address, or with a scope"),
        Label("ecs_address", "a client subnet with other octets than its length needs"),
        Label("ecs_trailing_bits", "a client subnet with bits behind its length"),
    ),
    send_errors=(
        Label("BlockingIOError", "its send buffer is full", "NO_ROOM"),
        Label("ConnectionRefusedError", "nobody listens there", "REFUSED"),
        Label("PermissionError", "the firewall forbids it", "FORBIDDEN"),
        Label("OSError", "all others", "OTHER_ERROR"),
    ),
    tcp_refused=(
        Label("idle", "idle for too long"),
        Label("lifetime", "open for too long"),
        Label("connections", "idle for longest when a slot was wanted and none left"),
        Label("per_client", "idle for longest of a client's that wanted one more than it may have"),
        Label("slow_reader", "answers are not read"),
        Label("peer_closed", "gone within a message, or with a reset"),
        Label("idle_shortened", "idle for too long while few slots were left"),
        Label("descriptors", "idle for longest, or not accepted, when no descriptor was left"),
        Label("busy", "with queries, or new, when none was idle that could be closed instead"),
    ),
    ttl_bounds=(0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600),
    row=1 << 22,
)

OTHER_TYPE = -1


class Family(NamedTuple):
    """Counters of one field: the first slot, and the labels of each axis as Python writes them."""

    field: str
    first: int
    axes: tuple[tuple[str, ...], ...]


def families(counters: Counters, codes: Codes) -> tuple[Family, ...]:
    """The fixed slots, one family after another."""
    types = (*(str(code.number) for code in codes.types), str(OTHER_TYPE))
    rcodes = tuple(str(code.number) for code in codes.rcodes)
    axes = {
        "received": (_names(counters.transports),),
        "dropped": (_names(counters.dropped),),
        "truncated": (),
        "malformed": (_names(counters.malformed),),
        "responses": (_names(counters.transports), types, rcodes),
        "send_errors": (_names(counters.send_errors),),
        "tcp_refused": (_names(counters.tcp_refused),),
    }
    found, first = [], 0
    for field, labels in axes.items():
        found.append(Family(field, first, labels))
        first += prod(map(len, labels))
    return tuple(found)


def first_free(counters: Counters, codes: Codes) -> int:
    """The first slot that is given out while running; it begins a cache line."""
    last = families(counters, codes)[-1]
    used = last.first + prod(map(len, last.axes))
    return -(-used // _LINE) * _LINE


def python(counters: Counters, codes: Codes, outcomes: Outcomes) -> str:
    """`resolverd/engine/slots.py`."""
    fixed = "".join(_python_family(family) for family in families(counters, codes))
    regions = len(with_region(outcomes))
    buckets, total = _service_block(counters, outcomes)
    return python_module(
        "counters",
        "Where each thing is counted in a row of counters.\n\n"
        "Slots of fixed meaning come first; blocks for regions, services and pins are given out\n"
        "behind them. In a region's block stand the outcomes that have a region, then the same\n"
        "again for first choices; in a service's the other outcomes, the TTL's buckets, its sum.",
        (
            "from typing import Final, NamedTuple",
            "",
            "from resolverd.dns.codes import RCODE_NAMES, TYPE_NAMES",
        ),
        (
            f"OTHER_TYPE: Final = {OTHER_TYPE}\n"
            f"TTL_BOUNDS: Final = ({', '.join(map(str, counters.ttl_bounds))})\n"
            '"""Upper bounds of the TTL buckets, in seconds; above the last is one more."""'
            "\n\n\nclass SlotFamily(NamedTuple):\n"
            '    """Counters of one field: a slot for each labels, the last axis fastest."""'
            "\n\n    field: str\n    first: int\n    axes: tuple[tuple[str | int, ...], ...]\n\n\n"
            f"FIXED: Final = (\n{fixed})\n"
            f"FREE: Final = range({first_free(counters, codes)}, {counters.row})\n"
            '"""The slots that are given out while running."""',
            f"REGION_BLOCK: Final = {2 * regions}\n"
            f"FIRST_CHOICE: Final = {regions}\n"
            f"SERVICE_BLOCK: Final = {total + 1}\n"
            f"TTL_BUCKETS: Final = {buckets}\n"
            f"TTL_SUM: Final = {total}",
        ),
    )


def rust(counters: Counters, codes: Codes, outcomes: Outcomes) -> str:
    """`native/src/io/slots.rs`."""
    buckets, total = _service_block(counters, outcomes)
    first = {family.field: family.first for family in families(counters, codes)}
    places = "".join(
        f"        {code.number} => {place},\n" for place, code in enumerate(codes.rcodes[:-1])
    )
    types, rcodes = len(codes.types) + 1, len(codes.rcodes)
    return rust_module(
        "counters",
        "Where each thing is counted in a row of counters: `resolverd/engine/slots.py`.",
        (
            rust_enum("Transport", "How a query came.", _variants(counters.transports)),
            "\n".join(
                (
                    rust_const("ROW", "usize", counters.row, "How many slots a row has."),
                    rust_const("RECEIVED", "usize", first["received"], "Packets, by transport."),
                    rust_const(
                        "DROPPED", "usize", first["dropped"], "Packets that get no answer, by why."
                    ),
                    rust_const("TRUNCATED", "usize", first["truncated"], "Responses with TC."),
                    rust_const("MALFORMED", "usize", first["malformed"], "FORMERR, by why."),
                )
            ),
            rust_list(
                "TYPES",
                "u16",
                [code.number for code in codes.types],
                "The QTYPEs that have a count of their own; behind them stands that of all others.",
            ),
            f"""/// Where a response counts: `place` is that of its QTYPE in [`TYPES`].
#[must_use]
#[inline]
pub const fn response(transport: Transport, place: usize, rcode: u16) -> usize {{
    let rcode = match rcode {{
{places}        _ => {rcodes - 1},
    }};
    {first["responses"]} + (transport as usize * {types} + place) * {rcodes} + rcode
}}""",
            _rust_labels(
                "send_error", "Answers not sent.", counters.send_errors, first["send_errors"]
            ),
            _rust_labels(
                "tcp_refused",
                "TCP connections closed at once or early.",
                counters.tcp_refused,
                first["tcp_refused"],
            ),
            rust_list(
                "TTL_BOUNDS",
                "u32",
                counters.ttl_bounds,
                "Upper bounds of the TTL buckets, in seconds.",
            )
            + "\n"
            + "\n".join(
                (
                    rust_const(
                        "TTL_BUCKETS",
                        "usize",
                        buckets,
                        "The first bucket, in the block of a service.",
                    ),
                    rust_const("TTL_SUM", "usize", total, "The sum of TTLs in seconds, there."),
                    rust_const(
                        "FIRST_CHOICE",
                        "usize",
                        len(with_region(outcomes)),
                        "The first outcome of a first choice, in the block of a region.",
                    ),
                )
            ),
        ),
    )


def rust_grammar(counters: Counters) -> str:
    """`native/src/wire/malformed.rs`: what the counters of the grammar are of."""
    return rust_module(
        "counters",
        "Why a packet gets no answer, or FORMERR; for the header's reader and EDNS's alike, so "
        "that neither needs the other.",
        (
            rust_enum("Dropped", "Why a packet gets no answer.", _variants(counters.dropped)),
            rust_enum("Malformed", "Why a packet gets FORMERR.", _variants(counters.malformed)),
        ),
    )


def _service_block(counters: Counters, outcomes: Outcomes) -> tuple[int, int]:
    """Where the TTL's buckets begin in a service's block, and where their sum is."""
    buckets = len(outcomes.outcomes) - len(with_region(outcomes))
    return buckets, buckets + len(counters.ttl_bounds) + 1


def _names(labels: tuple[Label, ...]) -> tuple[str, ...]:
    return tuple(label.name for label in labels)


def _variants(labels: tuple[Label, ...]) -> list[tuple[str, str]]:
    return [(camel(label.name), f"{label.doc[0].upper()}{label.doc[1:]}.") for label in labels]


def _rust_labels(name: str, doc: str, labels: tuple[Label, ...], first: int) -> str:
    return rust_group(
        name,
        doc,
        (
            rust_const(
                label.constant or label.name.upper(),
                "usize",
                slot,
                f"`{label.name}`: {label.doc}.",
                4,
            )
            for slot, label in zip(count(first), labels)
        ),
    )


def _python_family(family: Family) -> str:
    if family.field == "responses":  # which has the types and RCODEs of `codes`
        transports = ", ".join(map(quoted, family.axes[0]))
        axes = f"(({transports}), (*TYPE_NAMES, OTHER_TYPE), tuple(RCODE_NAMES))"
        return f"    SlotFamily({quoted(family.field)}, {family.first}, {axes}),\n"
    if not family.axes:
        return f"    SlotFamily({quoted(family.field)}, {family.first}, ()),\n"
    one = ", ".join(map(quoted, family.axes[0]))
    line = f"    SlotFamily({quoted(family.field)}, {family.first}, (({one}),)),\n"
    if len(line) <= 100:
        return line
    labels = python_tuple(map(quoted, family.axes[0]), 12)
    return (
        f"    SlotFamily(\n        {quoted(family.field)},\n        {family.first},\n"
        f"        (\n            {labels},\n        ),\n    ),\n"
    )
