"""A page of docs/recipes/, followed: files are written, commands run, what is shown is seen.

    ```toml title="resolverd.toml"    a file
    ```sh                             commands, in the one shell of the page; each has to succeed
    ```text                           what the commands before it print: these lines, in this order
    ```console                        done elsewhere, on hosts of others; a test does it instead

A line of ```text may leave out parts with `…`. Questions are asked until they are answered so.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cli.command import ROOT, TIMEOUT, environment
from harness.namespace import Place
from harness.waiting import wait_until

RECIPES = ROOT / "docs" / "recipes"
_FENCED = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(r"(dig|resolverd (state|explain|check))\b")
_SERVER = """
import sys
from aiohttp import web
from resolverd.demo.vllm import SimulatedServer
address, port, model = sys.argv[1:]
web.run_app(SimulatedServer(address, model).application(), host=address, port=int(port),
            access_log=None)
"""

Program = Callable[[str, str, int], tuple[list[str], dict[str, str]]]
Elsewhere = Mapping[str, Callable[[], object]]
"""What a test does for a ```console block, by its first line."""


class Block(NamedTuple):
    """One fenced block of a page: its language, the file that it is if it is one, its text."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page of docs/recipes/, in order."""
    found = _FENCED.findall((RECIPES / page).read_text())
    return [Block(language, title, text) for language, title, text in found]


class Servers:
    """Servers of vLLM's API at addresses of their own, which are made where they are not there.

    `program` is what serves a model at an address and port, and in what environment.
    """

    def __init__(self, place: Place, program: Program, within: float) -> None:
        self.place, self._program, self._within = place, program, within
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, model: str, *addresses: str, port: int = 8000) -> None:
        """Serve `model` at some addresses; returns once it is served."""
        for address in addresses:
            self._start(model, address, port)

    def stop(self, address: str) -> None:
        """Stop serving at an address."""
        process = self._running.pop(address)
        process.terminate()
        process.wait(self._within)

    def close(self) -> None:
        """Stop them all."""
        for address in list(self._running):
            self.stop(address)

    def _start(self, model: str, address: str, port: int) -> None:
        if address not in self.place.ip("address", "show", "dev", "lo"):
            self.place.address(f"{address}/32")
        command, variables = self._program(model, address, port)
        self._running[address] = self.place.do(
            lambda: subprocess.Popen(command, env=variables, cwd="/", stdout=subprocess.DEVNULL)
        )
        health = ["curl", "-sf", f"http://{address}:{port}/health"]
        wait_until(
            lambda: self.place.do(lambda: subprocess.run(health, check=False)).returncode == 0,
            f"the server at {address}",
            within=self._within,
        )


def simulated(model: str, address: str, port: int) -> tuple[list[str], dict[str, str]]:
    """The demonstration's server."""
    return [sys.executable, "-c", _SERVER, address, str(port), model], environment()


@contextmanager
def servers(program: Program = simulated, within: float = TIMEOUT) -> Iterator[Servers]:
    """Servers in a network namespace of their own, where a page can be followed as it is."""
    place = Place()
    made = Servers(place, program, within)
    try:
        yield made
    finally:
        made.close()
        place.close()


class Shell:
    """The shell of whoever follows a page, in a folder and a network namespace."""

    def __init__(self, place: Place, folder: Path, more: Mapping[str, str]) -> None:
        path = f"{Path(sys.executable).parent}:{environment().get('PATH', '')}"
        variables = environment(PATH=path, NO_COLOR="1", COLUMNS="200", **more)
        self._bash = place.do(
            lambda: subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    def run(self, commands: str) -> tuple[int, str]:
        """The status of the last of some commands, and what all of them print."""
        bash, end = self._bash, "--- this was the last of it"
        assert bash.stdin is not None
        assert bash.stdout is not None
        bash.stdin.write(f"{commands}\necho '{end}' $?\n")
        bash.stdin.flush()
        printed: list[str] = []
        for line in bash.stdout:
            if line.startswith(end):
                return int(line.removeprefix(end)), "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended: {printed}")

    def close(self) -> None:
        """End what runs in its background, and then it."""
        self.run("kill $(jobs -p) 2>/dev/null; wait")
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.close()
        assert self._bash.wait(TIMEOUT) == 0
        self._bash.stdout.close()


def follow(
    page: str, folder: Path, place: Place, elsewhere: Elsewhere, **variables: str
) -> list[str]:
    """Do all that a page says, in its order; what its commands printed.

    AssertionError names the block that was not as the page shows it.
    """
    shell = Shell(place, folder, variables)
    done: list[str] = []
    printed: list[str] = []
    try:
        before: Block | None = None
        for block in blocks(page):
            if block.title:
                path = folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)
            elif block.language == "console":
                first = block.text.partition("\n")[0]
                elsewhere[first]()
                done.append(first)
            elif block.language == "sh":
                printed.append(_ran(shell, block))
            elif block.language == "text":
                assert before is not None
                _see(shell, before, block, printed)
            before = block
    finally:
        shell.close()
    assert done == [*elsewhere], "every console block is done once"
    return printed


def _ran(shell: Shell, block: Block) -> str:
    """What the commands of a block print; questions are asked until there is an answer."""
    deadline = time.monotonic() + TIMEOUT
    refused = "# is refused" in block.text
    while True:
        status, output = shell.run(block.text)
        if (status != 0) == refused:
            return output
        assert _asks(block), f"{block.text}\n{output}"
        assert time.monotonic() < deadline, f"{block.text}\n{output}"


def _see(shell: Shell, asked: Block, shown: Block, printed: list[str]) -> None:
    """That the output of the commands is what is shown, if need be by asking again."""
    deadline = time.monotonic() + TIMEOUT
    while not matches(shown.text, printed[-1]):
        failed = f"{asked.text}\nprinted\n{printed[-1]}\nand not\n{shown.text}"
        assert _asks(asked), failed
        assert time.monotonic() < deadline, failed
        printed[-1] = _ran(shell, asked)


def _asks(block: Block) -> bool:
    """Whether its commands change nothing."""
    return all(_QUESTION.match(row) for row in block.text.splitlines() if row)


def matches(shown: str, printed: str) -> bool:
    """Whether all lines that are shown were printed, in this order, maybe among others."""
    rows = iter(printed.splitlines())
    for line in shown.splitlines():
        parts = [re.sub(r"\\? +", r"\\s+", re.escape(part.strip())) for part in line.split("…")]
        wanted = re.compile(r"\s*.*?\s*".join(parts))
        if not any(wanted.fullmatch(row.strip()) for row in rows):
            return False
    return True
