"""The C ABI between Python and the native library: structs, functions, numbers, and its version.

The version is made from all that is declared in this package, so a library that was built of other
rows is never used, and nobody has to raise a number by hand.
"""

from __future__ import annotations

from textwrap import fill
from typing import NamedTuple

from contract.render import python_module, python_tuple, quoted, rust_const, rust_module


class Kind(NamedTuple):
    """A type that crosses the ABI, as ctypes and as Rust write it."""

    python: str
    rust: str


class Struct(NamedTuple):
    """A struct of a pointer and a count, lent for one call; `io::sys` has the same."""

    name: str
    pointer: str
    length: str
    doc: str


class Function(NamedTuple):
    """A function, without the ``resolverd_`` before its name."""

    room: str
    name: str
    gives: Kind | None
    takes: tuple[Kind, ...] = ()


class Number(NamedTuple):
    """A number that both sides know; `rust` is its type there."""

    name: str
    value: int
    rust: str
    doc: str


class Abi(NamedTuple):
    """All of it. Layouts are those of `struct`, in host order without padding."""

    structs: tuple[Struct, ...]
    functions: tuple[Function, ...]
    sockets: tuple[Number, ...]
    numbers: tuple[Number, ...]
    exchanges: tuple[Number, ...]


SPAN, OUT = Kind("Span", "Span"), Kind("OutBuf", "OutBuf")
NUMBERS, SPANS = Kind("Numbers", "Numbers"), Kind("Spans", "Spans")
METER, FLAG = Kind("c_void_p", "Meter"), Kind("c_bool", "bool")
SIZE, SIGNED = Kind("c_size_t", "usize"), Kind("c_ssize_t", "isize")
U8, U32, U64 = Kind("c_uint8", "u8"), Kind("c_uint32", "u32"), Kind("c_uint64", "u64")
I32, I64, F64 = Kind("c_int32", "i32"), Kind("c_int64", "i64"), Kind("c_double", "f64")
PLAN, SNAPSHOT, ASKER, ENGINE, INDEX, MAP = (
    Kind("c_void_p", f"Handle<{name}>")
    for name in ("Plan", "Snapshot", "Asker", "Serving", "PlaceIndex", "ClientMap")
)
EXCHANGES, LAYOUT, PAGE = (
    Kind("c_void_p", f"Handle<{name}>") for name in ("Exchanges", "Layout", "Page")
)
MAPS, INDEXES = (Kind("Handles", f"Handles<{name}>") for name in ("ClientMap", "PlaceIndex"))

_SERIES = 128

ABI = Abi(
    structs=(
        Struct("Span", "c_char_p", "length", "Octets lent to the library."),
        Struct("OutBuf", "c_void_p", "length", "A buffer lent to the library for an answer."),
        Struct("Numbers", "c_void_p", "count", "Numbers of 64 bits that the library writes."),
        Struct("Spans", "c_void_p", "count", "Spans lent to the library."),
        Struct("Handles", "c_void_p", "count", "Handles lent to the library."),
    ),
    functions=(
        Function("tables", "plan_load", PLAN, (SPAN, MAPS, PLAN, OUT)),
        Function("tables", "plan_release", None, (PLAN,)),
        Function("tables", "snapshot_load", SNAPSHOT, (PLAN, SPAN, OUT)),
        Function("tables", "snapshot_release", None, (SNAPSHOT,)),
        Function("tables", "asker_new", ASKER),
        Function("tables", "asker_release", None, (ASKER,)),
        Function("tables", "respond", I64, (ASKER, SNAPSHOT, SPAN, SPAN, FLAG, OUT)),
        Function("tables", "respond_all", SIZE, (ASKER, SNAPSHOT, SPANS, SPAN, SIZE, OUT)),
        Function("tables", "self_check", SIZE, (SNAPSHOT, OUT)),
        Function("tables", "asker_counters", None, (ASKER, NUMBERS)),
        Function("tables", "asker_blocks", SIZE, (ASKER, NUMBERS)),
        Function("engine", "engine_start", ENGINE, (SPAN, U64, U64, SIZE, SIZE, SNAPSHOT, OUT)),
        Function("engine", "engine_release", None, (ENGINE,)),
        Function("engine", "engine_publish", SIZE, (ENGINE, SNAPSHOT, U64, OUT)),
        Function("engine", "engine_check", SIZE, (ENGINE, U64, OUT)),
        Function("engine", "engine_stop", SIZE, (ENGINE, U64, OUT)),
        Function("engine", "engine_event_fd", I32, (ENGINE,)),
        Function("engine", "engine_clear_events", None, (ENGINE,)),
        Function("engine", "engine_failure", SIZE, (ENGINE, OUT)),
        Function("engine", "engine_sample", SIZE, (ENGINE, OUT)),
        Function("engine", "engine_samples_dropped", U64, (ENGINE,)),
        Function("engine", "engine_counters", None, (ENGINE, NUMBERS)),
        Function("engine", "engine_blocks", SIZE, (ENGINE, NUMBERS)),
        Function("engine", "engine_inject_fault", None, (ENGINE, SIZE, U32)),
        Function("map", "place_index_read", INDEX, (SPAN, SPAN, METER, NUMBERS, OUT)),
        Function("map", "place_index_keep_paths", None, (INDEX,)),
        Function("map", "place_index_release", None, (INDEX,)),
        Function("map", "map_compile", MAP, (SPANS, INDEXES, SPAN, SPANS, MAP, METER, OUT)),
        Function("map", "map_coverage", SIGNED, (SPANS, INDEXES, SPAN, METER, NUMBERS, OUT)),
        Function("map", "map_save", SIGNED, (MAP, OUT)),
        Function("map", "map_restore", MAP, (SPAN, SPAN)),
        Function("map", "map_release", None, (MAP,)),
        Function("map", "map_size", None, (MAP, NUMBERS)),
        Function("map", "map_lookup", SIGNED, (MAP, SPAN, U8, OUT)),
        Function("map", "map_time", F64, (MAP, SPAN)),
        Function("pages", "layout_new", LAYOUT, (SPAN, SPAN)),
        Function("pages", "layout_release", None, (LAYOUT,)),
        Function("pages", "page_read", SIGNED, (SPAN, LAYOUT, NUMBERS)),
        Function("exchanges", "exchanges_new", EXCHANGES, (OUT,)),
        Function("exchanges", "exchanges_release", None, (EXCHANGES,)),
        Function("exchanges", "exchanges_fd", I32, (EXCHANGES,)),
        Function("exchanges", "exchange_page_new", PAGE, (SPAN, SPAN, LAYOUT)),
        Function("exchanges", "exchange_page_release", None, (PAGE,)),
        Function("exchanges", "exchange_begin", I64, (EXCHANGES, PAGE)),
        Function("exchanges", "exchange_cancel", None, (EXCHANGES, U64, NUMBERS)),
        Function("exchanges", "exchanges_turn", SIZE, (EXCHANGES, SIZE, NUMBERS)),
        Function("exchanges", "exchange_look", SIZE, (EXCHANGES, U64, NUMBERS)),
        Function("exchanges", "exchange_take", SIZE, (EXCHANGES, U64, OUT)),
    ),
    sockets=(
        Number("UDP", 0, "u32", "UDP."),
        Number("UDP_PKTINFO", 1, "u32", "UDP with packet information (ip(7))."),
        Number("TCP", 2, "u32", "TCP."),
        Number("SHARED", 16, "u32", "Added to the kind of a socket that several workers have."),
    ),
    numbers=(
        Number("SOCKET_OCTETS", 12, "usize", "Octets of a socket in the list of them."),
        Number("SAMPLE_OCTETS", 24, "usize", "Octets of a sample before its query."),
    ),
    exchanges=(
        Number("EXCHANGE_SERIES", _SERIES, "usize", "Series of a page asked for, at most."),
        Number(
            "EXCHANGE_NUMBERS",
            4 + _SERIES,
            "usize",
            "Numbers of a record of an exchange, at most: four come before its own.",
        ),
        Number(
            "EXCHANGE_READ",
            0,
            "u64",
            "What the second number of a record says: the page is there, and the fourth is how "
            "many numbers follow.",
        ),
        Number(
            "EXCHANGE_FAILED", 1, "u64", "There is no connection; the fourth is the error number."
        ),
        Number(
            "EXCHANGE_OTHER",
            2,
            "u64",
            "What has come is for Python: the fourth is how many octets there are to be taken, and "
            "there follow the descriptor, which is Python's (-1 where the connection has ended), "
            "the error number by which it has ended, and the reads so far.",
        ),
        Number(
            "EXCHANGE_NO_CONNECT",
            2**64 - 1,
            "u64",
            "In place of the nanoseconds of a TCP handshake: there was none.",
        ),
    ),
)


def python(abi: Abi, version: int) -> str:
    """`resolverd/abi/contract.py`."""
    structs = "\n\n\n".join(
        f'class {one.name}(ctypes.Structure):\n    """{one.doc}"""\n\n'
        f'    _fields_ = (("start", {one.pointer}), ("{one.length}", c_size_t))'
        for one in abi.structs
    )
    functions = "".join(map(_python_function, abi.functions))
    used = {kind.python for f in abi.functions for kind in (f.gives, *f.takes) if kind}
    used |= {one.pointer for one in abi.structs} | {"c_size_t"}
    names = "".join(
        f"    {name},\n" for name in sorted(used, key=_natural) if name.startswith("c_")
    )
    sockets = "".join(f"    {one.name} = {one.value}\n" for one in abi.sockets)
    numbers = "\n".join(
        f'{one.name}: Final = {one.value}\n"""{fill(one.doc, 94)}"""'
        for one in (*abi.numbers, *abi.exchanges)
    )
    return python_module(
        "abi",
        "The C ABI of the native library: its version, structs and functions.",
        (
            "import ctypes",
            "from collections.abc import Mapping",
            f"from ctypes import (\n{names})",
            "from enum import IntFlag",
            "from typing import Any, Final",
        ),
        (
            f"ABI_VERSION: Final = 0x{version:08X}\n"
            f'"""Of all rows that both engines share."""\n\n{numbers}\n\n\n{structs}\n\n\n'
            'class SocketKind(IntFlag):\n    """What a socket is, to the library."""\n\n'
            f"{sockets}\n\n"
            f"FUNCTIONS: Final[Mapping[str, tuple[Any, ...]]] = {{\n{functions}}}\n"
            '"""What each function gives, then what it takes."""',
        ),
    )


def rust(abi: Abi, version: int) -> str:
    """`native/src/ffi/contract.rs`, which does not compile where a function is another."""
    checks = "\n".join(map(_rust_check, abi.functions))
    sizes = "\n".join(
        f"const _: () = assert!(size_of::<{kind}>() == 16);"
        for kind in ("Span", "OutBuf", "Numbers", "Spans", "Handles<ClientMap>")
    )
    return rust_module(
        "abi",
        "The C ABI as Python declares it: `resolverd/abi/contract.py`.",
        (
            "use super::engine::Serving;\nuse super::tables::Asker;\nuse crate::answer::Snapshot;\n"
            "use crate::geo::ClientMap;\nuse crate::geo::place_index::PlaceIndex;\n"
            "use crate::io::exchanges::{Exchanges, Page};\n"
            "use crate::io::sys::{Handle, Handles, Meter, Numbers, OutBuf, Span, Spans};\n"
            "use crate::pages::Layout;\n"
            "use crate::tables::Plan;",
            rust_const(
                "ABI_VERSION", "u32", f"0x{version:08X}", "Of all rows that both engines share."
            ),
            "\n".join(
                rust_const(one.name, one.rust, one.value, one.doc)
                for one in (*abi.sockets[1:], *abi.numbers)
            ),
            sizes,
            checks,
        ),
    )


def rust_exchanges(abi: Abi) -> str:
    """`native/src/io/exchanges/contract.rs`."""
    return rust_module(
        "abi",
        "What records of exchanges are made of, as `resolverd/abi/contract.py` has it.",
        ("\n".join(rust_const(one.name, one.rust, one.value, one.doc) for one in abi.exchanges),),
    )


def _python_function(one: Function) -> str:
    kinds = ["None" if kind is None else kind.python for kind in (one.gives, *one.takes)]
    name = quoted(f"resolverd_{one.name}")
    line = f"    {name}: ({', '.join(kinds)}{'' if one.takes else ','}),\n"
    return line if len(line) <= 101 else f"    {name}: {python_tuple(kinds, 4)},\n"


_WIDTH = 100
"""Of a line of Rust, as rustfmt has it."""


def _rust_check(one: Function) -> str:
    gives = "" if one.gives is None else f" -> {one.gives.rust}"
    head = f'const _: extern "C" fn({", ".join(kind.rust for kind in one.takes)}){gives} ='
    found = f"super::{one.room}::resolverd_{one.name};"
    line = f"{head} {found}"
    if len(line) <= _WIDTH:
        return line
    if len(head) <= _WIDTH:
        return f"{head}\n    {found}"
    takes = "".join(f"    {kind.rust},\n" for kind in one.takes)
    return f'const _: extern "C" fn(\n{takes}){gives} = {found}'


def _natural(name: str) -> tuple[str, int]:
    """In the order of ruff's imports: ``c_uint8`` before ``c_uint32``."""
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0)
