"""Whether what speaks to NATS is installed: the library that an edge of a fleet alone needs."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from resolverd.errors import ResolverdError


class NatsMissingError(ResolverdError):
    """nats-py cannot be imported; the message says how to install it."""


def need_nats() -> None:
    """Raise NatsMissingError where nats-py is not installed here."""
    try:
        import nats.aio.client  # noqa: F401
    except ImportError as error:
        raise NatsMissingError(
            f"fleet.urls needs nats-py, which cannot be loaded ({error})\n"
            f"install nats-py into the environment of {sys.executable}: {install_command()}"
        ) from error


def install_command() -> str:
    """The command that installs it into the environment that runs this."""
    return command_for(sys.executable, pip=find_spec("pip") is not None)


def command_for(python: str, *, pip: bool) -> str:
    """The command for the environment of `python`, which has no `pip` where uv made it."""
    quoted, what = shlex.quote(python), "'resolverd[fleet]'"
    if pip:
        return f"{quoted} -m pip install {what}"
    return f"uv pip install --python {quoted} {what}  # without pip: docs/fleet.md has uv's ways"
