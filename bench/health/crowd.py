"""Thousands of endpoints in one process (`crowd.c`), and what it tells while it runs.

C, so that what answers 5,000 requests in a second is not what a benchmark measures: on a machine of
two cores a process in Python takes most of one for that.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.health.endpoint import ANSWER, MODELS, PAGE, TOKEN
from bench.load.build import compiled

_SOURCE = Path(__file__).with_suffix(".c")
# What stands for a counter in a response of `crowd.c`.
_COUNTER = b"@" * 10


class Crowd:
    """The process: on `port` of every address of 127.0.0.0/8, each an endpoint.

    `first_failed` is when each that was to `fail` first answered so, in monotonic seconds.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout
        self.port = int(self._out.readline())
        self.first_failed: dict[str, float] = {}
        self._count = 0
        self._counted = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def fail(self, ip: str) -> None:
        """Have it answer 503 from now on."""
        self._say(f"fail {ip}")

    def requests(self) -> int:
        """How many requests have come so far."""
        self._counted.clear()
        self._say("count")
        if not self._counted.wait(10):
            raise RuntimeError("the endpoints' process does not answer")
        return self._count

    def _say(self, line: str) -> None:
        self._in.write(line + "\n")
        self._in.flush()

    def _listen(self) -> None:
        for line in self._out:
            word, value, at = line.split()
            if word == "failed":
                self.first_failed.setdefault(value, float(at))
            else:
                self._count = int(value)
                self._counted.set()


@contextmanager
def crowd(kind: str) -> Iterator[Crowd]:
    """The process, while this is entered; `kind` is `vllm`, or any other for a plain 200."""
    program = compiled("crowd", [_SOURCE])
    pipe = subprocess.PIPE
    with tempfile.TemporaryDirectory() as place:
        files = [_file(Path(place) / "plain", _plain(kind))]
        if kind == "vllm":
            bodies = {"metrics": PAGE.replace(b"@", _COUNTER), "models": MODELS, "token": TOKEN}
            files += [_file(Path(place) / name, _response(b)) for name, b in bodies.items()]
        with subprocess.Popen([program, *files], stdin=pipe, stdout=pipe, text=True) as process:
            try:
                yield Crowd(process)
            finally:
                process.kill()


def _plain(kind: str) -> bytes:
    return _response(b'{"version":"0.32.0"}') if kind == "vllm" else ANSWER


def _response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _file(path: Path, octets: bytes) -> str:
    path.write_bytes(octets)
    return str(path)
