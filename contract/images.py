"""The octets by which Python hands a Plan and a Steering to the native library.

An image is a magic whose last octet is a version, a head, then sections of records of one size,
one after another without padding, and last a pool of octets that the records point into. All
numbers are little-endian. What is named by a number is the place of a record in its section, or of
a name in the pool, or NONE.
"""

from __future__ import annotations

import struct
from textwrap import wrap
from typing import NamedTuple

from contract.render import python_module, rust_const, rust_doc, rust_module

NONE = 0xFFFF_FFFF
_COLUMNS = 100


class Field(NamedTuple):
    """One field; its kind is a key of `_KINDS`."""

    name: str
    kind: str
    doc: str


class Record(NamedTuple):
    """One kind of record, or a head, by its name in Python."""

    name: str
    doc: str
    fields: tuple[Field, ...]


class Image(NamedTuple):
    """One image. `version` is raised where a field means something else, not where it moves.

    `of_epochs` are records that Python has in a module of their own.
    """

    name: str
    magic: str
    version: int
    head: Record
    records: tuple[Record, ...]
    of_epochs: tuple[Record, ...] = ()


class _Kind(NamedTuple):
    code: str
    python: str
    rust: str
    read: str


_KINDS = {
    "u8": _Kind("B", "int", "u8", "from.u8()?"),
    "u16": _Kind("H", "int", "u16", "from.u16()?"),
    "u32": _Kind("I", "int", "u32", "from.u32()?"),
    "u64": _Kind("Q", "int", "u64", "from.u64()?"),
    "f64": _Kind("d", "float", "f64", "from.f64()?"),
    "seconds": _Kind("d", "float", "f64", "from.seconds()?"),
    "bool": _Kind("B", "bool", "bool", "from.u8()? != 0"),
}


def _counts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, "u32", f"how many {name.replace('_', ' ')}") for name in names)


PLAN = Image(
    "plan",
    "RVDPLAN",
    5,
    Record(
        "plan_head",
        "What a Plan's image begins with, and how many records follow, in this order.",
        (
            Field("generation", "u64", "which Plan it is"),
            Field("query_log", "f64", "the share of queries that are written to the log"),
            Field("udp_payload", "u16", "the most octets of a response over UDP"),
            Field("nsid", "u16", "octets of the identifier, which stand before the pool"),
            *_counts("zones", "nodes", "rrsets", "referrals", "glue", "services", "maps", "tiers"),
            Field("region_slots", "u32", "first slots of regions, u32 each"),
            Field("pin_slots", "u32", "slots of pins, u32 each"),
            Field("pool", "u32", "octets of the pool"),
        ),
    ),
    (
        Record(
            "zone",
            "A zone.",
            (
                Field("apex", "u32", "its name as written"),
                Field("soa", "u32", "its RRset of SOA"),
                Field("negative_ttl", "u32", "seconds of a negative answer (RFC 2308 §5)"),
                Field("no_region", "u32", "a name without an address, or NONE"),
            ),
        ),
        Record(
            "node",
            "An owner name that exists, in one zone.",
            (
                Field("name", "u32", "the name, lowered"),
                Field("zone", "u32", "its zone"),
                Field("first", "u32", "the first of its RRsets"),
                Field("rrsets", "u32", "how many it has"),
                Field("service", "u32", "the service that answers, or NONE"),
                Field("ceiling", "u32", "the most TTL of that answer, in seconds"),
                Field("referral", "u32", "the zone cut at or above it, or NONE"),
                Field("tier", "u32", "the pair of services that answers, or NONE"),
            ),
        ),
        Record(
            "rrset",
            "An RRset, whole or in parts (`resolverd/engine/image.py`).",
            (
                Field("at", "u32", "where its records stand in the pool"),
                Field("length", "u32", "octets of them"),
                Field("ttl", "u32", "seconds"),
                Field("rtype", "u16", "its type"),
                Field("in_parts", "u16", "1 where names in it may be compressed, else 0"),
                Field("count", "u32", "how many records"),
            ),
        ),
        Record(
            "referral",
            "A zone cut.",
            (
                Field("owner", "u32", "its name as written"),
                Field("ns", "u32", "its RRset of NS"),
                Field("first", "u32", "the first of its glue"),
                Field("count", "u32", "how much it has"),
            ),
        ),
        Record(
            "glue",
            "One address RRset below a cut.",
            (
                Field("owner", "u32", "its name as written"),
                Field("rrset", "u32", "the RRset"),
            ),
        ),
        Record(
            "service",
            "A service.",
            (
                Field("ttl", "seconds", "how long an answer is kept while all is well"),
                Field("failover_ttl", "seconds", "how long it is kept when it may change at once"),
                Field("trickle", "f64", "the share that the second region of a list is given"),
                Field("client_map", "u32", "its client map"),
                Field("earlier_map", "u32", "the client map that it had before, or NONE"),
                Field("earlier_regions", "u32", "in the pool: of each region there its number now"),
                Field("slot", "u32", "the first of its own counters"),
                Field("first", "u32", "the first of its region slots"),
                Field("regions", "u32", "how many regions it has"),
                Field("all_down", "u8", "what is answered where none serves (`REPLIES`)"),
                Field("ecs", "bool", "whether client subnets are honoured"),
                Field("cname", "bool", "whether every QTYPE gets the region's hostname"),
                Field("no_region", "u8", "what is answered where there is none (`REPLIES`)"),
            ),
        ),
        Record(
            "client_map",
            "A client map, which the library has already.",
            (
                Field("first", "u32", "the first of its pin slots"),
                Field("pins", "u32", "how many pins it has"),
            ),
        ),
        Record(
            "tier",
            "An edge service and the core service behind it. Its octets in the pool are, for each "
            "region of the core, its number in the edge service; then, for each region of the edge "
            "service, the numbers of all regions of the core, the nearest first.",
            (
                Field("edge", "u32", "the edge service"),
                Field("core", "u32", "the core service"),
                Field("behind", "u32", "how many regions of the core stand behind the edge's"),
                Field(
                    "fenced", "u32", "the map of the core's regions under the edge's pins, or NONE"
                ),
                Field("at", "u32", "where its octets stand in the pool"),
            ),
        ),
    ),
)
STEERING = Image(
    "steering",
    "RVDSTER",
    5,
    Record(
        "steering_head",
        "What a Steering's image begins with. Behind the states stand how many regions each "
        "service has, and the state of each, in the Plan's order; u32 each. Behind these stand "
        "how many bins and heavy blocks each positions have, u32 each; all bins, f64 each; and of "
        "each heavy block the word, u64, in ascending order, and the position, f64. Then come the "
        "epochs, and of each of these its cohorts, its segments, one u64 for each region of the "
        "service, in which a bit stands for a segment that it served in, and its shares.",
        (
            Field("generation", "u64", "which Steering it is"),
            *_counts("states", "services"),
            Field("entries", "u32", "how many regions all services have"),
            *_counts("positions"),
            Field("bins", "u32", "how many bins all positions have"),
            Field("heavy", "u32", "how many heavy blocks all positions have"),
            Field("epochs", "u32", "how many services have blocks that may keep a region"),
            Field("pool", "u32", "octets of the pool"),
        ),
    ),
    (
        Record(
            "state",
            "What one region is answered with and how long that holds; services that share a "
            "region, and their TTLs, share it.",
            (
                Field("horizon", "f64", "seconds that it holds"),
                Field("answered", "f64", "the same where it is answered without serving"),
                Field("spill_ratio", "f64", "the share of its clients' blocks that it sends on"),
                Field("accept_ratio", "f64", "the share up to which it takes others'"),
                Field("a", "u32", "IPv4 addresses in the pool"),
                Field("aaaa", "u32", "IPv6 addresses in the pool"),
                Field("cname", "u32", "its hostname, or NONE"),
                Field("a_ttl", "u32", "the most TTL of IPv4 in seconds, or NONE"),
                Field("aaaa_ttl", "u32", "the most TTL of IPv6 in seconds, or NONE"),
                Field("positions", "u32", "what stands for its clients' draws, or NONE"),
                Field("a_count", "u16", "how many IPv4 addresses"),
                Field("aaaa_count", "u16", "how many IPv6 addresses"),
                Field("serves", "bool", "whether it serves"),
                Field("unknown", "bool", "whether nothing is known of it yet"),
                Field("alive", "bool", "whether an endpoint of its answer is measured up"),
                Field("has_addresses", "bool", "whether it has an address or a hostname"),
                Field("sampled", "u8", "0, or 1 more than log2 of how many queries one is kept of"),
                Field("spill_off", "bool", "whether no trickle goes from it or to it"),
            ),
        ),
    ),
    (
        Record(
            "epochs",
            "What the decisions of a service have rested on (`resolverd/policy/sticky.py`).",
            (
                Field("service", "u32", "the service; ascending"),
                Field("segments", "u32", "how many segments"),
                Field("earlier", "u32", "how many of these are of the map before"),
                Field("shares", "u32", "how many shares"),
            ),
        ),
        Record(
            "cohort",
            "The epoch that a cohort of blocks is in.",
            (
                Field("left", "f64", "seconds of it that an answer may count on"),
                Field("start", "u8", "the segment in which it began"),
            ),
        ),
        Record(
            "segment",
            "A time in which decisions rested on the same.",
            (Field("trickle", "f64", "the share that the second region of a list was given"),),
        ),
        Record(
            "segment_share",
            "What a region sent on and took in a segment; in the order of segments, then regions.",
            (
                Field("spill_ratio", "f64", "the share of its clients' blocks that it sent on"),
                Field("accept_ratio", "f64", "the share up to which it took others'"),
                Field("positions", "u32", "what stood for its clients' draws, or NONE"),
                Field("segment", "u8", "the segment"),
                Field("region", "u8", "the region by its place in the service"),
                Field("spill_off", "bool", "whether no trickle went from it or to it"),
            ),
        ),
    ),
)
IMAGES = (PLAN, STEERING)


def layout(record: Record) -> str:
    """The format of `struct` that a record has, without its byte order."""
    return "".join(_KINDS[field.kind].code for field in record.fields)


def size(record: Record) -> int:
    """Octets of a record."""
    return struct.calcsize(f"<{layout(record)}")


def python(images: tuple[Image, ...]) -> str:
    """`resolverd/engine/records.py`."""
    parts = []
    for image in images:
        parts.append(_python_record(image.head, image))
        parts += [_python_record(record) for record in image.records]
    return python_module(
        "images",
        "Records of the images of a Plan and of a Steering, as octets.\n\n"
        "Numbers are little-endian, without padding. `NONE` stands where there is none.",
        ("import struct", "from typing import Final"),
        (f"NONE: Final = 0x{NONE:X}\n\n\n" + "\n\n\n".join(parts),),
    )


def python_of_epochs(images: tuple[Image, ...]) -> str:
    """`resolverd/engine/epochs_records.py`."""
    parts = [_python_record(record) for image in images for record in image.of_epochs]
    return python_module(
        "images",
        "Records of a Steering's image that tell what blocks may keep, as octets: see `records`.",
        ("import struct", "from typing import Final"),
        ("\n\n\n".join(parts),),
    )


def rust(images: tuple[Image, ...]) -> str:
    """`native/src/tables/records.rs`."""
    parts = ["use super::image::Reader;"]
    parts.append(rust_const("NONE", "u32", "u32::MAX", 'What "none" is where an index stands.'))
    for image in images:
        magic = f'*b"{image.magic}\\x{image.version:02x}"'
        name = f"{image.name.upper()}_MAGIC"
        begins = f"What a {image.name}'s image begins with."
        parts.append(rust_const(name, "[u8; 8]", magic, begins))
        parts += [_rust_record(record) for record in (image.head, *image.records, *image.of_epochs)]
    return rust_module(
        "images",
        "Records of the images of a Plan and of a Steering: `resolverd/engine/records.py`.",
        parts,
    )


def _python_record(record: Record, head_of: Image | None = None) -> str:
    name = f"_{record.name.upper()}"
    code = f"<{'8s' if head_of else ''}{layout(record)}"
    magic = ""
    if head_of is not None:
        magic = f'        b"{head_of.magic}\\x{head_of.version:02x}",\n'
    docs = "".join(f"    {field.name}: {field.doc}\n" for field in record.fields)
    arguments = "".join(f"    {f.name}: {_KINDS[f.kind].python},\n" for f in record.fields)
    values = _packed(name, [field.name for field in record.fields])
    if head_of is not None:
        values = "(\n" + magic + "".join(f"        {f.name},\n" for f in record.fields) + "    )"
    return (
        f'{name}: Final = struct.Struct("{code}")\n\n\n'
        f"def {record.name}(\n    *,\n{arguments}) -> bytes:\n"
        f'    """{_filled(record.doc)}\n\n{docs}    """\n'
        f"    return {name}.pack{values}"
    )


def _packed(name: str, fields: list[str]) -> str:
    """The arguments of `pack`, on as few lines as the formatter leaves them on."""
    listed = ", ".join(fields)
    if len(f"    return {name}.pack({listed})") <= _COLUMNS:
        return f"({listed})"
    if len(listed) + 8 <= _COLUMNS:
        return f"(\n        {listed}\n    )"
    return "(\n" + "".join(f"        {field},\n" for field in fields) + "    )"


def _filled(text: str) -> str:
    return "\n".join(wrap(text, 93)).replace("\n", "\n    ")


def _rust_record(record: Record) -> str:
    parts = record.name.split("_")
    name = "".join(part.capitalize() for part in parts)
    name = name if name.endswith("Head") else f"{name}Record"
    fields = "".join(
        f"{rust_doc(f'{f.doc[0].upper()}{f.doc[1:]}.', indent=4)}\n"
        f"    pub {f.name}: {_KINDS[f.kind].rust},\n"
        for f in record.fields
    )
    reads = "".join(f"            {f.name}: {_KINDS[f.kind].read},\n" for f in record.fields)
    return f"""{rust_doc(record.doc)}
pub struct {name} {{
{fields}}}

impl {name} {{
    /// Octets of one.
    pub const SIZE: usize = {size(record)};

    /// Read one.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, &'static str> {{
        Ok(Self {{
{reads}        }})
    }}
}}"""
