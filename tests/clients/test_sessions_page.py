"""docs/sessions.md, run: a conversation goes on over the death of its region."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
import redis
from cli.cli_place import SERVER, write_place
from cli.command import TIMEOUT, resolverd
from cli.live import Live, live
from harness.config import CHAT, address_of, config_text
from harness.server import HEAD, load_text_config
from harness.waiting import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text()
SHOWN: dict[str, Any] = {}
for _block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
    exec(compile(_block, "docs/sessions.md", "exec"), SHOWN)
STICKY, TABLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
(RECORDS,) = re.findall(r"```zone\n(.*?)```", PAGE, re.DOTALL)
PIN = '[pin.gdpr]\nsubnets = ["127.0.0.0/8"]\nregions = ["eu-west", "us-east"]\n'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """A real store on a socket of its own."""
    folder = tmp_path_factory.mktemp("store")
    path = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(path), decode_responses=True)
    wait_until(path.exists, "the socket of the store", within=TIMEOUT)
    client.ping()
    yield client
    client.close()
    server.terminate()
    assert server.wait(TIMEOUT) == 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Live]:
    """The page's services and names, of clients who may have two of the regions."""
    write_place(tmp_path)
    zone = f"$ORIGIN inference.example.\n{HEAD}{RECORDS}"
    (tmp_path / "zones" / "inference.zone").write_text(zone)
    services = f"{CHAT}failover_ttl = 1\n{TABLES}{PIN}"
    with live(tmp_path, services, SERVER) as daemon:
        yield daemon


def _resolver(daemon: Live) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], daemon.port
    return resolver


def _answering(region: str) -> Any:
    """The gateway of a region, whose model says how many messages it was given."""
    return lambda messages: f"{region} has read {len(messages)}"


def test_a_conversation_goes_on_in_another_region_when_its_own_dies(
    store: redis.Redis, served: Live
) -> None:
    resolver, conversations = _resolver(served), SHOWN["Conversations"](store)
    name, address = SHOWN["reach"](resolver, None)
    assert (name, address) == ("chat.inference.example", address_of("eu-west"))
    said = [SHOWN["turn"](conversations, "one", "hello", _answering("eu-west"))]
    assert SHOWN["reach"](resolver, "eu-west") == (
        "eu-west.chat.inference.example",
        address_of("eu-west"),
    )
    said.append(SHOWN["turn"](conversations, "one", "and now?", _answering("eu-west")))

    down = resolverd("override", "eu-west", "down", "--why", "it died", "--force", cwd=served.place)
    assert down.status == 0, down.err
    name, address = SHOWN["reach"](resolver, "eu-west")
    assert (name, address) == ("chat.inference.example", address_of("us-east"))
    said.append(SHOWN["turn"](conversations, "one", "still there?", _answering("us-east")))
    assert said == ["eu-west has read 1", "eu-west has read 3", "us-east has read 5"]
    roles = [message["role"] for message in conversations.messages("one")]
    assert roles == ["user", "assistant"] * 3

    assert resolverd("clear", "eu-west", cwd=served.place).status == 0
    assert SHOWN["reach"](resolver, "eu-west")[1] == address_of("eu-west")


def test_a_region_name_gives_a_pinned_client_no_address_outside_its_fence(served: Live) -> None:
    config = served.place / "resolverd.toml"
    config.write_text(
        config.read_text().replace(
            'regions = ["eu-west", "us-east"]\n', 'regions = ["eu-west"]\n', 1
        )
    )
    reloaded = resolverd("reload", "--yes", cwd=served.place)
    assert reloaded.status == 0, reloaded.err
    resolver = _resolver(served)
    assert SHOWN["reach"](resolver, "us-east") == (
        "chat.inference.example",
        address_of("eu-west"),
    )


def test_a_store_that_is_asked_by_two_gateways_keeps_the_turns_whole(store: redis.Redis) -> None:
    one, other = (SHOWN["Conversations"](store) for _ in range(2))
    SHOWN["turn"](one, "two", "a", _answering("us-east"))
    SHOWN["turn"](other, "two", "b", _answering("eu-west"))
    assert [m["content"] for m in one.messages("two")] == [
        "a", "us-east has read 1", "b", "eu-west has read 3",
    ]  # fmt: skip
    assert 0 < store.ttl("conversation:two") <= SHOWN["KEPT"]


def test_the_page_s_sticky_service_is_one_that_can_be_served() -> None:
    assert load_text_config(config_text(STICKY)).service["chat"].sticky == 1800
