"""A kind of probe is one file and one row: with one more of them everything knows of it.

It is registered in processes of their own, as the row would have it, for the configuration's
declaration is made once. Nothing else is changed, in the package or while it runs.
"""

from __future__ import annotations

import contextlib
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.command import environment
from harness.config import REGIONS, config_text
from harness.process import ADMIN, PROBES, Running
from harness.programs import free_port
from harness.server import HEAD

REGISTERED = """
import sys
sys.path.insert(0, {tests!r})
from harness.banner_kind import KIND
from resolverd.config.probe_registry import register
register(KIND)
"""
SERVICE = '[service.mail]\nregions = ["us-east"]\n'


def command(program: str) -> list[str]:
    """A Python process that knows the kind and then runs `program`."""
    return [
        sys.executable, "-c", REGISTERED.format(tests=str(Path(__file__).parents[1])) + program,
    ]  # fmt: skip


def output(program: str, folder: Path) -> str:
    """What it prints, on both streams."""
    done = subprocess.run(
        command(program), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def greeting() -> Iterator[str]:
    """The URL of a server that greets over TCP."""

    class Greets(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.sendall(b"220 mail.example ready\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greets) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def write(folder: Path, url: str, probe: str, *, port: int = 0) -> Path:
    """A configuration whose us-east is asked by the new kind, and the others over HTTP."""
    region = f"[region.us-east.probe]\n{probe}\n"
    (folder / "0.zone").write_text(f"$ORIGIN inference.example.\n{HEAD}mail 60 DYNA mail\n")
    path = folder / "resolverd.toml"
    path.write_text(
        config_text(
            region + SERVICE,
            server=f'listen = ["127.0.0.1:{port}"]\nzones = ["*.zone"]\n',
            admin=ADMIN,
            probe=PROBES,
            urls=dict.fromkeys(REGIONS, url),
        )
    )
    return path


def test_a_new_kind_is_parsed_probed_exported_and_checked(tmp_path: Path, greeting: str) -> None:
    port = free_port()
    write(tmp_path, greeting, 'kind = "banner"\ngreeting = "220 mail"', port=port)
    serve = "sys.argv[1:] = ['serve']\nfrom resolverd.__main__ import main\nsys.exit(main())"
    with subprocess.Popen(
        command(serve), cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL
    ) as process:
        running = Running(process, tmp_path, port)
        try:
            running.until(lambda: running.ask("GET", "/readyz")[0] == 200)
            metrics = running.ask("GET", "/metrics")[1]
            state = json.loads(running.ask("GET", "/state")[1])
        finally:
            running.regions.server.shutdown()
            running.regions.server.server_close()
            process.kill()
    (endpoint,) = [e for region in state["regions"] for e in endpoints_of(region) if e["probes"]]
    assert endpoint["probe"]["kind"] == "banner"
    assert (endpoint["state"], endpoint["reason"]) == ("up", "greets")
    assert endpoint["banner"] == {"text": "220 mail.example ready"}
    assert (endpoint["offers"], endpoint["canaries"]) == (None, None)
    sample = 'resolverd_banner_octets{endpoint="us-east-1",probe="",region="us-east"} 22.0'
    assert sample in metrics.splitlines()
    assert "resolverd_canaries_total{" not in metrics


def endpoints_of(region: object) -> list[dict[str, Any]]:
    """Its endpoints, be they in a list or by name."""
    assert isinstance(region, dict)
    return list(region["endpoints"])


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ('kind = "banner"\ngreeting = ""', "any greeting would do"),
        ('kind = "banner"\nbanner_octets = 3', "8 to 4096 octets"),
        ('kind = "http"\ngreeting = "220"', "greeting is an option of kind banner"),
        ('kind = "banner"\nexpect_body = "ok"', "expect_body is an option of kind http"),
        ('kind = "banter"', "banner"),
    ],
)
def test_what_is_wrong_about_its_options_is_said(tmp_path: Path, probe: str, said: str) -> None:
    write(tmp_path, "tcp://192.0.2.1:25", probe)
    check = "sys.argv[1:] = ['check']\nfrom resolverd.__main__ import main\nsys.exit(main())"
    assert said in output(check, tmp_path)


def test_it_is_on_the_pages_that_are_made_and_in_the_schema(tmp_path: Path) -> None:
    pages = output(
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from docs.generate import pages\n"
        "for path, text in pages().items(): print(path.name, text)",
        tmp_path,
    )
    assert '### `[probe]` with `kind` `"banner"`' in pages
    assert '| `greeting` | text | `"220 "` | What the line must begin with. |' in pages
    assert "| `resolverd_banner_octets` | gauge | region, endpoint, probe |" in pages
    assert '"BannerPart": {' in pages
