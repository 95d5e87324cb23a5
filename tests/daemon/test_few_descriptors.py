"""More TCP clients than a process may have descriptors: it answers, and goes on adopting edits."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from harness.daemon import endpoints, serving, write_files
from harness.engines import ENGINES, EngineName
from harness.messages import query, read, rows
from harness.server import HEAD
from harness.tcp_engine import close, framed, receive

from resolverd.engine.descriptors import kept

ZONE = f"{HEAD}www A 192.0.2.80\nchat DYNA chat\n"
SLOTS = 30


@pytest.mark.parametrize("engine", ENGINES)
async def test_idle_clients_take_no_descriptor_from_anything_else(
    tmp_path: Path, engine: EngineName
) -> None:
    async with endpoints() as served:
        path = write_files(tmp_path, {"inference.example.": ZONE}, served)
        chosen = (f"--set=server.engine={engine}", "--set=server.workers=1")
        limit = kept(1, 1, len(served.urls())) + SLOTS
        async with serving(path, *chosen, descriptors=limit) as process:
            assert (await process.until("tcp.lowered"))["connections"] == SLOTS
            asked = process.asked

            async def connect(source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                return await asyncio.open_connection(
                    asked.address, asked.port, local_addr=(source, 0)
                )

            sources = (f"127.1.{n // 250}.{1 + n % 250}" for n in range(1, limit - SLOTS))
            idle = [await connect(source) for source in sources]
            zone = tmp_path / "0.zone"
            zone.write_text(zone.read_text().replace(" 7 3600", " 8 3600").replace(".80", ".81"))
            await process.until("reload.adopted")
            packet = query("www.inference.example.")
            for n in range(1, 41):
                reader, writer = await connect(f"127.0.2.{n}")
                writer.write(framed(packet))
                (row,) = rows(read(packet, await receive(reader)).answer)
                assert row.endswith("192.0.2.81")
                await close(writer)
            for _, writer in idle:
                with contextlib.suppress(ConnectionError):
                    await close(writer)
