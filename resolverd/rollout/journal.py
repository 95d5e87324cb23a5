"""How far a rollout came, in a file: written whole before and after every step.

A rollout that is killed leaves a journal that `--resume` goes on from. One that runs holds a lock
on a file beside it, which the kernel lets go of however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resolverd.errors import ExitCode, ResolverdError
from resolverd.files.reading import read_kept
from resolverd.rollout.steps import Progress, Step


class JournalError(ResolverdError):
    """The journal cannot be read or written, or belongs to a rollout that is not this one."""

    exit_code = ExitCode.USAGE


class Failure(BaseModel):
    """The step that failed, and why."""

    region: str
    step: Step
    why: str


class Journal(BaseModel):
    """One rollout: what it was asked for, and how far it came. `safe_at` is in Unix seconds."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    service: str
    version: str
    command: str
    regions: tuple[str, ...] = Field(min_length=1)
    prompt: str
    tokens: int
    accept_output: bool = False
    credential: str = ""
    force: bool = False
    position: int = Field(0, ge=0)
    step: Step = Step.DRAIN
    safe_at: float = 0.0
    failure: Failure | None = None

    @property
    def progress(self) -> Progress:
        """Where it stands."""
        return Progress(self.regions, self.position, self.step)

    def go_to(self, progress: Progress) -> None:
        """Stand there from now on."""
        self.position, self.step = progress.position, progress.step

    @property
    def finished(self) -> bool:
        """Whether every region is verified and back."""
        return self.progress.region is None


def read(path: Path) -> Journal | None:
    """The journal at `path`, None where there is none. Raises JournalError."""
    try:
        return Journal.model_validate_json(read_kept(path))
    except FileNotFoundError:
        return None
    except OSError as wrong:
        raise JournalError(f"{path} cannot be read: {wrong.strerror}") from wrong
    except ValidationError as wrong:
        raise JournalError(
            f"{path} is not the journal of a rollout\nmove it away, or name another with --state"
        ) from wrong


def write(path: Path, journal: Journal) -> None:
    """Put `journal` in place of what `path` holds, whole or not at all. Raises JournalError."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    told: dict[str, Any] = journal.model_dump(mode="json")
    try:
        with fresh.open("w") as file:
            json.dump(told, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        raise JournalError(f"{path} cannot be written: {wrong.strerror}") from wrong


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from the journal at `path`. Raises JournalError while somebody else does."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("w")
    except OSError as wrong:
        raise JournalError(f"{path} cannot be locked: {wrong.strerror}") from wrong
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as wrong:
            raise JournalError(f"a rollout with the journal {path} runs already") from wrong
        yield
