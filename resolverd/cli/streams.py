"""Standard output and standard error, whose reader may leave at any time.

A reader who leaves (``resolverd state | head -1``) changes neither what a verb does nor its exit
status: what is written from then on goes nowhere. A disk that is full is another matter, for what
was asked for is lost. Buffered output fails only when it is flushed, at the latest when the
interpreter ends, which then says 120; so `finish` flushes before.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from typing import IO, Any, TextIO

from resolverd.errors import ExitCode

UNWRITABLE = "the output cannot be written"
_LOST = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help and usage may be piped to a reader that has gone."""

    def _print_message(self, message: str, file: Any = None) -> None:
        try:
            super()._print_message(message, file)
        except BrokenPipeError:
            discard(file)


def prepare() -> None:
    """Give each standard stream that was closed from the start (``>&-``) a place to write to.

    Without, the next file or socket opened would get its descriptor, and our output. Text that
    the encoding lacks is escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: its own
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error is from the start


def discard(stream: IO[str]) -> None:
    """Send what is still buffered in `stream`, and all that follows, to /dev/null."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def lost_output(error: OSError) -> bool:
    """Whether this is how a disk refuses what is written to a stream, which has no file name."""
    return error.filename is None and error.errno in _LOST


def finish(status: int) -> int:
    """The exit status after all that was written has left, or can not.

    `status`, unless it says that all went well and the output is lost otherwise than by a reader
    who left.
    """
    lost = _flushed(sys.stdout)
    if lost is not None:
        sys.stderr.write(f"resolverd: {UNWRITABLE}: {lost.strerror}\n")
        status = status or ExitCode.UNAVAILABLE
    _flushed(sys.stderr)
    return status


def _flushed(stream: TextIO) -> OSError | None:
    """Flush; the error by which output was lost. None too where its reader has left."""
    try:
        stream.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        return error
    return None
