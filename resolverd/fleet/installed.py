"""Whether what speaks to NATS is installed: the library that an edge of a fleet alone needs."""

from __future__ import annotations

import sys

from resolverd.errors import ResolverdError

INSTALL = f"{sys.executable} -m pip install 'resolverd[fleet]'"
"""The command that installs it into the environment that runs this."""


class NatsMissingError(ResolverdError):
    """nats-py cannot be imported; the message says how to install it."""


def need_nats() -> None:
    """Raise NatsMissingError where nats-py is not installed here."""
    try:
        import nats.aio.client  # noqa: F401
    except ImportError as error:
        raise NatsMissingError(
            f"fleet.urls needs nats-py, which cannot be loaded ({error})\n"
            f"install it with: {INSTALL}"
        ) from error
