"""`resolverd rtt --evaluate`: read what is true and what is known, replay it, and show it."""

from __future__ import annotations

import argparse
import time
import unicodedata
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn

from resolverd.cli.console import count, out, report, show_json, show_rows
from resolverd.cli.options import UsageError
from resolverd.cli.rows import Cell, Rows
from resolverd.errors import ExitCode
from resolverd.rtt.evaluate import (
    CLOSE_MS,
    POLICIES,
    Draw,
    Knowledge,
    Replay,
    Summary,
    knowledge_of,
    summarise,
)
from resolverd.rtt.matrix import City, Matrix, is_matrix, read_matrix
from resolverd.rtt.table import read_tables

REGIONS = "Washington,San Jose,Dublin,Frankfurt,Tokyo,Sydney,Sao Paulo"
"""What regions there are unless others are named: a few of those that clouds have."""


_LOSERS = 10  # clients that are shown by name


def evaluate(arguments: argparse.Namespace) -> int:
    """Print how much longer than to the best region it is, by policy and draw."""
    places: Path = arguments.places or arguments.evaluate.with_name("places.csv")
    matrix = read_matrix(arguments.evaluate, places)
    regions = _regions(arguments.regions, matrix)
    replay = Replay(matrix, regions, _knowledge(arguments.tables, places, matrix, regions))
    if not replay.times:
        raise UsageError("no city was measured to all of these regions; name fewer in --regions")
    draws = _draws(replay, arguments)
    if arguments.json:
        show_json(_document(arguments, regions, replay, draws))
    else:
        _show(arguments, regions, replay, draws)
    return ExitCode.OK


def _knowledge(
    tables: Sequence[Path], places: Path, matrix: Matrix, regions: dict[str, str]
) -> Knowledge:
    if not tables:
        return knowledge_of(matrix, regions)
    if len(tables) == 1 and is_matrix(tables[0]):
        return knowledge_of(read_matrix(tables[0], places), regions)
    points = {name: matrix.cities[id_].point for name, id_ in regions.items()}
    samples, warnings = read_tables(tables, points, time.time(), inf, inf)
    for warning in warnings:
        report(warning)
    return Knowledge(points, samples.landmarks, samples.countries)


def _regions(text: str, matrix: Matrix) -> dict[str, str]:
    """The id of the city of each region, by the region's name."""
    cities: dict[str, str] = {}
    for city in matrix.cities.values():
        cities.setdefault(_plain(city.name), city.id)
    regions = {}
    for part in text.split(","):
        name, equals, place = part.strip().rpartition("=")
        id_ = place if place in matrix.cities else cities.get(_plain(place))
        if id_ is None:
            raise UsageError(f'there is no city "{place}" among the places; write its name or id')
        region = name if equals else matrix.cities[id_].name
        if region in regions:
            raise UsageError(f'"{region}" is named twice; write REGION=CITY, each REGION once')
        regions[region] = id_
    return regions


def _plain(name: str) -> str:
    """A name without accents and capitals."""
    parts = unicodedata.normalize("NFD", name.strip())
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold()


def _draws(replay: Replay, arguments: argparse.Namespace) -> list[Draw]:
    console = out()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f}%"))
    hidden = arguments.json or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("replaying", total=None)

        def progress(done: int, whole: int) -> None:
            bar.update(task, completed=done, total=whole)

        return list(replay.draws(arguments.edges, arguments.draws, arguments.seed, progress))


def _over_all(draws: Sequence[Draw], policy: str) -> dict[str, float]:
    """The summary of all cities of all draws, and the worst mean of a draw."""
    everyone = [ms for draw in draws for ms in draw.excess[policy].values()]
    worst_mean = max(draw.summary(policy).mean for draw in draws)
    return {**_rounded(summarise(everyone)), "worst_draw_ms": round(worst_mean, 3)}


def _rounded(summary: Summary) -> dict[str, float]:
    times = {f"{key}_ms": getattr(summary, key) for key in ("mean", "p95", "p99", "worst")}
    rounded = {key: round(ms, 3) for key, ms in times.items()}
    return {**rounded, "within_2_ms_ratio": round(summary.close, 4)}


def _document(
    arguments: argparse.Namespace, regions: dict[str, str], replay: Replay, draws: Sequence[Draw]
) -> dict[str, Any]:
    return {
        "regions": regions,
        "clients": len(replay.times),
        "edges": arguments.edges,
        "seed": arguments.seed,
        "policies": {policy: _over_all(draws, policy) for policy in POLICIES},
        "draws": [
            {policy: _rounded(draw.summary(policy)) for policy in POLICIES} for draw in draws
        ],
    }


def _show(
    arguments: argparse.Namespace, regions: dict[str, str], replay: Replay, draws: Sequence[Draw]
) -> None:
    drawn = "" if arguments.edges is None else " drawn"
    out().print(
        f"{count(len(replay.times), 'client')}, {count(len(regions), 'region')}, "
        f"{count(draws[0].edges, 'edge')}{drawn}; "
        "ms above the best region",
        markup=False,
    )
    table = Rows("policy", "mean", "p95", "p99", "worst", "within 2 ms", "worst draw", "how")
    for policy, how in POLICIES.items():
        row = _over_all(draws, policy)
        numbers = [f"{row[key]:.2f}" for key in ("mean_ms", "p95_ms", "p99_ms", "worst_ms")]
        close, worst = f"{row['within_2_ms_ratio']:.1%}", f"{row['worst_draw_ms']:.2f}"
        table.add_row(Cell(policy, "bold"), *numbers, close, worst, how)
    by_draw = Rows("draw", *(f"{policy} mean" for policy in POLICIES), "latency worst")
    for draw in draws if len(draws) > 1 else ():
        means = [f"{draw.summary(policy).mean:.2f}" for policy in POLICIES]
        by_draw.add_row(str(draw.number + 1), *means, f"{draw.summary('latency').worst:.2f}")
    far = Rows("client", "latency sends to", "ms", "best", "ms")
    for city, chosen in _worst(replay, draws, list(regions)):
        far.add_row(city.name, *chosen)
    show_rows(table, by_draw, far)


def _worst(
    replay: Replay, draws: Sequence[Draw], names: Sequence[str]
) -> Iterator[tuple[City, tuple[str, ...]]]:
    """The clients that lose most by `latency` in the last draw, and where they go."""
    excess = draws[-1].excess["latency"]
    for id_ in sorted(excess, key=excess.__getitem__, reverse=True)[:_LOSERS]:
        if excess[id_] <= CLOSE_MS:
            return
        times = replay.times[id_]
        least = min(times)
        misses = [abs(ms - least - excess[id_]) for ms in times]
        chosen = misses.index(min(misses))
        yield (
            replay.city(id_),
            (
                names[chosen],
                f"{times[chosen]:.1f}",
                names[times.index(least)],
                f"{least:.1f}",
            ),
        )
