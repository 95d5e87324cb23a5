"""The secrets of probes, in everything that a daemon tells: none of them, though all are sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from harness.config import REGIONS, config_text
from harness.daemon import PROBES, running
from harness.server import HEAD
from structlog.testing import capture_logs

SECRETS = {
    "user": "Zuser1secret",
    "query": "Zquery2secret",
    "path": "Zpath3secret",
    "header": "Zheader4secret",
    "body": "Zbody5secret",
    "gpus": "Zgpus6secret",
}
TOKEN = "the-token-of-operators"


@asynccontextmanager
async def _echo(heard: set[bytes]) -> AsyncIterator[int]:
    """A server that answers 403 and repeats what it was sent, on its status line too."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sent = await reader.readuntil(b"\r\n\r\n")
            sent += await reader.read(len(SECRETS["body"])) if sent.startswith(b"POST") else b""
            heard.add(sent)
            said = b" ".join(sent.split())
            writer.write(b"HTTP/1.1 403 " + said + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _config(port: int) -> str:
    probe = (
        f'{PROBES}method = "POST"\nbody = "{SECRETS["body"]}"\n'
        f'path = "/health?sig={SECRETS["path"]}"\n'
        f'headers = {{ X-Key = "{SECRETS["header"]}" }}\n'
    )
    url = f"http://edge:{SECRETS['user']}@127.0.0.1:{port}/?sig={SECRETS['query']}"
    text = config_text(
        server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]',
        admin='socket = ""\nlisten = "127.0.0.1:0"\ntoken_file = "token"',
        probe=probe,
        urls=dict.fromkeys(REGIONS, url),
    )
    gpus = f'gpu_metrics = ["http://u:{SECRETS["gpus"]}@127.0.0.1:{port}/metrics"]'
    return text.replace("[region.us-east]\n", f"[region.us-east]\n{gpus}\n")


@pytest.mark.parametrize("fault", ["foo = 1\n", "name = 7\n", "= nothing\n"])
async def test_a_daemon_tells_nobody_what_its_probes_send(tmp_path: Path, fault: str) -> None:
    (tmp_path / "0.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n")
    (tmp_path / "token").write_text(TOKEN)
    path = tmp_path / "resolverd.toml"
    heard: set[bytes] = set()
    texts: list[str] = []
    with capture_logs() as events:
        async with _echo(heard) as port:
            path.write_text(_config(port))
            async with running(path) as daemon, aiohttp.ClientSession() as session:
                base = f"http://{daemon.admin.listener}"
                at = "[[region.us-east.endpoint]]\n"
                path.write_text(path.read_text().replace(at, at + fault, 1))
                await daemon.reload()
                assert not daemon.reloads.successful
                for page in ("/state", "/metrics", "/readyz", "/healthz"):
                    async with session.get(base + page) as answer:
                        texts.append(await answer.text())
                async with session.get(f"{base}/urls") as answer:
                    assert answer.status == 401
                bearer = {"Authorization": f"Bearer {TOKEN}"}
                async with session.get(f"{base}/urls", headers=bearer) as answer:
                    assert SECRETS["user"] in await answer.text()
                asked = f"{base}/explain?name=chat.inference.example&client=192.0.2.1"
                async with session.get(asked, headers=bearer) as answer:
                    texts.append(await answer.text())
                assert "http://edge:***@127.0.0.1" in texts[0]
    verbs = (("check",), ("check", "--json"), ("doctor", "--json"))
    for verb in verbs if fault.startswith("foo") else verbs[:1]:
        ran = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "resolverd", *verb, cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        texts += [text.decode() for text in await ran.communicate()]
    texts.append(repr(events))
    for name, secret in SECRETS.items():
        assert not [text for text in texts if secret in text], name
    sent = b"".join(heard)
    for name in ("path", "header", "body"):
        assert SECRETS[name].encode() in sent
    assert b"Authorization: Basic" in sent
