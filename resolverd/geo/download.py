"""Get a file by HTTP, or by a program that knows how, into a scratch directory.

Every failure is a GeoError that says what to do next; nothing outside the scratch directory
is touched.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from resolverd.certificates import trusting_this_host
from resolverd.errors import GeoError

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes done and in all; None when the server does not say how many."""

_CHUNK = 2**18
_READ_TIMEOUT = 60  # seconds without a byte after which a download is given up


async def get_url(
    url: str,
    target: Path,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109
    on_progress: OnProgress,
    *,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Write what `url` answers to `target`: at most `max_bytes` bytes within `timeout` seconds.

    `headers` are sent with the request. Raises GeoError; blocks nobody.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise GeoError(f"{url}: not an http or https URL")
    limits = aiohttp.ClientTimeout(total=timeout, sock_read=_READ_TIMEOUT)
    file = await asyncio.to_thread(target.open, "wb")
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusting_this_host()),
                timeout=limits,
                trust_env=True,
                auto_decompress=False,
            ) as session,
            session.get(url, headers=headers) as response,
        ):
            if response.status != 200:
                raise GeoError(f"{url}: the server answered {response.status} {response.reason}")
            total = response.content_length
            if total is not None and total > max_bytes:
                raise GeoError(f"{url}: {total} bytes, more than the {max_bytes} allowed")
            done = 0
            async for chunk in response.content.iter_chunked(_CHUNK):
                done += len(chunk)
                if done > max_bytes:
                    raise GeoError(f"{url}: more than the {max_bytes} bytes allowed")
                await asyncio.to_thread(file.write, chunk)
                on_progress(done, total)
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise GeoError(f"{url}: the download failed ({reason}); try again") from error
    finally:
        await asyncio.to_thread(file.close)


async def run_program(
    *command: str,
    missing: str,
    timeout: float,  # noqa: ASYNC109
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end; its last line of output explains a failure.

    `missing` completes the message when the program is not installed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError as error:
        raise GeoError(f"{command[0]} is not installed; {missing}") from error
    try:
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise GeoError(f"{command[0]} did not end within {timeout:g} s; try again") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = output.decode("utf-8", "replace").strip().splitlines()
        raise GeoError(
            f"{command[0]} failed with status {process.returncode}: "
            + (" / ".join(words[-5:]) or "no message")
        )
