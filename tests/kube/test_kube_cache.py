"""List and watch as the API server speaks it: what is kept, and from where it goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.kube.cache import Cache, ExpiredError, ProtocolError


def _object(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "a", "name": name, "resourceVersion": str(version)},
        **more,
    }


def _page(version: int, *names: str) -> dict[str, Any]:
    return {
        "metadata": {"resourceVersion": str(version)},
        "items": [_object(name, version) for name in names],
    }


def _event(kind: str, each: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": each}).encode()


def _names(cache: Cache) -> set[str]:
    return {name for _, name in cache.objects}


def test_a_list_of_several_pages_is_one_list() -> None:
    cache = Cache()
    cache.take_list([_page(7, "x"), _page(7, "y")])
    assert (_names(cache), cache.version, cache.lists) == ({"x", "y"}, "7", 1)


def test_events_change_what_was_listed_and_a_bookmark_only_where_it_goes_on() -> None:
    cache = Cache()
    cache.take_list([_page(7, "x")])
    assert cache.take_event(_event("ADDED", _object("y", 8)))
    assert cache.take_event(_event("MODIFIED", _object("x", 9, spec=1)))
    assert not cache.take_event(_event("MODIFIED", _object("x", 9, spec=1)))
    assert cache.take_event(_event("DELETED", _object("y", 10)))
    assert not cache.take_event(_event("BOOKMARK", {"metadata": {"resourceVersion": "30"}}))
    assert (_names(cache), cache.version) == ({"x"}, "30")


@pytest.mark.parametrize("code", [410, 500])
def test_an_expired_version_wants_a_list_and_keeps_what_is_known(code: int) -> None:
    cache = Cache()
    cache.take_list([_page(7, "x")])
    status = {"kind": "Status", "code": code, "message": "too old resource version: 7 (9)"}
    with pytest.raises(ExpiredError if code == 410 else ProtocolError, match="too old"):
        cache.take_event(_event("ERROR", status))
    assert _names(cache) == {"x"}
    assert cache.version == ("" if code == 410 else "7")


@pytest.mark.parametrize(
    "line", [b"", b"{", b"null", b"[1]", b'{"type":"ADDED"}', b'{"type":"NEW","object":{}}']
)
def test_what_is_no_event_is_an_error_and_changes_nothing(line: bytes) -> None:
    cache = Cache()
    cache.take_list([_page(7, "x")])
    with pytest.raises(ProtocolError):
        cache.take_event(line)
    assert (_names(cache), cache.version) == ({"x"}, "7")


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [None],
        [{"kind": "Status", "code": 500}],
        [{"metadata": {"resourceVersion": "8"}, "items": None}],
        [_page(8), {"metadata": {"resourceVersion": "8"}}],
    ],
)
def test_what_is_no_list_never_empties_anything(pages: list[Any]) -> None:
    cache = Cache()
    cache.take_list([_page(7, "x")])
    with pytest.raises(ProtocolError):
        cache.take_list(pages)
    assert (_names(cache), cache.version, cache.lists) == ({"x"}, "7", 1)


def test_what_is_never_read_is_not_kept() -> None:
    cache = Cache()
    managed = _object("x", 7)
    managed["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    cache.take_list([{"metadata": {"resourceVersion": "7"}, "items": [managed]}])
    assert "managedFields" not in cache.objects["a", "x"]["metadata"]


_EDITS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 2)), max_size=12
)  # a name, and its next content, 0 for deletion


@given(_EDITS, st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_it_ends_as_the_server_does_wherever_watches_break(
    edits: list[tuple[str, int]], lost: set[int], bookmarks: set[int]
) -> None:
    """An API server of one dictionary, whose watch breaks at some edits and expires."""
    server: dict[str, int] = {}
    cache = Cache()
    cache.take_list([_page(1)])
    for version, (name, content) in enumerate(edits, 2):
        kind = "MODIFIED" if name in server else "ADDED"
        if not content:
            kind = "DELETED"
            if server.pop(name, None) is None:
                continue
        else:
            server[name] = content
        if version - 2 in lost:
            status = {"code": 410, "message": "too old"}
            with pytest.raises(ExpiredError):
                cache.take_event(_event("ERROR", status))
            items = [_object(each, version, spec=spec) for each, spec in server.items()]
            metadata = {"resourceVersion": str(version)}
            cache.take_list([{"metadata": metadata, "items": items}])
        else:
            cache.take_event(_event(kind, _object(name, version, spec=content)))
        if version - 2 in bookmarks:
            bookmark = {"metadata": {"resourceVersion": str(version)}}
            cache.take_event(_event("BOOKMARK", bookmark))
    known = {name: each["spec"] for (_, name), each in cache.objects.items()}
    assert known == server
