"""[anycast] as it is written: what does not fit together is said with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import config_text

from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

ADDRESSES = '[anycast]\naddresses = ["192.0.2.53", "2001:db8::53"]\n'
BIRD = '[anycast.bird]\nprotocols = ["anycast_v4", "anycast_v6"]\n'


def problems_of(folder: Path, text: str) -> tuple[Problem, ...]:
    path = folder / "resolverd.toml"
    path.write_text(config_text(admin='listen = "127.0.0.1:9153"') + text)
    try:
        return load_config(path).warnings
    except ConfigError as error:
        return error.problems


@pytest.mark.parametrize(
    "text",
    [
        "",
        ADDRESSES + BIRD,
        ADDRESSES + 'via = "exabgp"\n',
        ADDRESSES + 'mode = "metric"\n' + BIRD + 'raised_protocols = ["a", "b"]\n',
    ],
    ids=["none", "bird", "exabgp", "metric"],
)
def test_what_fits_is_taken(tmp_path: Path, text: str) -> None:
    assert not [p for p in problems_of(tmp_path, text) if "anycast" in f"{p.id}{p.message}"]


@pytest.mark.parametrize(
    ("text", "check", "hint"),
    [
        (ADDRESSES, "config-anycast-protocols", 'protocols = ["anycast1_v4", "anycast2_v6"]'),
        (
            ADDRESSES + '[anycast.bird]\nprotocols = ["anycast_v4"]\n',
            "config-anycast-protocols",
            "one for each address",
        ),
        (
            ADDRESSES + 'mode = "metric"\n' + BIRD,
            "config-anycast-protocols",
            'raised_protocols = ["anycast1_v4_raised"',
        ),
        (
            ADDRESSES + '[anycast.bird]\nprotocols = ["anycast", "anycast"]\n',
            "config-anycast-shared",
            "a static protocol of its own",
        ),
        (
            '[anycast]\naddresses = ["192.0.2.53", "192.0.2.53"]\nvia = "exabgp"\n',
            "config-anycast-twice",
            'addresses = ["192.0.2.53"]',
        ),
        (
            '[anycast]\naddresses = ["127.0.0.53"]\nvia = "exabgp"\n',
            "config-anycast-loopback",
            "192.0.2.53",
        ),
        (
            ADDRESSES + 'via = "exabgp"\ninterval = "100ms"\n',
            "config-anycast-timeout",
            'timeout = "0.05s"',
        ),
        (
            ADDRESSES + 'via = "exabgp"\nfit_for = "10m"\n',
            "config-anycast-fit-for",
            'fit_for_most = "600s"',
        ),
        (
            ADDRESSES + 'via = "exabgp"\ninterval = "4s"\n'
            '[fleet]\nurls = ["nats://127.0.0.1:4222"]\n',
            "config-anycast-valid",
            'edge_valid = "12s"',
        ),
        (
            ADDRESSES + 'via = "exabgp"\nmin_edges = 2\n',
            "config-anycast-alone",
            "[fleet]",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_what_to_write(
    tmp_path: Path, text: str, check: str, hint: str
) -> None:
    found = [p for p in problems_of(tmp_path, text) if p.id == check]
    assert len(found) == 1
    assert hint in found[0].hint


def test_a_daemon_that_only_a_socket_reaches_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(config_text(admin='listen = ""') + ADDRESSES + BIRD)
    found = [p for p in load_config(path).warnings if p.id == "config-anycast-admin"]
    assert 'listen = "127.0.0.1:9153"' in found[0].hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ADDRESSES + '[anycast.bird]\nprotocols = ["a b", "c"]\n', "not the name of a protocol"),
        (
            ADDRESSES + 'via = "exabgp"\n[anycast.exabgp]\nraised = "med 1\\nwithdraw route"\n',
            "on one line",
        ),
    ],
)
def test_nothing_that_is_written_can_be_another_command(
    tmp_path: Path, text: str, said: str
) -> None:
    assert any(said in problem.message for problem in problems_of(tmp_path, text))
