"""The command line: `resolverd`, and `python -m resolverd`.

A daemon obeys signals before it imports anything, which takes longer than a supervisor may wait.
"""

from __future__ import annotations

import sys

from resolverd.signals import PROCESS


def main() -> int:
    """Run one verb; returns the exit code."""
    if sys.argv[1:2] == ["serve"]:
        PROCESS.take()
    from resolverd.cli import main as run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
