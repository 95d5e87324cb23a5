"""A file that a verb writes where its user says."""

from __future__ import annotations

import os
from pathlib import Path

from resolverd.errors import ResolverdError


class OutputError(ResolverdError):
    """A file cannot be written where the user wants it."""


def write_output(path: Path, text: str, *, make_directory: bool = False) -> None:
    """Write a file in one step, so that nobody reads half of it. Raises OutputError; blocks.

    With `make_directory` the directory that it is in is made, if its own parent is there.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}") if path.name else path
    try:
        if make_directory:
            path.parent.mkdir(exist_ok=True)
        staged.write_text(text, encoding="utf-8")
        try:
            staged.replace(path)
        except OSError:
            staged.unlink()
            raise
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; name a file in a directory "
            "that is there, and that you may write to"
        ) from error
