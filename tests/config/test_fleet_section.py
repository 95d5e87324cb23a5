"""`[fleet]`: what is read, what is refused, and what wants a restart."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pydantic import ValidationError

from resolverd.config.fleet import Fleet, VerdictPolicy, parse_verdicts
from resolverd.config.restart import needs_restart
from resolverd.config.secrets import shown_line


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("own", VerdictPolicy("own")),
        ("any", VerdictPolicy("any")),
        ("quorum", VerdictPolicy("quorum")),
        ("quorum:3", VerdictPolicy("quorum", 3)),
        ("nearest:5", VerdictPolicy("nearest", 5)),
    ],
)
def test_a_verdict_policy_is_read(text: str, policy: VerdictPolicy) -> None:
    assert parse_verdicts(text) == policy


@pytest.mark.parametrize(
    "text", ["", "Own", "quorum:0", "quorum:", "nearest", "nearest:0", "any:2", "quorum: 2", "all"]
)
def test_what_is_no_verdict_policy_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match='write "quorum"'):
        parse_verdicts(text)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"urls": ["http://nats.example"]}, "is not nats://HOST:PORT"),
        ({"urls": ["nats://"]}, "is not nats://HOST:PORT"),
        ({"urls": ["nats://nats.example:99999"]}, "is not nats://HOST:PORT"),
        ({"urls": ["http://me:secret@nats.example"]}, r"http://me:\*\*\*@nats.example"),
        ({"name": "my.fleet"}, 'write "my-fleet"'),
        ({"name": ""}, "is not a name of a fleet"),
        ({"edge": "all"}, "stands for every edge"),
        ({"edge": "fra 1"}, "is not a name"),
        ({"replicas": 0}, "greater than or equal to 1"),
        ({"valid": "1s"}, "greater than or equal to 2"),
        ({"verdicts": "most"}, "is not a verdict policy"),
        ({"url": ["nats://nats.example"]}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(written: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as refused:
        Fleet.model_validate(written)
    assert "secret" not in str(refused.value.errors()[0]["msg"])


def test_an_edge_without_a_name_has_that_of_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "fra1.edges.example")
    assert Fleet().edge_name == "fra1"
    assert Fleet(edge="ams1").edge_name == "ams1"


def test_the_name_of_its_credentials_file_is_not_shown() -> None:
    assert shown_line('credentials = "SUAB"', secret=True) == 'credentials = "****"'


def test_what_the_connection_is_made_of_wants_a_restart() -> None:
    changes = {"urls": ("nats://other.example",), "edge": "ams1", "verdicts": "own", "valid": 9.0}
    before = _config(Fleet())
    after = _config(Fleet().model_copy(update=changes))
    assert needs_restart(before, after) == ["fleet.urls", "fleet.edge"]


def _config(fleet: Fleet) -> Any:
    from resolverd.config.model import Config
    from resolverd.config.server import Server

    return Config(server=Server(coordinates=(50.1, 8.7)), fleet=fleet)
