"""BIRD's control socket: one command, its whole reply, and what its code says.

A reply is lines of ``CODE-text`` (more follows) and one of ``CODE text`` (the last); a line that
begins with a blank has the code of the one before. Codes: 0xxx done, 1xxx and 2xxx tables, 8xxx it
cannot be done, 9xxx not understood (BIRD 2, doc/reply_codes). Lines that begin with ``+`` are its
log, and are passed over.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from resolverd.anycast.speaker import SpeakerError

_FAILED, _NOT_FOUND = 8000, 8001
# Said of a session that has no channel of the network's family.
_NO_TABLE = (9001, "No valid tables")
_MAX_LINE = 1 << 16
_MAX_LINES = 100_000


class NotFoundError(SpeakerError):
    """BIRD has no such network, or the session that was named carries none of its family."""


class Line(NamedTuple):
    """One line of a reply."""

    code: int
    text: str


class Control:
    """A connection to the socket, made when it is needed and again after any failure.

    One command at a time. Those that wait for their turn while BIRD falls silent are not given
    their own: many addresses cost no more time than one.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._path, self._timeout = path, timeout
        self._turn = asyncio.Lock()
        self._silence = ""
        self._silences = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, command: str) -> list[Line]:
        """The reply to a command. Raises SpeakerError, also where BIRD says that it cannot."""
        silences = self._silences
        async with self._turn:
            if self._silences != silences:
                raise SpeakerError(self._silence)
            try:
                async with asyncio.timeout(self._timeout):
                    lines = await self._exchange(command)
            except TimeoutError:
                self._drop()
                self._silences += 1
                self._silence = f"BIRD gave no whole reply to `{command}` in {self._timeout:g} s"
                raise SpeakerError(self._silence) from None
            except OSError as error:
                self._drop()
                raise SpeakerError(
                    f"{self._path}: {error.strerror or error}; see that BIRD runs, and that this "
                    "user may write to its socket"
                ) from error
            except BaseException:  # cancelled, or not understood: a reply may be left half read
                self._drop()
                raise
        last = lines[-1]
        if last.code == _NOT_FOUND or (last.code, last.text) == _NO_TABLE:
            raise NotFoundError(f"BIRD says to `{command}`: {last.text}")
        if last.code >= _FAILED:
            raise SpeakerError(f"BIRD says to `{command}`: {last.code:04} {last.text}")
        return lines

    def close(self) -> None:
        """End the connection."""
        self._drop()

    async def _exchange(self, command: str) -> list[Line]:
        reader, writer = self._streams or await self._connect()
        writer.write(f"{command}\n".encode())
        await writer.drain()
        return await _reply(reader)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_unix_connection(self._path, limit=_MAX_LINE)
        greeting = await _reply(self._streams[0])
        if greeting[-1].code >= _FAILED:
            raise SpeakerError(f"{self._path} greets with {greeting[-1].text}")
        return self._streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _reply(reader: asyncio.StreamReader) -> list[Line]:
    lines: list[Line] = []
    while len(lines) < _MAX_LINES:
        try:
            raw = await reader.readline()
        except ValueError as error:  # longer than any line of BIRD's
            raise SpeakerError(f"BIRD's reply is not understood: {error}") from error
        if not raw.endswith(b"\n"):
            raise ConnectionResetError("it closed the connection")
        text = raw.decode("utf-8", "replace").rstrip("\n")
        if text.startswith("+"):
            continue
        line, whole = read_line(text, lines[-1].code if lines else None)
        lines.append(line)
        if whole:
            return lines
    raise SpeakerError("BIRD's reply has no end")


def read_line(text: str, code: int | None) -> tuple[Line, bool]:
    """A line, and whether the reply is whole; `code` is that of the line before.

    Raises SpeakerError for what is no line of BIRD's.
    """
    if text.startswith(" ") and code is not None:
        return Line(code, text[1:]), False
    if len(text) >= 5 and text[:4].isdecimal() and text[4] in " -":
        return Line(int(text[:4]), text[5:]), text[4] == " "
    raise SpeakerError(f'BIRD\'s reply is not understood: "{text[:80]}"')
