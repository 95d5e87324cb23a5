"""The answer in the kernel, loaded on a server's interface and told its tables."""

from __future__ import annotations

import subprocess

from bench.xdp.build import BUILD
from bench.xdp.veth import Veth

QNAME = b"\x04chat\x09inference\x07example\x00"
# One service of as many preference lists as the bar for a publish asks.
LISTS = 2000


class KernelAnswer:
    """The program, attached from `with` to its end; everything it is told is a line."""

    def __init__(self, veth: Veth, mode: str, program: str = "answer") -> None:
        command = [str(BUILD / "answer"), "srv", mode, str(BUILD / f"{program}.bpf.o")]
        self._process = subprocess.Popen(
            [*veth.inside("srv"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> KernelAnswer:
        self.counts()  # once it says them it is attached
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def ask(self, line: str) -> str:
        """What it says to a line that has an answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.tell(line)
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise SystemExit("the program in the kernel did not load")
        return said

    def publish(self) -> float:
        """Microseconds from a filled table to the kernel serving it."""
        return float(self.ask("publish"))

    def counts(self) -> tuple[int, int]:
        """Answered here, and passed up the stack."""
        answered, passed = map(int, self.ask("counts").split())
        return answered, passed

    def time(self) -> None:
        """Have the kernel time the program, which costs two clock readings each time."""
        self.tell("time")
        self.counts()  # once it says them it has begun

    def nanoseconds(self) -> float:
        """The mean run of the program since `time`."""
        ran, times = map(int, self.ask("timed").split())
        return ran / times

    def place_everybody(self) -> None:
        """The load's name; each /24 it asks from, among many others; a cell for each list."""
        self.tell(f"name {QNAME.hex()} 0")
        for number in range(65536):
            high, low = divmod(number, 256)
            self.tell(f"client 10.{high}.{low}.0 24 {number % LISTS} 24")
        for number in range(LISTS):
            high, low = divmod(number, 256)
            self.tell(f"cell {number} 30 192.0.{high}.{low}")
        self.publish()
