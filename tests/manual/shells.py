"""Shells at a terminal, in which somebody types and presses TAB."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.programs import program

TIMEOUT = 30.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x07\x0f\r]")
_START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
}
_SETUP = {
    "bash": "bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source '{script}'",
    "zsh": "fpath=('{folder}' $fpath); autoload -Uz compinit && compinit -u -D",
}


class Terminal:
    """A shell that waits for what is typed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def until(self, wanted: str) -> str:
        """Everything shown until `wanted` is, without control sequences."""
        shown, ends = "", time.monotonic() + TIMEOUT
        while wanted not in shown:
            left = ends - time.monotonic()
            assert left > 0, f"no {wanted!r} in {shown!r}"
            if select.select([self._descriptor], [], [], left)[0]:
                shown = _CONTROL.sub("", shown + os.read(self._descriptor, 65536).decode())
        return shown

    def type(self, text: str) -> None:
        """Type it; ``\\t`` is TAB, ``\\x15`` empties the line."""
        os.write(self._descriptor, text.encode())


@contextmanager
def terminal(shell: str, script: Path, folder: Path) -> Iterator[Terminal]:
    """`shell` in `folder`, once it has read `script`; ended afterwards."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C"}
    process = subprocess.Popen(
        [program(shell), *_START[shell]], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
        env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = Terminal(ours)
    try:
        setup = _SETUP[shell].format(script=script, folder=script.parent)
        # What is typed is shown too, so what is waited for is said in two pieces.
        shown.type(f"PS1='> '; {setup}; printf 'rea%s\\n' dy\n")
        shown.until("ready")
        yield shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
