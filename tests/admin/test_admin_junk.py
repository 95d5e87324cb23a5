"""Whatever a request holds, it is no defect: never a 5xx, never a traceback, whoever sends it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from harness.process import TIMEOUT, Running, serving
from harness.programs import free_port
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.admin.api import Api

TOKEN = b"Authorization: Bearer open-sesame"
DEEP = "[" * 20_000
HUGE = "9" * 400
ORDER = '{"target": "us-east", "kind": "up", "why": "a test", "for": %s}'
BODIES = [
    *("", "null", "[]", "{}", "7", '"text"', DEEP, DEEP + "]" * 20_000, '{"a":' * 20_000, "\0"),
    *(ORDER % n for n in ("1e999", "-1e999", "NaN", "Infinity", HUGE, f"-{HUGE}", "1e-320", "0")),
    *(
        ORDER % n
        for n in ('"1e999s"', f'"{HUGE}h"', '"\\ud800"', "true", "{}", '"\\u0000"', "5e307")
    ),
    '{"target": "us-east", "target": "\\ud800", "kind": "up", "why": "\\ud800"}',
    '{"target": "us-east", "kind": "up", "why": "a\\u0000\\n", "who": "\\udfff", "for": 1e-9}',
    '{"region": "us-east", "why": "\\ud800", "for": 1e-9, "force": true}',
    '{"region": "us-east", "why": "x", "for": "1e-9", "force": "yes"}',
]
TYPES = [
    *("application/json", "text/plain; charset=nonsense", "text/plain; charset=utf-32", ";;;=", ""),
    *(
        "application/json; charset=\xff",
        "text/plain; charset=idna",
        "text/plain; charset=undefined",
    ),
    *("application/json; charset=hex", "multipart/form-data", "x/y; charset=rot13"),
    "text/plain; charset=utf-8\0",
]
QUERIES = [
    *(
        "name=%ff",
        "name=%",
        "name=%zz&client=%00",
        "name=a&client=1.2.3.4/" + HUGE,
        "name=&client=",
    ),
    *("name=chat.inference.example&client=::ffff:1.2.3.4/1e9", "region=%ff%00", "region=" + HUGE),
    *("name=chat.inference.example&client=1.2.3.4%25eth0", "name=" + "a." * 500 + "&client=::"),
    *("name=%C3%9F.example&client=::1", "name=\\300.a&client=::1", "name=xn--a&client=::1"),
    *("who=%ed%a0%80", "yes=1&yes=1", "&&&===", "name=" + "x" * 4000 + "&client=1.1.1.1"),
    "name=chat.inference.example&client=fe80::1%25" + "x" * 300,
]
HEADERS = [
    *(TOKEN, b"Authorization: Bearer \xff\xfe", b"Authorization: Bearer \xed\xa0\x80"),
    *(b"Authorization: Bearer", b"Authorization: \xff", b"Accept: \xff/\x80;q=nonsense"),
    *(b"Accept: application/openmetrics-text;version=" + b"9" * 400, b"Accept: ;;;,,,;q=1e999"),
    *(b"Content-Encoding: gzip", b"Content-Encoding: nonsense", b"Expect: nonsense"),
    *(b"Cookie: \xff=;;;", b"Range: bytes=99999999999999999999-", b"If-Modified-Since: \xff"),
]


def _routes() -> list[tuple[str, str]]:
    routes = Api(None).application().router.routes()  # type: ignore[arg-type]
    return sorted({(r.method, r.resource.canonical) for r in routes if r.resource is not None})


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, int]]:
    """A daemon, and the port of its API. At the end it must have logged no defect."""
    folder, port = tmp_path_factory.mktemp("junk"), free_port()
    (folder / "token").write_text("open-sesame\n")
    admin = f'socket = "admin.sock"\nlisten = "127.0.0.1:{port}"\ntoken_file = "token"\n'
    with (
        (folder / "log").open("wb") as log,
        serving(folder, log, "--log", "json", admin=admin) as running,
    ):
        yield running, port
        assert running.ask("GET", "/healthz")[0] == 200
        assert running.stop() == 0
    events = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert not [e for e in events if "exception" in e or e["level"] in ("error", "critical")]


def send(daemon: tuple[Running, int], unix: bool, request: bytes) -> int:
    """The status that a raw request gets; 400 where the connection is closed without one."""
    running, port = daemon
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as asking:
        asking.settimeout(TIMEOUT)
        asking.connect(str(running.folder / "admin.sock") if unix else ("127.0.0.1", port))
        asking.sendall(request)
        response = http.client.HTTPResponse(asking)
        try:
            response.begin()
            response.read()
        except (http.client.HTTPException, ConnectionError):
            return 400
        return response.status


def made(method: str, target: bytes, headers: list[bytes], body: bytes) -> bytes:
    """A request as octets."""
    rows = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: admin", *headers]
    rows += [b"Content-Length: %d" % len(body), b"Connection: close", b"", b""]
    return b"\r\n".join(rows) + body


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/override", "/drain"])
def test_a_body_that_is_junk_is_a_bad_request(
    daemon: tuple[Running, int], path: str, body: str
) -> None:
    assert send(daemon, True, made("POST", path.encode(), [], body.encode())) < 500


@pytest.mark.parametrize("unix", [True, False], ids=["socket", "port"])
@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_no_header_meets_a_defect(daemon: tuple[Running, int], header: bytes, unix: bool) -> None:
    for method, path in _routes():
        target = path.replace("{target}", "us-east").encode()
        body = b"{}" if method == "POST" else b""
        assert send(daemon, unix, made(method, target, [header], body)) < 500


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_no_query_meets_a_defect(daemon: tuple[Running, int], query: str) -> None:
    for method, path in _routes():
        if path != "/reload":
            target = path.replace("{target}", "%ff%00%2f") + "?" + query
            assert send(daemon, True, made(method, target.encode(), [], b"{}")) < 500


@pytest.mark.parametrize("kind", TYPES, ids=range(len(TYPES)))
def test_no_content_type_meets_a_defect(daemon: tuple[Running, int], kind: str) -> None:
    body = (ORDER % '"1s"').encode()
    header = b"Content-Type: " + kind.encode("latin-1")
    for path in (b"/override", b"/drain"):
        assert send(daemon, True, made("POST", path, [header], body)) < 500


_JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_ORDERS = st.fixed_dictionaries(
    {},
    optional={
        key: st.sampled_from(["us-east", "up", "drain", "1s", "1e999", ""]) | _JUNK
        for key in ("target", "region", "kind", "why", "who", "for", "force")
    },
)


@settings(max_examples=150)
@given(
    route=st.sampled_from([r for r in _routes() if r[1] != "/reload"]),
    target=st.text() | st.sampled_from(["us-east", "us-east-1"]),
    query=st.dictionaries(
        st.sampled_from(["name", "client", "region", "who", "yes"]),
        st.text() | st.sampled_from(["chat.inference.example", "::/0", "us-east"]),
    ).map(lambda d: "&".join(f"{k}={quote(v, errors='surrogatepass')}" for k, v in d.items()))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
    headers=st.lists(st.sampled_from(HEADERS), max_size=3),
    kind=st.sampled_from(TYPES),
    body=_ORDERS.map(lambda order: json.dumps(order).encode()) | st.binary(),
    unix=st.booleans(),
)
def test_no_request_meets_a_defect(
    daemon: tuple[Running, int],
    route: tuple[str, str],
    target: str,
    query: str,
    headers: list[bytes],
    kind: str,
    body: bytes,
    unix: bool,
) -> None:
    method, path = route
    path = path.replace("{target}", quote(target, safe="", errors="surrogatepass"))
    content = b"Content-Type: " + kind.encode("latin-1")
    request = made(method, f"{path}?{query}".encode(), [content, *headers], body)
    assert send(daemon, unix, request) < 500
