"""What an edge believes of the others, as its configuration says now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.fleet.observations import Observations
from resolverd.fleet.observed import Head, split, write_message, write_targets


class NoWire:
    """Carries nothing."""

    def publish(self, subject: str, payload: bytes) -> None:
        """To nobody."""

    def subscribe(self, subject: str, heard: Callable[[str, bytes], None]) -> None:
        """From nobody."""


def configuration(folder: Path, valid: str) -> Config:
    path = folder / "resolverd.toml"
    path.write_text(
        "[server]\ncoordinates = [50.1, 8.7]\n"
        f'[fleet]\nurls = ["nats://127.0.0.1:1"]\nedge = "fra1"\nvalid = "{valid}"\n'
        '[region.eu]\ncoordinates = [53.3, -6.3]\n[[region.eu.endpoint]]\naddress = ["192.0.2.1"]\n'
        'url = "http://127.0.0.1:1"\n[service.chat]\nregions = ["eu"]\n'
    )
    return load_config(path).config


def test_an_edit_of_valid_counts_at_once(tmp_path: Path) -> None:
    now = [100.0]
    before, after = configuration(tmp_path, "2s"), configuration(tmp_path, "30s")
    observations = Observations(before.fleet, (0.0, 0.0), NoWire(), clock=lambda: now[0])
    observations.observe(before, probe_targets(before))
    head = Head("ams1", "run", (0.0, 0.0), 1.0, 7.0, 60.0)
    observations.edges.hear(*split(write_message(head, write_targets({}))), now[0])
    now[0] = 120.0
    assert list(observations.live()) == []
    observations.observe(after, probe_targets(after))
    assert list(observations.live()) == ["ams1"]
