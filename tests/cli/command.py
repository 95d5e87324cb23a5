"""Running the command line: in this process, which is quick, or as one whose output is a pipe."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from resolverd.cli import main

ROOT = Path(__file__).parents[2]
TIMEOUT = 120.0


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON of the strict kind, without NaN and Infinity."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def environment(**more: str) -> dict[str, str]:
    """The environment of a command that is run in another directory.

    Its output is buffered, as it is for whoever has not set PYTHONUNBUFFERED.
    """
    dropped = {"FORCE_COLOR", "COLUMNS", "PYTHONUNBUFFERED"}
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def resolverd(*arguments: str | Path, cwd: Path) -> Ran:
    """Run the command line here, in `cwd`; whatever it does not expect is raised."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            status = main([*map(str, arguments)])
        except SystemExit as ended:  # argparse
            status = int(ended.code or 0)
    return _plain(Ran(status, out.getvalue(), err.getvalue()))


def process(*arguments: str | Path, cwd: Path, **more: str) -> Ran:
    """Run ``python -m resolverd`` to its end, with `more` in its environment."""
    ended = subprocess.run(
        [sys.executable, "-m", "resolverd", *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return _plain(Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode()))


def _plain(ran: Ran) -> Ran:
    """Nobody may ever see a traceback, nor find a colour code in a pipe."""
    assert "Traceback" not in ran.err, ran.err
    assert "\x1b" not in ran.out + ran.err
    assert all(line == line.rstrip() for line in ran.out.splitlines()), "trailing space"
    return ran
