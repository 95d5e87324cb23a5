"""A daemon killed at random moments gives no answer with a region that an operator has drained."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from pathlib import Path

import dns.message
from harness.config import address_of
from kept_host import Host, host

KILLS = int(os.environ.get("RESOLVERD_TEST_KILLS", "10"))
"""How often the daemon is killed; 200 is the bar, and takes some minutes."""


class Asker:
    """Asks without pause; `wrong` are answers with a region that was drained all the while."""

    def __init__(self, port: int) -> None:
        self.drained, self.answers, self.error = "", 0, [""][:0]
        self._port, self._over = port, threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            drained = self.drained
            query = dns.message.make_query("chat.inference.example", "A")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.2)
                with contextlib.suppress(OSError):
                    asking.connect(("127.0.0.1", self._port))
                    asking.send(query.to_wire())
                    response = dns.message.from_wire(asking.recv(4096))
                    self.answers += 1
                    if not response.answer:
                        self.error.append(f"no address: {response}")
                        continue
                    address = str(response.answer[0][0])
                    if drained and drained == self.drained and address == address_of(drained):
                        self.error.append(f"{address} at {time.time()}")
            time.sleep(0.002)


def _drain_another(here: Host, asker: Asker, region: str) -> None:
    """Have `region` drained, and no other."""
    if asker.drained == region:
        return
    before, asker.drained = asker.drained, ""
    if before:
        assert here.running.ask("DELETE", f"/override/{before}")[0] == 200
    body = {"target": region, "kind": "drain", "why": "kernel", "who": "ann"}
    assert here.running.ask("POST", "/override", body)[0] == 200
    asker.drained = region


def test_no_answer_has_a_drained_region_however_often_it_is_killed(tmp_path: Path) -> None:
    rng = random.Random(13)
    with host(tmp_path) as here:
        here.start()
        asker = Asker(here.port)
        try:
            _drain_another(here, asker, "eu-west")
            here.kill()
            ready = 0
            for _ in range(KILLS):
                here.start(ready=False)
                if rng.random() < 0.5:
                    time.sleep(rng.uniform(0.0, 3.0))  # any moment of a start, or soon after
                else:
                    here.running.until(lambda: here.running.ask("GET", "/readyz")[0] == 200)
                    ready += 1
                    _drain_another(here, asker, rng.choice(["eu-west", "us-east"]))
                    time.sleep(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.7)]))
                here.kill()
        finally:
            asker.close()
    assert asker.error == []
    assert ready
    assert asker.answers
    if KILLS > 10:
        print(f"{KILLS} kills, {ready} of them after ready, {asker.answers} answers")
