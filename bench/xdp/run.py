"""Past the socket, measured: an echo on a socket, one over AF_XDP, and an answer in the kernel.

    python -m bench.xdp.run [--seconds 3] [--times 5] [--window 512]

Needs root: it makes two network namespaces and a veth pair, and loads BPF programs. The server
end works on core 0, the asking end on core 1. The CPU of an answer is that of the server's
process and of the kernel thread that receives at the server's end, both as the scheduler counts
them, so that other work on the machine does not count; how busy core 0 was in all is beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.report import show, write
from bench.xdp.build import BUILD, build
from bench.xdp.kernel import QNAME, KernelAnswer
from bench.xdp.same import check_against_engine
from bench.xdp.veth import ASKER, SERVER, Veth, core_busy_seconds, cpu_seconds, run

SERVER_CORE, ASKING_CORE = 0, 1
# The echo on a socket; the same behind the program with empty tables, which lets all pass; the
# echo over AF_XDP; the answer in the kernel, its map an LPM_TRIE or an array of every /24. XDP in
# the driver, or in the stack after an skb.
MAPS = {"trie": "answer", "blocks": "answer_blocks"}
VARIANTS = (
    "socket",
    "passed native",
    "xsk native",
    "xsk generic",
    "trie native",
    "trie generic",
    "blocks native",
)
LOOKUPS = ("any_trie_ns", "any_blocks_ns", "few_trie_ns", "few_blocks_ns")
SIZES = ("1000", "100000", "1000000")
RAW = argparse.RawTextHelpFormatter
Figures = dict[str, float]


def measure_variant(veth: Veth, variant: str, seconds: float, window: int) -> Figures:
    """One run of one variant under load: microseconds of the server's side per answer."""
    with _serving(veth, variant) as process:
        napi = veth.pin_napi("srv", SERVER_CORE)
        before = _clocks(napi, process)
        sent, received, answered, took = _load(veth, seconds, window)
        after = _clocks(napi, process)
    in_kernel, in_process, busy = (b - a for a, b in zip(before, after, strict=True))
    if variant.partition(" ")[0] in MAPS and answered < received:
        raise SystemExit(f"{variant}: {received - answered:.0f} responses without an answer")
    return {
        "answers_per_second": received / took,
        "lost": max(0.0, 1 - received / sent - window / sent),
        "receive_thread_us": in_kernel * 1e6 / received,
        "process_us": in_process * 1e6 / received,
        "cpu_us": (in_kernel + in_process) * 1e6 / received,
        "core_us": busy * 1e6 / received,
    }


@contextmanager
def _serving(veth: Veth, variant: str) -> Iterator[int | None]:
    """The variant at the server's end; its process where it has one."""
    what, _, mode = variant.partition(" ")
    if what in MAPS:
        with KernelAnswer(veth, mode, MAPS[what]) as kernel:
            kernel.place_everybody()
            yield None
    elif what == "passed":
        with KernelAnswer(veth, mode), _echo(veth, "echo_socket", SERVER) as process:
            yield process
    elif what == "socket":
        with _echo(veth, "echo_socket", SERVER) as process:
            yield process
    else:
        with _echo(veth, "echo_xsk", "srv", mode, str(BUILD / "redirect.bpf.o")) as process:
            yield process


@contextmanager
def _echo(veth: Veth, program: str, *arguments: str) -> Iterator[int]:
    command = [*veth.inside("srv", SERVER_CORE), str(BUILD / program), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise SystemExit(f"{program} did not start")
            yield process.pid
        finally:
            process.terminate()


def _clocks(napi: int, process: int | None) -> tuple[float, float, float]:
    in_process = cpu_seconds(process) if process else 0.0
    return cpu_seconds(napi), in_process, core_busy_seconds(SERVER_CORE)


def _load(veth: Veth, seconds: float, window: int) -> tuple[float, float, float, float]:
    ends = [veth.mac["ask"].replace(":", ""), veth.mac["srv"].replace(":", ""), ASKER, SERVER]
    rest = [QNAME.hex(), str(seconds), str(window)]
    program = [str(BUILD / "load"), "ask", str(BUILD / "redirect.bpf.o")]
    printed = run(*veth.inside("ask", ASKING_CORE), *program, *ends, *rest)
    sent, received, answered, took = map(float, printed.split())
    return sent, received, answered, took


def measure_all(veth: Veth, times: int, seconds: float, window: int) -> dict[str, Any]:
    """Every variant `times` times, in turn, with the ratio to the socket echo of that turn."""
    turns: dict[str, list[Figures]] = {variant: [] for variant in VARIANTS}
    for _ in range(times):
        for variant in VARIANTS:
            figures = measure_variant(veth, variant, seconds, window)
            turns[variant].append(figures)
            figures["ratio_to_socket"] = figures["cpu_us"] / turns["socket"][-1]["cpu_us"]
    return {
        variant: {key: _spread([figures[key] for figures in taken]) for key in taken[0]}
        for variant, taken in turns.items()
    }


def measure_program(veth: Veth, what: str, seconds: float, window: int) -> float:
    """Nanoseconds of the program itself for an answer, under load."""
    with KernelAnswer(veth, "native", MAPS[what]) as kernel:
        kernel.place_everybody()
        veth.pin_napi("srv", SERVER_CORE)
        kernel.time()
        _load(veth, seconds, window)
        return kernel.nanoseconds()


def measure_longest() -> list[dict[str, float]]:
    """The kernel's longest-prefix table by itself, at several sizes."""
    printed = run(str(BUILD / "longest"), str(BUILD / "longest.bpf.o"), *SIZES)
    keys = ("prefixes", "octets", "fill_seconds", *LOOKUPS)
    return [dict(zip(keys, map(float, line.split()), strict=True)) for line in printed.splitlines()]


def _spread(values: Sequence[float]) -> Figures:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--window", type=int, default=512)
    asked = parser.parse_args()
    if os.geteuid():
        sys.exit("bench.xdp.run needs root: it makes network namespaces and loads BPF programs")
    run(str(Path(__file__).with_name("packages")))
    build()
    with Veth() as veth:
        veth.pin_napi("ask", ASKING_CORE)
        same = {what: check_against_engine(veth, name) for what, name in MAPS.items()}
        with KernelAnswer(veth, "native") as kernel:
            publish = _spread([kernel.publish() for _ in range(20)])
        variants = measure_all(veth, asked.times, asked.seconds, asked.window)
        load = asked.seconds, asked.window
        timed = {
            what: _spread([measure_program(veth, what, *load) for _ in range(asked.times)])
            for what in MAPS
        }
    longest = measure_longest()
    write(
        "xdp",
        {
            "settings": vars(asked),
            "responses_equal_to_the_engine": same,
            "publish_us": publish,
            "program_ns": timed,
            "variants": variants,
            "lpm_trie": longest,
        },
    )
    _show(variants, longest)
    for what, spread in timed.items():
        print(f"\nthe program itself, {what}: {spread['median']:.0f} ns")


def _show(variants: dict[str, Any], longest: list[dict[str, float]]) -> None:
    keys = ("answers_per_second", "cpu_us", "receive_thread_us", "process_us", "core_us")
    show(
        "medians of each server",
        [
            ("server", *keys, "ratio"),
            *(
                (name, *(f[key]["median"] for key in keys), f["ratio_to_socket"]["median"])
                for name, f in variants.items()
            ),
        ],
    )
    show("LPM_TRIE", [tuple(longest[0]), *(tuple(row.values()) for row in longest)])


if __name__ == "__main__":
    main()
