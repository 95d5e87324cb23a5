"""Check a database in a process of its own, so that a hostile file can harm only that one.

``python -m resolverd.geo.walk FILE`` is that process. It writes JSON lines: any number of
``{"progress": 0.25}``, then one ``{"report": {…}}`` or one ``{"refused": "reason"}``. It runs
at low priority and within a memory limit; the caller enforces the time limit.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import resolverd
from resolverd.errors import GeoError
from resolverd.files.threads import detached
from resolverd.geo import stamp
from resolverd.geo.inspection import WalkReport, inspect

_NICE = 10  # answers come before a walk
_MEMORY_BASE = 2**30  # bytes of address space, besides what grows with the file
_MEMORY_PER_BYTE = 20  # arrays of the tree, sets of offsets; less would refuse sound files
_MAX_LINE = 2**20  # octets of a message of the child's


async def walk(
    path: Path,
    *,
    progress: Callable[[float], None] | None = None,
    timeout: float = 300,  # noqa: ASYNC109 - the limit of the child, which dies at it
    stamps: Path | None = None,
) -> WalkReport:
    """Check the whole database at `path`; `timeout` in seconds, progress from 0 to 1.

    With a `stamps` directory, a file whose very bytes passed before is not walked again.
    Raises GeoError with the file, what is wrong with it, and how to fix it.
    """
    if stamps and (known := await detached(partial(stamp.recall, stamps, path))):
        return known
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd.geo.walk", os.fspath(path)),
        stdout=PIPE,
        stderr=STDOUT,
        limit=_MAX_LINE,
        env=os.environ | {"PYTHONPATH": _import_path()},
    )
    try:
        async with asyncio.timeout(timeout):
            report = await _read_report(process, path.name, progress)
            await process.wait()
    except TimeoutError as error:
        raise GeoError(
            f"{path.name}: not walked within {timeout:g} s; get the file again, "
            "or allow more time if this machine is slow"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if stamps:
        await detached(partial(stamp.remember, stamps, path, report))
    return report


def walk_sync(
    path: Path,
    *,
    progress: Callable[[float], None] | None = None,
    timeout: float = 300,
    stamps: Path | None = None,
) -> WalkReport:
    """`walk` for start-up and the command line, where no event loop runs yet."""
    return asyncio.run(walk(path, progress=progress, timeout=timeout, stamps=stamps))


async def _read_report(
    process: Process, name: str, progress: Callable[[float], None] | None
) -> WalkReport:
    """The child's report. Raises GeoError when it refuses the file, or dies over it."""
    assert process.stdout is not None
    last_words = ""
    async for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            last_words = line.decode("utf-8", "replace").strip()
            continue
        if "report" in message:
            return WalkReport(**message["report"])
        if "refused" in message:
            raise GeoError(message["refused"])
        if progress is not None:
            progress(message["progress"])
    raise GeoError(
        f"{name}: the check of this file died with status {await process.wait()} "
        f"({last_words or 'no message'}); get the file again"
    )


def _import_path() -> str:
    """The child must find this same package, wherever the parent was started from."""
    home = str(Path(resolverd.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return f"{home}{os.pathsep}{inherited}" if inherited else home


def main(arguments: list[str]) -> int:
    """The child process. The exit status is 0 for a passed file, 1 for a refused one."""
    path = Path(arguments[0])
    os.nice(_NICE)
    gc.disable()  # millions of small objects, none of them in a cycle
    try:
        _limit_memory(path)
        report = inspect(path, lambda fraction: _send({"progress": round(fraction, 3)}))
    except GeoError as error:
        _send({"refused": str(error)})
        return 1
    except MemoryError:
        _send({"refused": f"{path.name}: its check needs more memory than any sound file's"})
        return 1
    _send({"report": asdict(report)})
    return 0


def _limit_memory(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        return  # reading the file will say why
    limit = _MEMORY_BASE + _MEMORY_PER_BYTE * size
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _send(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
