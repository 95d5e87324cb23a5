"""Markdown of figures: tables, numbers in as many digits as mean something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.figures import Figure

HEAD = ("what", "", "beside", "ratio", "bar", "met")


def of_figures(figures: Sequence[Figure]) -> str:
    """A table of figures, with no column that would be empty in each row."""
    rows = [
        (
            figure.name,
            quantity(figure.value, figure.unit),
            figure.beside or "–",
            "–" if figure.ratio is None else ratio(figure.ratio, figure.range),
            bar(figure),
            _MET[figure.met],
        )
        for figure in figures
    ]
    wanted = [n for n in range(len(HEAD)) if n < 2 or any(row[n] != "–" for row in rows)]
    return table([HEAD[n] for n in wanted], [[row[n] for n in wanted] for row in rows], left=1)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> str:
    """A Markdown table; all but the first `left` columns are numbers."""
    rule = ["---" if n < left else "---:" for n in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows))


def quantity(value: float, unit: str) -> str:
    """A number in its unit; octets as the multiple of them that reads best."""
    if unit == "octets":
        return f"{number(value / 1e6)} MB"
    if unit == "share":
        return f"{number(100 * value)} %"
    return f"{number(value)} {unit}".strip()


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    for least, digits in ((10, 1), (1, 2), (0.1, 3)):
        if size >= least:
            return f"{value:.{digits}f}"
    return f"{value:.2g}"


def ranged(value: float, of_rounds: Sequence[float] | None) -> str:
    """A number, and in brackets its least and most."""
    if of_rounds is None:
        return number(value)
    return f"{number(value)} ({number(of_rounds[0])}–{number(of_rounds[1])})"


def ratio(value: float, of_rounds: Sequence[float] | None = None) -> str:
    """A ratio to two digits, and in brackets its least and most."""
    if of_rounds is None:
        return f"{value:.2f}" if abs(value) < 10 else number(value)
    return f"{ratio(value)} ({ratio(of_rounds[0])}–{ratio(of_rounds[1])})"


def spread(value: Mapping[str, float], scale: float = 1.0) -> str:
    """Of a spread the median, and in brackets the least and the most."""
    return ranged(value["median"] * scale, (value["min"] * scale, value["max"] * scale))


def bar(figure: Figure) -> str:
    """What it is to hold to, in words a table has room for."""
    if figure.bar is None:
        return "–"
    sign = "≤" if figure.better == "less" else "≥"
    if figure.ratio is not None:
        return f"{sign} {ratio(figure.bar)}"
    return f"{sign} {quantity(figure.bar, figure.unit)}"


def strong(server: str) -> str:
    """The name of a server, ours in bold."""
    return f"**{server}**" if server.startswith("resolverd") else server


_MET = {True: "yes", False: "**no**", None: "–"}
