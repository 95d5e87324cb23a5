"""`resolverd serve`: answer until told to stop."""

from __future__ import annotations

import argparse
from pathlib import Path

from resolverd import memory
from resolverd.cli.options import add_config, add_log, existing_config, verb
from resolverd.collector import FREEZER
from resolverd.imports import sparing, uncollected, without_plugins
from resolverd.signals import PROCESS


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `serve` and its options to `verbs`."""
    parser = verb(
        verbs,
        "serve",
        "answer DNS queries until SIGTERM; SIGHUP and every edit reload",
        [
            "resolverd serve --config /etc/resolverd/resolverd.toml",
            "resolverd serve --set 'server.listen=[\"127.0.0.1:5300\"]' --set server.workers=2",
        ],
        run,
    )
    add_config(parser, may_be_gone=True)
    add_log(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve; 0 after a signal, 3 when a part that must live has died."""
    memory.keep_little()
    without_plugins()
    with uncollected():
        from resolverd.geo import preload

        # Beside all other imports, so that both cores have something to do.
        preload.begin(arguments.config, arguments.overrides)
        with sparing():
            from resolverd import log
            from resolverd.daemon import Daemon
            from resolverd.loop import run_loop
            from resolverd.systemd import Supervisor
    path = _config(arguments)
    log.in_background(arguments.log)
    supervisor = Supervisor.adopt()
    FREEZER.start()
    with PROCESS.obeyed(), log.everything():
        return run_loop(Daemon(path, arguments.overrides, supervisor).run())


def _config(arguments: argparse.Namespace) -> Path:
    """The path after `--config`, which may be gone where something is kept of it.

    Raises ConfigError.
    """
    from resolverd.kept.locate import state_path

    kept = state_path(arguments.config, arguments.overrides)
    return existing_config(arguments) if kept is None else Path(arguments.config)
