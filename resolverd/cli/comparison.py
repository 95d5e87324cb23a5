"""What the running daemon would make of its files: for `check`, which needs no daemon."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resolverd.cli.console import out, report
from resolverd.cli.link import find
from resolverd.config.listen_checks import LISTEN_IGNORED
from resolverd.config.restart import NEEDS_RESTART
from resolverd.errors import Problem, ResolverdError
from resolverd.restoration import named

TIMEOUT = 30.0
"""Seconds that `check` waits for the daemon: less gives up on large configurations."""

MAX_SHOWN = 20
"""Changes that are shown to people; more push the findings of `check` off the screen."""

ITS_OWN = frozenset(
    {"zone-serial-unchanged", "zone-serial-backward", LISTEN_IGNORED, NEEDS_RESTART}
)
"""Checks that need the daemon: zones are compared with those served, options with what it was made
with."""

Json = dict[str, Any]


def forecast(arguments: argparse.Namespace) -> Json | None:
    """What a reload would do now; None where no daemon serves this configuration, or answers."""
    try:
        status = find(arguments)._replace(timeout=TIMEOUT).get("/reload")
    except ResolverdError:
        return None  # check judges the files, whoever serves them
    return status if status.get("config") == str(arguments.config.resolve()) else None


def of_daemon(status: Json) -> list[Problem]:
    """The findings that only a running daemon can make: those of `ITS_OWN`."""
    return [Problem(**warning) for warning in status["warnings"] if warning["id"] in ITS_OWN]


def show_losses(losses: Sequence[Problem]) -> None:
    """Print what the files would lose, each once, as warnings: nothing is refused for it."""
    for loss in {loss.message: loss for loss in losses}.values():
        report(replace(loss, severity="warning"))


def show(status: Json) -> None:
    """Print what a reload would change, for people: at most `MAX_SHOWN` names."""
    plan = status["generation"]
    held = [part for part in status["outdated"] if part["state"] == "held"]
    show_losses([Problem(**loss) for part in held for loss in part["problems"]])
    for part in held:
        out().print(f"  {part['part']}: a reload would hold this until --yes", markup=False)
    changes = status["changed"]["summary"]
    if not changes and not status["outdated"]:
        out().print(f"a reload would change nothing of plan {plan}, which is served")
    elif changes:
        out().print(f"a reload would change of plan {plan}, which is served:")
        for change in changes[:MAX_SHOWN]:
            out().print(f"  {change}", markup=False)
        if len(changes) > MAX_SHOWN:
            out().print(f"  and {len(changes) - MAX_SHOWN} more")


def refused_words(status: Json) -> str:
    """What a reload would do where parts of the files are refused; empty where it refuses none."""
    parts = [part for part in status["outdated"] if part["state"] == "refused"]
    kept = named([part["part"] for part in parts if part["served"]])
    new = named([part["part"] for part in parts if not part["served"]])
    does = [f"leave {kept} as served"] if kept else []
    does += [f"not serve {new}"] if new else []
    if not does:
        return ""
    rest = "adopt the rest" if status["changed"]["summary"] else "change nothing else"
    return f"a reload would {', '.join(does)}, and {rest}"
