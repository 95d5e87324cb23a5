"""How the demo's events look: readable text at a terminal or in a pipe, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import singledispatchmethod

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from resolverd.admin.documents.version import SCHEMA_VERSION
from resolverd.demo.events import (
    Change,
    Cleared,
    Endured,
    Event,
    Failing,
    Health,
    Hints,
    Kept,
    Killed,
    Placements,
    Ready,
    Restarted,
    Schedule,
    Shares,
    Staying,
    Waiting,
)
from resolverd.engine.choice import COST
from resolverd.geo.embedded import ATTRIBUTION

_STATES = {"up": "green", "suspect": "yellow", "down": "red", "recovering": "yellow"}


class JsonShow:
    """One JSON object per line; the key "event" names its kind. Progress is left out."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if not isinstance(event, Waiting):
            document = {
                "schema_version": SCHEMA_VERSION,
                "event": type(event).__name__.lower(),
            } | asdict(event)
            line = json.dumps(document, ensure_ascii=False)
            self._console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing to close: each line is whole."""


class TextShow:
    """Text for people, with a line of progress where the output is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Status | None = None

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self._show(event)

    def close(self) -> None:
        """Remove the line of progress."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    @singledispatchmethod
    def _show(self, event: Event) -> None:
        raise TypeError(f"{event!r} cannot be shown")

    @_show.register
    def _(self, event: Ready) -> None:
        self._print(
            f"[bold]The daemon and {len(event.endpoints)} simulated regions run[/] "
            f"(ready in {event.seconds} s):"
        )
        self._print()
        rows = Table.grid(padding=(0, 2))
        dns = f"{event.server} port {event.port}, UDP and TCP{_port_in_use(event.port_in_use)}"
        rows.add_row("  DNS", dns)
        rows.add_row("  engine", event.engine)
        for endpoint in event.endpoints:
            where = f"{endpoint.url} (pid {endpoint.pid}){_port_in_use(endpoint.port_in_use)}"
            rows.add_row(f"  {endpoint.region}", where)
        self._console.print(rows)
        if event.why_not_native:
            self._print()
            self._print(
                f"[bold yellow]This is the slow engine[/]: {COST}. The native one cannot be used: "
                f"{escape(event.why_not_native)}. `resolverd doctor --only engine` says what to do."
            )
        self._print()
        self._print(
            f"[bold]Who gets which region?[/] Each row is a real query for {event.name},\n"
            "with the client subnet that a resolver in that city would send:"
        )
        self._print()

    @_show.register
    def _(self, event: Placements) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in ("  city", "client subnet", "region", "address"):
            table.add_column(column, no_wrap=True)
        for column in ("TTL", "scope"):
            table.add_column(column, justify="right", no_wrap=True)
        for row in event.rows:
            answer = row.answer
            table.add_row(
                f"  {row.city}", row.client, answer.region + (" *" if row.pins else ""),
                answer.address, str(answer.ttl), f"/{answer.scope}",
            )  # fmt: skip
        self._console.print(table)
        self._print()
        for row in event.rows:
            if row.pins:
                pins = " and ".join(rf"\[pin.{pin}]" for pin in row.pins)
                self._row("  *", f"{row.city} is pinned by {pins}: no failover takes it elsewhere.")
        if event.embedded:
            self._row(
                "  -",
                "Cities by the package's own table, to a fifth of a degree; nothing downloaded. "
                f"{ATTRIBUTION} `resolverd geo fetch` gets the newest.",
            )
        self._row(
            "  -",
            "TTL: the seconds for which a resolver may keep the answer. "
            "Scope: the client's block that may share it (RFC 7871).",
        )
        self._print()

    @_show.register
    def _(self, event: Hints) -> None:
        self._print("[bold]Try it by hand[/] while it runs (`resolverd demo --stay` keeps it up):")
        self._print()
        self._print(f"  {escape(event.dig)}")
        self._print()
        self._print("Edits of these files are taken over at once, or refused with a reason:")
        self._print()
        for file in event.files:
            self._print(f"  {escape(file)}")
        self._print()

    @_show.register
    def _(self, event: Staying) -> None:
        self._print("[bold]It stays up.[/] Kill a region by its pid and ask again; Ctrl-C ends it.")
        self._print("Or let one fail in another way, and fix it (`--help` lists the ways):")
        self._print()
        self._print(f"  curl -X POST {escape(event.control)}/fault/hung")
        self._print(f"  curl -X DELETE {escape(event.control)}/fault")

    @_show.register
    def _(self, event: Killed) -> None:
        pids = " ".join(map(str, event.pids))
        self._print(
            f"[bold]Now {event.region} dies.[/] All ten cities are asked ten times a second:"
        )
        self._print()
        self._moment(0.0, f"[bold red]kill -9 {pids}[/], which served {_list(event.cities)}")

    @_show.register
    def _(self, event: Health) -> None:
        style = _STATES.get(event.state, "default")
        plain = event.state == "up" and not event.condition
        reason = "" if plain else f" ({escape(event.reason)})"
        what = f"[{style}]{event.state}[/]{event.condition and f', [bold]{event.condition}[/]'}"
        self._moment(event.at, f"probes: {event.region} is {what}{reason}")

    @_show.register
    def _(self, event: Shares) -> None:
        if event.spill_ratio:
            full = "" if event.saturation is None else f" (saturation {event.saturation})"
            what = f"sends {event.spill_ratio:.0%} of its clients on{full}"
        elif event.accept_ratio:
            what = f"takes up to {event.accept_ratio:.0%} of the clients of those that send some on"
        else:
            what = "has its own clients, and no others"
        self._moment(event.at, f"{event.region} [yellow]{what}[/]")

    @_show.register
    def _(self, event: Schedule) -> None:
        self._print(
            f"[bold]Now {_list(event.faults)}.[/] All ten cities are asked ten times a second:"
        )
        self._print()

    @_show.register
    def _(self, event: Failing) -> None:
        served = f", which served {_list(event.cities)}" if event.cities else ""
        self._moment(event.at, f"[bold red]{event.region} is {event.fault} from now on[/]{served}")
        self._row(" " * 8, f"[dim]{escape(event.meaning)}[/]")
        if not event.withdraws:
            self._row(" " * 8, "[dim]it is not to be withdrawn for that[/]")

    @_show.register
    def _(self, event: Cleared) -> None:
        self._moment(event.at, f"[bold green]{event.region} is {event.fault} no longer[/]")

    @_show.register
    def _(self, event: Change) -> None:
        if event.before != event.after:
            what = f"{event.before} → [bold]{event.after}[/], TTL {event.ttl_after}"
        else:
            what = f"{event.after}, TTL {event.ttl_before} → [bold]{event.ttl_after}[/]"
        self._moment(event.at, f"{_list(event.cities)}: {what}")

    @_show.register
    def _(self, event: Restarted) -> None:
        pids = " ".join(map(str, event.pids))
        self._moment(event.at, f"[bold green]{event.region} runs again[/] (pid {pids})")

    @_show.register
    def _(self, event: Waiting) -> None:
        if not self._console.is_terminal:
            return
        text = f"[dim]{event.at:5.1f} s  waiting for {event.wait_for}[/]"
        if self._progress is None:
            self._progress = self._console.status(text)
            self._progress.start()
        else:
            self._progress.update(text)

    @_show.register
    def _(self, event: Kept) -> None:
        self.close()
        self._print()
        self._print(f"[bold green]All as promised[/], in {event.answers} answers:")
        self._print()
        if event.warned_at is not None:
            self._moment(event.warned_at, "TTLs fell, before anything had moved")
        self._moment(event.moved_at, f"{_list(event.moved)} were served elsewhere")
        self._moment(event.home_at, f"they were home in {event.region}")
        self._moment(event.at, "their TTLs were back at the full value")
        self._row("  always", f"nothing changed for {_list(event.steady)}")
        if event.pinned:
            self._row("  always", f"{_list(event.pinned)} stayed where the pin wants it")

    @_show.register
    def _(self, event: Endured) -> None:
        self.close()
        self._print()
        self._print(f"[bold green]All as promised[/], in {event.answers} answers:")
        self._print()
        for fault in event.faults:
            for at, what in (
                (fault.out_at, "was out of the answers"),
                (fault.spilled_at, "sent some of its clients on"),
            ):
                if at is not None:
                    took = f"{at - fault.began_at:.1f} s after it was {fault.fault}"
                    self._moment(at, f"{fault.region} {what}, {took}")
            if fault.out_at is None:
                self._row("  always", f"{fault.region} was not withdrawn for being {fault.fault}")
        if event.moved:
            self._moment(event.home_at, f"{_list(event.moved)} were home again")
        self._moment(event.at, "their TTLs were back at the full value")
        if event.steady:
            self._row("  always", f"nothing changed for {_list(event.steady)}")
        if event.stuck:
            self._row("  always", f"{_list(event.stuck)} stayed, being pinned to what had failed")

    def _moment(self, at: float, markup: str) -> None:
        self._row(f"  {at:4.1f} s", markup)

    def _row(self, label: str, markup: str) -> None:
        """A label and a text that stays to its right where a terminal is too narrow for it."""
        if not self._console.is_terminal:
            self._print(f"{label}  {markup}")
            return
        row = Table.grid(padding=(0, 2))
        row.add_column(no_wrap=True)
        row.add_row(label, markup)
        self._console.print(row)

    def _print(self, markup: str = "") -> None:
        self._console.print(markup, soft_wrap=True)


def _port_in_use(port: int | None) -> str:
    return "" if port is None else f", for port {port} is in use"


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
