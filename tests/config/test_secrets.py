"""Secrets that an operator wrote: in no problem that is told of a file, wherever they stand."""

from __future__ import annotations

import re
import string
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from resolverd.config.fleet import Fleet
from resolverd.config.load import load_config
from resolverd.config.model import Region
from resolverd.config.options import Section
from resolverd.config.secrets import hide, secrets_of, shown_line, shown_text, shown_url
from resolverd.errors import ConfigError, Problem
from resolverd.health.kinds.http_settings import HttpSettings

# Where a secret may stand, as a line of an endpoint or of the table before it.
PLACES = {
    "password": 'url = "http://user:{}@192.0.2.1:8000/x"',
    "user alone": 'url = "http://{}@192.0.2.1:8000"',
    "query": 'url = "http://192.0.2.1:8000/health?sig={}"',
    "password without a host": 'url = "http://user:{}"',
    "no scheme": 'url = "user:{}@192.0.2.1"',
    "path": 'url = "http://192.0.2.1"\nprobe.path = "/health?token={}"',
    "metrics_url": 'url = "http://192.0.2.1"\nprobe.metrics_url = "http://u:{}@192.0.2.1/x"',
    "worker": 'url = "http://192.0.2.1"\nprobe.workers = ["http://192.0.2.1/?key={}"]',
    "header": 'url = "http://192.0.2.1"\nprobe.headers.X-Key = "{}"',
    "header named as an option": 'url = "http://192.0.2.1"\nprobe.headers.model = "{}"',
    "header in a table": 'url = "http://192.0.2.1"\nprobe = {{ headers = {{ A = "Bearer {}" }} }}',
    "body": 'url = "http://192.0.2.1"\nprobe.body = "{}"',
    "body of lines": "url = 'http://192.0.2.1'\nprobe = {{ body = '''\n{}''', kind = \"http\" }}",
}
# What else is wrong, and where: after the secret on its line, or on a line of its own.
FAULTS = {
    "none": "{}",
    "unknown option": "{}\nfoo = 1",
    "wrong type": "{}\nname = 7",
    "twice": "{0}\n{0}",
    "a string that does not end": '{}\nname = "x',
    "more after the value": "{} x",
    "cut off": "{:.-1}",
}
FILE = """\
[server]
coordinates = [0.0, 0.0]
[region.a]
coordinates = [0.0, 0.0]
[[region.a.endpoint]]
address = ["192.0.2.1"]
{}
[service.chat]
regions = ["a"]
"""

# No small letters, in which our own words are; and no colon, before which a user's name stands.
secrets = st.text(string.ascii_uppercase + string.digits + "!$&*+,;=@/?#._~-", min_size=12)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
@example(secret="00000000000=")  # in a string of several lines it looks like a key
@settings(max_examples=10, derandomize=True)  # 90 of them a run; `make fuzz` is for chance
@given(secret=secrets)
def test_no_problem_tells_a_secret(place: str, fault: str, secret: str) -> None:
    # What follows an "@" is a host (RFC 3986 §3.2), which is shown.
    assume(place != "password without a host" or "@" not in secret)
    secret = f"ZQ{secret}QZ"
    line = PLACES[place].format(secret)
    line = line[:-1] if fault == "cut off" else FAULTS[fault].format(line)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "resolverd.toml")
        path.write_text(FILE.format(line))
        for problem in _problems(path):
            shown = str(problem) + str(asdict(problem))
            assert secret not in shown
            # Nor any part of it that is long enough to be missed.
            assert not any(secret[at : at + 8] in shown for at in range(len(secret) - 7))


def _problems(path: Path) -> tuple[Problem, ...]:
    try:
        return load_config(path).warnings
    except ConfigError as error:
        return error.problems


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://192.0.2.1:8000/v1", "http://192.0.2.1:8000/v1"),
        ("http://user:secret@h/x?a=b#c", "http://user:***@h/x?***"),
        ("http://secret@h", "http://***@h"),
        ("http://user:se@cr/et@h:80/x", "http://user:***@h:80/x"),
        ("http://user:sec?ret@h", "http://***"),
        ("http://h/?mail=a@b", "http://***"),
        ("http://user:secret", "http://user:***"),
        ("https://u:p@[2001:db8::1]:443/", "https://u:***@[2001:db8::1]:443/"),
        ("tcp://[::1]:80", "tcp://[::1]:80"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert shown_url(shown) == shown
    if "@" in url:
        assert shown_text(f'url "{url}" is wrong') == f'url "{shown}" is wrong'


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('url = "http://h:8000"  # see https://x.example', None),
        ('listen = ["127.0.0.1:53", "[::]:53"]', None),
        ("[[region.eu-west.endpoint]]", None),
        ("# a comment", None),
        ('url = "http://u:p@h"', 'url = "************"'),
        ('  secret""", interval = 1', '  ******""", ******** = *'),
        ('path = "/x?sig=1"', 'path = "******=*"'),
        ('headers.host = "x"', 'headers.host = "*"'),
    ],
)
def test_a_line_is_shown_at_its_length(line: str, shown: str | None) -> None:
    assert shown_line(line) == (line if shown is None else shown)
    assert len(shown_line(line)) == len(line)


def test_what_a_server_repeats_is_hidden() -> None:
    headers = {"Authorization": "Bearer abcdef123", "X-Key": "qwertz99"}
    secrets = secrets_of("http://u:p%40ssword@h/?sig=98765&x=1", headers, "", "/p?t=tokentoken")
    for secret in ("abcdef123", "qwertz99", "p%40ssword", "p@ssword", "98765", "tokentoken"):
        assert secret not in hide(f"HTTP 401: {secret} is wrong", secrets)


def test_check_warns_of_secrets_and_says_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    line = 'url = "http://u:p@192.0.2.1?api_key=1"\nprobe.headers.Authorization = "Bearer x"'
    path.write_text(FILE.format(line))
    found = [w for w in load_config(path).warnings if w.id.startswith("config-secret")]
    assert [(w.id, w.line) for w in found] == [
        ("config-secret-in-url", 7),
        ("config-secret-in-header", 8),
    ]
    assert all("credential = " in w.hint for w in found)
    assert 'a password and "api_key"' in found[0].message


@pytest.mark.parametrize(
    ("line", "table", "named"),
    [
        ('[fleet]\nurls = ["nats://u:p@192.0.2.1"]', Fleet, {"credentials", "client_certificate"}),
        ('[region.b]\ngpu_metrics = ["http://u:p@192.0.2.1/"]', Region, {"gpu_metrics"}),
        ('[region.b]\nrtt = ["http://192.0.2.1/?key=1"]', Region, {"rtt"}),
        ('[probe]\nkind = "vllm"\nmetrics_url = "http://u:p@h/"', HttpSettings, {"credential"}),
    ],
)
def test_what_to_write_for_a_secret_in_a_url_is_of_its_own_table(
    tmp_path: Path, line: str, table: type[Section], named: set[str]
) -> None:
    """A password for NATS, put into [probe], would go to all that are probed."""
    path = tmp_path / "resolverd.toml"
    rest = 'coordinates = [1.0, 1.0]\n[[region.b.endpoint]]\naddress = ["192.0.2.2"]\n'
    path.write_text(f"{FILE.format('')}{line}\n{rest if '[region' in line else ''}")
    (found,) = (w for w in _problems(path) if w.id == "config-secret-in-url")
    credentials = {"credential", "credentials", "client_certificate", "gpu_metrics", "rtt"}
    assert named == credentials & set(re.findall(r"\w+", found.hint))
    assert named <= table.model_fields.keys()
