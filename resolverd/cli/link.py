"""The line to a running daemon: finding its socket, asking it, and advice where it is silent."""

from __future__ import annotations

import argparse
import getpass
import grp
import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from resolverd.admin.socket_paths import is_own, own_directory, sockets_of
from resolverd.config.readable import said
from resolverd.errors import ExitCode, ResolverdError

# Seconds for one response. A reload may walk a database and probe new endpoints before it answers:
# less gives up on it, more waits as long for a daemon that hangs.
TIMEOUT = 300.0

LOOK_TIMEOUT = 10.0
"""Seconds for what a daemon that is well tells at once: its state. Less fails where the host is
busy; more keeps whoever watches it from noticing that it hangs."""

_EXIT_CODES = {400: ExitCode.USAGE, 404: ExitCode.USAGE, 409: ExitCode.PROBLEMS}


class NoDaemonError(ResolverdError):
    """No daemon can be asked; the text says what to do next."""


class RefusedError(ResolverdError):
    """The daemon will not do what was asked; the text has its hint."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.body = body
        self.exit_code = _EXIT_CODES.get(status, ExitCode.UNAVAILABLE)
        super().__init__(f"{body.get('error', f'HTTP {status}')}\n{body.get('hint', '')}".rstrip())


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class Link(NamedTuple):
    """A daemon's socket, at which somebody listens; `timeout` is seconds until an answer."""

    socket: Path
    timeout: float = TIMEOUT

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Ask for `path`. Raises RefusedError or NoDaemonError."""
        return self._ask("GET", path, query)

    def look(self) -> dict[str, Any]:
        """The state, within `LOOK_TIMEOUT`; raises as `get` does."""
        return self._replace(timeout=min(self.timeout, LOOK_TIMEOUT)).get("/state")

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Post JSON to `path`; raises as `get` does."""
        return self._ask("POST", path, {}, body)

    def delete(self, path: str, name: str, **query: str) -> dict[str, Any]:
        """Delete `name` below `path`; raises as `get` does."""
        return self._ask("DELETE", f"{path}/{quote(name, safe='')}", query)

    def metrics(self) -> str:
        """Prometheus's text. Raises NoDaemonError."""
        connection = _Connection(self.socket, self.timeout)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._silent(error) from error
        finally:
            connection.close()

    def _silent(self, error: Exception) -> NoDaemonError:
        return NoDaemonError(
            f"{self.socket} gives no answer: {error or type(error).__name__}\n"
            "see whether the daemon runs, and its log"
        )

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        connection = _Connection(self.socket, self.timeout)
        whole = f"{path}?{urlencode(query)}" if query else path
        try:
            connection.request(method, whole, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            document = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._silent(error) from error
        finally:
            connection.close()
        if response.status == 200 and isinstance(document, dict):
            return document
        raise RefusedError(response.status, document)


def add_socket(parser: argparse.ArgumentParser) -> None:
    """Add the option `--socket PATH`."""
    parser.add_argument(
        "--socket",
        type=Path,
        metavar="PATH",
        help="the daemon's admin socket (default: the one that the configuration names)",
    )


def add_sockets(parser: argparse.ArgumentParser) -> None:
    """`--socket PATH`, as often as there are edge hosts whose sockets can be reached from here."""
    parser.add_argument(
        "--socket",
        dest="sockets",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a daemon's admin socket, once for each edge host (default: the one that the "
        "configuration names)",
    )


def find_all(arguments: argparse.Namespace) -> list[Link]:
    """The daemons that `--socket` names, else the configuration's. Raises NoDaemonError."""
    named = arguments.sockets or [None]
    return [find(argparse.Namespace(**{**vars(arguments), "socket": path})) for path in named]


def find(arguments: argparse.Namespace) -> Link:
    """The daemon that `--socket`, else the configuration, names. Raises NoDaemonError."""
    places = [arguments.socket] if arguments.socket else _places(arguments)
    faults: list[tuple[Path, OSError]] = []
    for place in places:
        if place.parent == own_directory() and not _trusted(place.parent):
            continue
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
                tried.settimeout(LOOK_TIMEOUT)
                tried.connect(str(place))
        except OSError as error:
            faults.append((place, error))
        else:
            return Link(place)
    raise NoDaemonError(_advice(arguments, places, faults))


def operator() -> str:
    """Who is at the keyboard: the one who called sudo, else the login."""
    return os.environ.get("SUDO_USER") or _login()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _places(arguments: argparse.Namespace) -> list[Path]:
    return sockets_of(_setting(arguments), arguments.config.parent)


def _setting(arguments: argparse.Namespace) -> str:
    """`admin.socket` as written; a configuration that could not be served is read all the same.

    It stands in the main file alone.
    """
    written = said(arguments.config, "admin", "socket", arguments.overrides)
    return "auto" if written is None else str(written)


def _trusted(directory: Path) -> bool:
    try:
        return is_own(directory)
    except OSError:
        return False


def _advice(
    arguments: argparse.Namespace, places: list[Path], faults: list[tuple[Path, OSError]]
) -> str:
    if not places:
        return (
            f'{arguments.config} opens no socket: admin.socket is ""\n'
            'set admin.socket = "auto" and restart the daemon'
        )
    for place, error in faults:
        if isinstance(error, PermissionError):
            return f"{place} is closed to {_login()}\n{_admission(place)}"
    for place, error in faults:
        if isinstance(error, ConnectionRefusedError):
            return f"nobody listens at {place} any more\n{_start(arguments)}"
    for place, error in faults:
        if not isinstance(error, FileNotFoundError):
            return f"{place} cannot be asked: {error.strerror or error}\nname another with --socket"
    looked = ", ".join(map(str, places))
    return f"no daemon runs here; looked for {looked}\n{_start(arguments)}"


def _admission(place: Path) -> str:
    """How to be let in by a socket's mode."""
    try:
        owning = place.stat().st_gid
        group = grp.getgrgid(owning).gr_name
    except (OSError, KeyError):
        return "use sudo"
    if owning == 0:
        return "use sudo"
    return f"use sudo, or become a member of the group {group}"


def _start(arguments: argparse.Namespace) -> str:
    return (
        f"start one: resolverd serve --config {arguments.config}; "
        "or name its socket with --socket PATH"
    )
