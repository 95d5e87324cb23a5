"""Network plus queueing time under four ways of steering, in a simulation of three regions.

    python -m bench.spill.run [--seeds 5] [--varied-seeds 3]

Writes ``bench/results/spill.json``, the chart and the tables of ``docs/spill.md``; ends with 1
when the p95 of resolverd's spill over the trace is not below those of all others, or that of its
policy ttft is in any setting above that of nearest or least-loaded.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from bench.report import show, write
from bench.spill.experiment import (
    BASE,
    BY_COST,
    OURS,
    POLICIES,
    PRODUCT,
    VARIED,
    Result,
    Scenario,
    summary,
    tried,
)
from resolverd import log

# In other settings, those of which each asks something else.
COMPARED = ("nearest", "least-loaded", "least-loaded, as read", *PRODUCT)


def measured(jobs: Sequence[tuple[Scenario, str, int]]) -> list[Result]:
    """All runs, on all cores."""
    with ProcessPoolExecutor(os.cpu_count(), initializer=quiet) as pool:
        futures = [pool.submit(tried, scenario, policy, seed) for scenario, policy, seed in jobs]
        return [future.result() for future in futures]


def quiet() -> None:
    """Keep the daemon's own events, of which there are many, from the screen."""
    log.configure(level=logging.WARNING)


def results_of(seeds: int, varied_seeds: int) -> dict[str, Any]:
    """The content of the result file."""
    plans = [(BASE, policy, seeds) for policy in POLICIES]
    plans += [(scenario, policy, varied_seeds) for scenario in VARIED for policy in COMPARED]
    jobs = [(s, policy, seed) for s, policy, count in plans for seed in range(1, count + 1)]
    results = dict(zip(jobs, measured(jobs), strict=True))
    rows = []
    for scenario, policy, count in plans:
        runs = [results[scenario, policy, seed] for seed in range(1, count + 1)]
        rows.append({"setting": scenario.name, "policy": policy, **summary(runs)})
    first = {policy: results[BASE, policy, 1] for policy in POLICIES}
    return {
        "seeds": seeds,
        "varied_seeds": varied_seeds,
        "ttl": BASE.ttl,
        "size": BASE.size._asdict(),
        "blocks": BASE.blocks._asdict(),
        "rows": rows,
        "by_minute": {
            policy: {
                "p95": [round(value, 3) for value in result.minutes],
                "moved": [round(value, 3) for value in result.moved],
            }
            for policy, result in first.items()
        },
    }


def below_all(content: dict[str, Any]) -> bool:
    """Whether ours is below all others over the trace, in the worst of its runs."""
    rows = {r["policy"]: r["p95"] for r in content["rows"] if r["setting"] == BASE.name}
    others = [row for name, row in rows.items() if name not in PRODUCT]
    return all(rows[OURS]["max"] < row["min"] for row in others)


def never_worse(content: dict[str, Any]) -> bool:
    """Whether ttft is at no setting above nearest or least-loaded, by the medians of p95."""
    p95 = {(r["setting"], r["policy"]): r["p95"]["median"] for r in content["rows"]}
    return all(
        seconds <= min(p95[setting, "nearest"], p95[setting, "least-loaded"])
        for (setting, policy), seconds in p95.items()
        if policy == BY_COST
    )


def main() -> int:
    """Simulate, print, write; 1 when ours are not below the others."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--varied-seeds", type=int, default=3)
    chosen = options.parse_args()
    content = results_of(chosen.seeds, chosen.varied_seeds)
    head = ("setting", "policy", "p50", "p95", "p99", "away", "episodes")
    show(
        "seconds of network and queue, medians",
        [head, *(_row(row, head) for row in content["rows"])],
    )
    print(f"written: {write('spill', content).name}")
    return 0 if below_all(content) and never_worse(content) else 1


def _row(row: dict[str, Any], head: Sequence[str]) -> list[object]:
    return [row["setting"], row["policy"], *(row[name]["median"] for name in head[2:])]


if __name__ == "__main__":
    sys.exit(main())
