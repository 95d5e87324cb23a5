"""Answers past the socket: what each way costs to a socket's, and the kernel's own tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Figure, beside, spread_of
from bench.sections.markdown import number, ratio, spread, table

SOCKET = "socket"
WAYS = {
    SOCKET: "echo on a socket, `recvmmsg` and `sendmmsg` of 32",
    "passed native": "the same, behind a program that lets every query pass",
    "xsk native": "echo over AF_XDP, copying; XDP in the driver",
    "xsk generic": "echo over AF_XDP, copying; generic XDP",
    "trie native": "answer in the kernel, map an LPM_TRIE; XDP in the driver",
    "trie generic": "answer in the kernel, map an LPM_TRIE; generic XDP",
    "blocks native": "answer in the kernel, map an array of every /24; XDP in the driver",
}


def figures(results: Mapping[str, Any]) -> Iterator[Figure]:
    """CPU of an answer to the echo on a socket, of the program itself, and of a publish."""
    for way, row in results["variants"].items():
        if way != SOCKET:
            ratio = row["ratio_to_socket"]
            cost = row["cpu_us"]["median"]
            yield beside(f"{WAYS[way]}: CPU", cost, "µs", "the echo on a socket", ratio)
    for what, taken in results["program_ns"].items():
        ns, rounds = spread_of(taken)
        yield Figure(f"the program itself, {what}", ns, "ns", range=rounds)
    microseconds, rounds = spread_of(results["publish_us"])
    yield Figure("publish of 262,144 cells", microseconds / 1e3, "ms", range=_ms(rounds))


def tables(results: Mapping[str, Any]) -> str:
    """A line for each way; the program and a publish; the kernel's tables by themselves."""
    asked = results["settings"]
    head = ("server", "µs of CPU per answer", "of it, process", "÷ socket echo")
    rows = [
        (
            WAYS[way],
            spread(row["cpu_us"]),
            number(row["process_us"]["median"]),
            "1" if way == SOCKET else _ratio(row["ratio_to_socket"]),
        )
        for way, row in results["variants"].items()
    ]
    head_of_tables = (
        *("prefixes", "LPM_TRIE", "filled in s", "any client, ns", "64 clients, ns"),
        "array of every /24, any client, ns",
    )
    sizes = [
        (
            f"{row['prefixes']:,.0f}",
            f"{row['octets'] / 1e6:.0f} MB" if row["octets"] else "< 0.1 MB",
            number(row["fill_seconds"]),
            *(number(row[key]) for key in ("any_trie_ns", "few_trie_ns", "any_blocks_ns")),
        )
        for row in results["lpm_trie"]
    ]
    program, publish = results["program_ns"], results["publish_us"]
    own = (
        f"The program itself takes {spread(program['trie'])} ns with the trie and "
        f"{spread(program['blocks'])} with the array; a publish of 262,144 cells "
        f"{spread(publish, 1e-3)} ms. {asked['times']} turns of {asked['seconds']:g} s, "
        f"{asked['window']} queries in flight; median, least and most, the ratio within each turn."
    )
    return f"{table(head, rows, left=1)}\n{own}\n\n{table(head_of_tables, sizes, left=0)}"


def _ratio(taken: Mapping[str, float]) -> str:
    return ratio(taken["median"], (taken["min"], taken["max"]))


def _ms(microseconds: tuple[float, float]) -> tuple[float, float]:
    return microseconds[0] / 1e3, microseconds[1] / 1e3
