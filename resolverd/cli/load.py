"""How loaded the regions are, as `resolverd state` shows it: only what is known, or moved."""

from __future__ import annotations

from typing import Any

from resolverd.cli.rows import Cell, Rows

Json = dict[str, Any]


def load_tables(state: Json) -> list[Rows]:
    """A table of saturation and shares, and one of outcomes; each only where it has rows."""
    return [table for table in (_spill(state), _outcomes(state)) if table.row_count]


def _spill(state: Json) -> Rows:
    loads = [load for service in state["services"] for load in service["load"].values()]
    weighed = any(load["blocks"] for load in loads)
    queues = any(load["cost"] for load in loads)
    more = (*(["queue"] if queues else []), *(["largest block"] if weighed else []))
    table = Rows("service", "region", "saturation", "sends on", "takes", *more)
    for service in state["services"]:
        for region, load in service["load"].items():
            waits = load["cost"]["queue_seconds"] if load["cost"] else None
            known = load["saturation"] is not None or waits is not None
            if not known and not load["spill_ratio"] and not load["accept_ratio"]:
                continue
            table.add_row(
                Cell(service["name"]),
                Cell(region),
                _number(load["saturation"], "{:.2f}"),
                Cell(_share(load["spill_ratio"]), "yellow" if load["spill_ratio"] else ""),
                Cell(_share(load["accept_ratio"])),
                *([_number(waits, "{:.3f} s")] if queues else []),
                *([Cell(_largest(load["blocks"]))] if weighed else []),
            )
    return table


def _outcomes(state: Json) -> Rows:
    table = Rows("region", "TTFT p50", "p99", "success", "GPUs", "failover", "alerts")
    regions: dict[str, Json] = {region["region"]: region for region in state["regions"]}
    for name, region in regions.items():
        outcomes = region["outcomes"]
        if all(value is None for value in outcomes.values()):
            continue
        firing = [alert for alert, fires in region["alerts"].items() if fires]
        table.add_row(
            Cell(name),
            _number(outcomes["ttft_p50_seconds"], "{:.3f} s"),
            _number(outcomes["ttft_p99_seconds"], "{:.3f} s"),
            _number(outcomes["success_ratio"], "{:.2%}"),
            _number(outcomes["gpu_utilization_ratio"], "{:.0%}"),
            _number(outcomes["failover_ratio"], "{:.1%}"),
            Cell(", ".join(firing) or "none", "red" if firing else ""),
        )
    return table


def _number(value: float | None, shape: str) -> Cell:
    return Cell("unknown" if value is None else shape.format(value))


def _largest(blocks: Json | None) -> str:
    """The largest block's share of the queries; nothing where blocks are not weighed."""
    return "-" if blocks is None else f"{blocks['largest_ratio']:.1%}"


def _share(share: float) -> str:
    return f"{share:.0%}" if share else "-"
