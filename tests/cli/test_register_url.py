"""`resolverd register URL`: an endpoint is asked who it is before a fragment names it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.command import ROOT, TIMEOUT, Ran, environment, resolverd
from harness.programs import free_port

from resolverd.config.load import load_config

MODEL = "meta-llama/Llama-3.1-70B-Instruct"
QWEN = "Qwen/Qwen3-8B"


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """A server of vLLM's API on loopback; its URL."""
    command = [sys.executable, "-m", "resolverd.demo.region", "--name", "x", "--with-parent"]
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.stdin.close()
        process.wait(TIMEOUT)
        process.stdout.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shipped configuration with its zones."""
    shutil.copy(ROOT / "resolverd.toml", tmp_path)
    shutil.copytree(ROOT / "zones", tmp_path / "zones")
    return tmp_path


def _register(place: Path, url: str, *options: str) -> Ran:
    return resolverd("register", url, *options, cwd=place)


def test_an_endpoint_of_the_service_s_model_is_written_once(place: Path) -> None:
    with serving() as url:
        ran = _register(place, url, "--region", "us-east")
        assert ran.status == 0, ran.err
        assert ran.out.startswith(f"# It says: {MODEL}, max_model_len 16384, version 0.32.0\n")
        made = tomllib.loads(ran.out)
        assert made == {
            "region": {"us-east": {"endpoint": [{"address": ["127.0.0.1"], "url": url}]}}
        }
        assert _register(place, url, "--region", "us-east", "--write").status == 0
        (written,) = (place / "resolverd.d").iterdir()
        assert written.name == f"us-east-127.0.0.1-{url.rpartition(':')[2]}.toml"
        config = load_config(place / "resolverd.toml").config
        assert [e.url for e in config.region["us-east"].endpoint][-1] == url
        again = _register(place, url, "--region", "us-east", "--write")
        assert (again.status, "nothing is new" in again.out) == (0, True)


def test_a_new_region_has_the_model_that_its_server_says(place: Path) -> None:
    with serving("--model", QWEN) as url:
        where = ("--region", "ap-south", "--coordinates", "19.1,72.9")
        ran = _register(place, url, *where, "--service", "small")
        made = tomllib.loads(ran.out)
        assert made["region"]["ap-south"]["coordinates"] == [19.1, 72.9]
        assert made["service"]["small"] == {"regions": ["ap-south"], "models": {"ap-south": QWEN}}
        unplaced = _register(place, url, "--region", "ap-south", "--service", "small")
        assert unplaced.status == 2
        assert "nothing says where ap-south stands: say it with --coordinates" in unplaced.err


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("-33.87,151.21", [-33.87, 151.21]),
        ("-.5,-1", [-0.5, -1.0]),
        ("-34.6,-58.4", [-34.6, -58.4]),
    ],
)
def test_a_region_may_stand_in_the_south(place: Path, written: str, made: list[float]) -> None:
    with serving("--model", QWEN) as url:
        for where in (("--coordinates", written), (f"--coordinates={written}",)):
            ran = _register(place, url, "--region", "south", *where, "--service", "small")
            assert ran.status == 0, ran.err
            assert tomllib.loads(ran.out)["region"]["south"]["coordinates"] == made


def test_a_server_of_another_model_is_not_registered_unless_it_is_said(place: Path) -> None:
    with serving("--model", QWEN) as url:
        refused = _register(place, url, "--region", "us-east", "--write")
        assert refused.status == 1
        assert f"serves {QWEN}, not {MODEL}" in refused.err
        assert not (place / "resolverd.d").exists()
        said = _register(place, url, "--region", "us-east", "--model", QWEN)
        assert tomllib.loads(said.out)["service"]["chat"]["models"] == {"us-east": QWEN}


def test_a_server_that_wants_a_key_is_asked_with_the_probe_s(place: Path) -> None:
    (place / "key").write_text("sk-one\n")
    with serving("--api-key", "sk-one") as url:
        without = _register(place, url, "--region", "us-east")
        assert without.status == 3
        assert "wants a key (HTTP 401): set credential of its [probe]" in without.err
        key = f'probe.credential="{place / "key"}"'
        kind = ("--set", 'probe.kind="vllm"')
        assert _register(place, url, "--region", "us-east", *kind, "--set", key).status == 0


def test_nobody_is_registered_who_does_not_answer(place: Path) -> None:
    ran = _register(place, f"http://127.0.0.1:{free_port()}", "--region", "us-east", "--write")
    assert ran.status == 3
    assert "cannot be asked who it is: connection refused; wait until it serves" in ran.err
    unnamed = _register(place, "http://nothing.invalid", "--region", "us-east")
    assert (unnamed.status, unnamed.out) == (3, "")
    with serving() as url:
        assert _register(place, f"{url}/nothing", "--region", "us-east").status == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either an endpoint's URL with its --region, or files with --from"),
        (("http://a", "--from", "b.json"), "give either an endpoint's URL"),
        (("http://a.example",), "say which region it is in: --region NAME"),
        (("a.example:8000", "--region", "us-east"), "is no URL of an endpoint"),
        (("--from", "b.json", "--region", "us-east"), "belong to an endpoint's URL"),
        (
            ("http://a", "--region", "x", "--coordinates", "95,0"),
            "is not LATITUDE,LONGITUDE",
        ),
        (
            ("http://a", "--region", "x", "--coordinates", "95"),
            "is not LATITUDE,LONGITUDE",
        ),
    ],
)
def test_what_is_neither_an_endpoint_nor_files_is_a_wrong_command_line(
    place: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = resolverd("register", *arguments, cwd=place)
    assert ran.status == 2
    assert said in ran.err
