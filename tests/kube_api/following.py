"""`resolverd kube` as a process that follows an API server into a fragment."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.command import environment
from harness.config import config_text
from harness.daemon import Process
from harness.server import HEAD
from harness.waiting import until_holds
from real_api_server import READER, ApiServer

SERVICES = """
[service.chat]
regions = ["us-east"]
[service.embed]
regions = ["us-east"]
"""
_WITHIN = 60.0


@dataclass(slots=True)
class Place:
    """A configuration, whose region us-east is a cluster too."""

    folder: Path
    server: ApiServer

    @property
    def config(self) -> Path:
        """The main file."""
        return self.folder / "resolverd.toml"

    @property
    def fragment(self) -> Path:
        """The cluster's fragment."""
        return self.folder / "resolverd.d" / "kube-us-east.json"

    def write(self, services: str = SERVICES, **more: Any) -> None:
        """Write configuration and zone."""
        self.folder.mkdir(exist_ok=True)
        self.config.write_text(config_text(services, **{"server": 'zones = ["*.zone"]', **more}))
        (self.folder / "0.zone").write_text(
            f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\nembed 60 DYNA embed\n"
        )

    @property
    def addresses(self) -> list[str]:
        """What the fragment hands out."""
        if not self.fragment.exists():
            return []
        regions = json.loads(self.fragment.read_text()).get("region", {})
        return [
            a for region in regions.values() for row in region["endpoint"] for a in row["address"]
        ]

    async def until(self, *addresses: str) -> None:
        """Wait until the fragment hands out these, in this order."""
        try:
            await until_holds(lambda: self.addresses == list(addresses), within=_WITHIN)
        except TimeoutError:
            assert self.addresses == list(addresses)
            raise

    async def once(self, *options: str, token: str = READER) -> tuple[int, str, str]:
        """One look: exit status and what it printed."""
        process = await self._process(token, "--once", *options)
        async with asyncio.timeout(_WITHIN):
            out, err = await process.communicate()
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return process.returncode, out.decode(), err.decode()

    @asynccontextmanager
    async def following(self, *options: str) -> AsyncIterator[Process]:
        """The verb as a process that follows; ended by SIGTERM, well."""
        process = Process(await self._process(READER, "--log", "json", *options))
        try:
            yield process
        finally:
            assert await process.stop() == 0, process.events

    async def _process(self, token: str, *options: str) -> asyncio.subprocess.Process:
        arguments: Sequence[str] = (
            *("kube", "--region", "us-east", "--region", "us-west", "--config", str(self.config)),
            *("--kubeconfig", str(self.server.kubeconfig(token)), *options),
        )
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "resolverd", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if "--once" in options else None,
            stderr=asyncio.subprocess.PIPE,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            cwd=os.fspath(self.folder),
        )
