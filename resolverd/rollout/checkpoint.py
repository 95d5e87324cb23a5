"""How far a rollout came, in a file: written whole before and after every step.

A rollout that is killed leaves a checkpoint that `--resume` goes on from. One that runs holds a
lock on a file beside it, which the kernel lets go of however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resolverd.errors import ExitCode, ResolverdError
from resolverd.files.reading import read_kept
from resolverd.files.writing import open_lock, replace_file
from resolverd.rollout.steps import Progress, Step


class CheckpointError(ResolverdError):
    """The checkpoint cannot be read or written, or belongs to a rollout that is not this one."""

    exit_code = ExitCode.USAGE


class Failure(BaseModel):
    """The step that failed, and why; and whether the region is drained, or may be."""

    region: str
    step: Step
    why: str
    drained: bool = True


class Checkpoint(BaseModel):
    """One rollout: what it was asked for, and how far it came.

    `safe_at` is in Unix seconds; 0 while it is not known that every edge drains the region.
    """

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
    def why(self) -> str:
        """The reason that its drains have: how they are told from others' overrides."""
        return f"rollout of {self.service} to {self.version}"

    @property
    def progress(self) -> Progress:
        """Which regions are done, which is under way and at which step."""
        return Progress(self.regions, self.position, self.step)

    def go_to(self, progress: Progress) -> None:
        """Make `progress` the place from which the rollout goes on."""
        self.position, self.step = progress.position, progress.step

    @property
    def finished(self) -> bool:
        """Whether every region is verified and back."""
        return self.progress.region is None


def read(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None where there is none. Raises CheckpointError."""
    try:
        return Checkpoint.model_validate_json(read_kept(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise CheckpointError(
            f"{path} is not the checkpoint of a rollout\n"
            "move it away, or name another with --checkpoint"
        ) from error


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Put `checkpoint` in place of what `path` holds, whole or not at all. Raises CheckpointError.

    It is for its owner alone: a command may have a secret in it.
    """
    try:
        replace_file(path, checkpoint.model_dump_json(indent=2).encode())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from the checkpoint at `path`. Raises CheckpointError while somebody else does.

    Its directory must be there.
    """
    try:
        lock = open_lock(path.with_name(f"{path.name}.lock"))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be locked: {error.strerror}\n"
            "use sudo, or name another file with --checkpoint"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CheckpointError(f"a rollout with the checkpoint {path} runs already") from error
        yield
    finally:
        os.close(lock)
