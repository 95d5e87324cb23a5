"""docs/tiers.md, run: a gateway at the edge forwards what is hard to the core nearest to it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from cli.cli_place import SERVER, write_place
from cli.command import resolverd
from cli.live import Live, live
from harness.config import REGIONS, address_of
from harness.server import HEAD

PAGE = (Path(__file__).parents[2] / "docs" / "tiers.md").read_text()
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(TABLES,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
(RECORDS,) = re.findall(r"```zone\n(.*?)```", PAGE, re.DOTALL)
HARD = "Prove that there is no largest prime."
# Addresses of this host, on which each region's server listens.
HERE = {region: f"127.0.0.{20 + number}" for number, region in enumerate(REGIONS)}


@contextmanager
def _model(region: str, port: int) -> Iterator[int]:
    """A region's server on its own address, which says where it is and what it was asked."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = f"{region}: {asked['prompt']}"
            body = json.dumps({"choices": [{"text": text}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HERE[region], port), Server)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_address[1]
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def shown() -> Iterator[dict[str, Any]]:
    """What the page's code defines, with a server in each region on one port."""
    names: dict[str, Any] = {}
    exec(compile(CODE, "docs/tiers.md", "exec"), names)
    with ExitStack() as servers:
        port = 0
        for region in REGIONS:
            port = servers.enter_context(_model(region, port))
        names["PORT"] = port
        yield names


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Live]:
    """The page's services and names; regions are answered with addresses of this host."""
    write_place(tmp_path)
    zone = f"$ORIGIN inference.example.\n{HEAD}{RECORDS}"
    (tmp_path / "zones" / "inference.zone").write_text(zone)
    with live(tmp_path, TABLES, SERVER) as daemon:
        config = tmp_path / "resolverd.toml"
        text = config.read_text()
        for region, here in HERE.items():
            text = text.replace(f"'{address_of(region)}'", f"'{here}'")
        config.write_text(text)
        reloaded = resolverd("reload", "--yes", cwd=tmp_path)
        assert reloaded.status == 0, reloaded.err
        yield daemon


def _resolver(daemon: Live) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], daemon.port
    return resolver


def test_a_gateway_forwards_what_is_hard_to_the_core_of_its_own_edge(
    shown: dict[str, Any], served: Live
) -> None:
    """And goes on through the death of the edge's neighbour, of a core region, and of them all."""
    resolver = _resolver(served)
    own = resolver.resolve("chat-edge.inference.example", "A")[0].to_text()
    assert own == HERE["eu-west"]

    def answered(prompt: str) -> str:
        return str(shown["answer"](prompt, own, resolver))

    assert answered("hello") == "eu-west: hello"
    assert answered(HARD) == f"us-east: {HARD}"
    assert answered("word " * 201).startswith("us-east")

    _override(served, "us-east", "down")
    assert answered(HARD) == f"us-west: {HARD}"
    shown["CORE"] = "nothing.inference.example"
    assert answered(HARD) == f"eu-west: {HARD}"


def test_the_edge_falls_back_to_its_core_and_explain_shows_the_hops(served: Live) -> None:
    resolver, edge = _resolver(served), "chat-edge.inference.example"
    hops = _hops(served)
    assert (hops["edge"]["region"], hops["core"]["region"]) == ("eu-west", "us-east")
    assert hops["km"] == pytest.approx(hops["edge"]["km"] + hops["core"]["km"], abs=0.2)
    _override(served, "eu-west", "down")
    assert resolver.resolve(edge, "A")[0].to_text() == HERE["ap-northeast"]
    # From there the way to the other core region is shorter.
    assert resolver.resolve(f"core.{edge}", "A")[0].to_text() == HERE["us-west"]
    _override(served, "ap-northeast", "down")
    fallen = resolver.resolve(edge, "A")
    assert fallen[0].to_text() == HERE["us-east"]
    assert fallen.rrset is not None
    assert fallen.rrset.ttl <= 5
    assert _hops(served)["edge"]["region"] == "us-east"
    text = resolver.resolve(edge, "TXT")[0].to_text()
    assert text == f'"core=core.{edge}"'


def _hops(served: Live) -> Any:
    asked = ("explain", "chat-edge.inference.example", "127.0.0.1", "--json")
    told = resolverd(*asked, cwd=served.place)
    assert told.status == 0, told.err
    return json.loads(told.out)["hops"]


def _override(served: Live, region: str, kind: str) -> None:
    put = resolverd("override", region, kind, "--why", "test", "--force", cwd=served.place)
    assert put.status == 0, put.err
