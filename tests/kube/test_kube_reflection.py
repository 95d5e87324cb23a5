"""List and watch as the API server speaks it: what is kept, and from where it goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.kube.reflection import ExpiredError, ProtocolError, Reflection


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


def _names(reflection: Reflection) -> set[str]:
    return {name for _, name in reflection.objects}


def test_a_list_of_several_pages_is_one_list() -> None:
    reflection = Reflection()
    reflection.take_list([_page(7, "x"), _page(7, "y")])
    assert (_names(reflection), reflection.version, reflection.lists) == ({"x", "y"}, "7", 1)


def test_events_change_what_was_listed_and_a_bookmark_only_where_it_goes_on() -> None:
    reflection = Reflection()
    reflection.take_list([_page(7, "x")])
    assert reflection.take_event(_event("ADDED", _object("y", 8)))
    assert reflection.take_event(_event("MODIFIED", _object("x", 9, spec=1)))
    assert not reflection.take_event(_event("MODIFIED", _object("x", 9, spec=1)))
    assert reflection.take_event(_event("DELETED", _object("y", 10)))
    assert not reflection.take_event(_event("BOOKMARK", {"metadata": {"resourceVersion": "30"}}))
    assert (_names(reflection), reflection.version) == ({"x"}, "30")


@pytest.mark.parametrize("code", [410, 500])
def test_an_expired_version_wants_a_list_and_keeps_what_is_known(code: int) -> None:
    reflection = Reflection()
    reflection.take_list([_page(7, "x")])
    status = {"kind": "Status", "code": code, "message": "too old resource version: 7 (9)"}
    with pytest.raises(ExpiredError if code == 410 else ProtocolError, match="too old"):
        reflection.take_event(_event("ERROR", status))
    assert _names(reflection) == {"x"}
    assert reflection.version == ("" if code == 410 else "7")


@pytest.mark.parametrize(
    "line", [b"", b"{", b"null", b"[1]", b'{"type":"ADDED"}', b'{"type":"NEW","object":{}}']
)
def test_what_is_no_event_is_an_error_and_changes_nothing(line: bytes) -> None:
    reflection = Reflection()
    reflection.take_list([_page(7, "x")])
    with pytest.raises(ProtocolError):
        reflection.take_event(line)
    assert (_names(reflection), reflection.version) == ({"x"}, "7")


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
    reflection = Reflection()
    reflection.take_list([_page(7, "x")])
    with pytest.raises(ProtocolError):
        reflection.take_list(pages)
    assert (_names(reflection), reflection.version, reflection.lists) == ({"x"}, "7", 1)


def test_what_is_never_read_is_not_kept() -> None:
    reflection = Reflection()
    managed = _object("x", 7)
    managed["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    reflection.take_list([{"metadata": {"resourceVersion": "7"}, "items": [managed]}])
    assert "managedFields" not in reflection.objects["a", "x"]["metadata"]


_EDITS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 2)), max_size=12
)  # a name, and its next content, 0 for deletion


@given(_EDITS, st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_it_ends_as_the_server_does_wherever_watches_break(
    edits: list[tuple[str, int]], lost: set[int], bookmarks: set[int]
) -> None:
    """An API server of one dictionary, whose watch breaks at some edits and expires."""
    server: dict[str, int] = {}
    reflection = Reflection()
    reflection.take_list([_page(1)])
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
                reflection.take_event(_event("ERROR", status))
            items = [_object(each, version, spec=spec) for each, spec in server.items()]
            metadata = {"resourceVersion": str(version)}
            reflection.take_list([{"metadata": metadata, "items": items}])
        else:
            reflection.take_event(_event(kind, _object(name, version, spec=content)))
        if version - 2 in bookmarks:
            bookmark = {"metadata": {"resourceVersion": str(version)}}
            reflection.take_event(_event("BOOKMARK", bookmark))
    known = {name: each["spec"] for (_, name), each in reflection.objects.items()}
    assert known == server
