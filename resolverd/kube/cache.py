"""What an API server has of one kind of object, followed by list and watch; no I/O.

    list ─► every object, and a resourceVersion ─► watch from there ─► ADDED, MODIFIED, DELETED,
      ▲                                                                BOOKMARK (a later version)
      └────────────── 410 Gone: that version is known no more ◄────────────┘

Objects are kept while nothing is heard, and replaced as a whole by a list alone: one that was
deleted in a gap is missing from the next list, and no watch would tell of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from resolverd.kube.objects import Key, Object, get, key_of, rows, text

_GONE = 410
# What is never read, and is most of many objects.
_NEVER_READ = ("managedFields",)


class ExpiredError(Exception):
    """The version that was watched from is known no more: everything has to be listed again."""


class ProtocolError(Exception):
    """What was said is no list or no event of the API; the message quotes it."""


class Cache:
    """The objects of one kind. `version` is where a watch begins; empty means to list first.

    `lists` counts the lists that were taken in; until the first nothing is known.
    """

    def __init__(self) -> None:
        self.objects: Mapping[Key, Object] = {}
        self.version = ""
        self.lists = 0

    def take_list(self, pages: Iterable[object]) -> None:
        """Take in a whole list, page by page.

        Raises ProtocolError where it is none; what was known before then holds on.
        """
        found: dict[Key, Object] = {}
        version = ""
        for page in pages:
            version = text(page, "metadata", "resourceVersion")
            if not version or not isinstance(get(page, "items"), list):
                raise ProtocolError(f"no list: {_excerpt(page)}")
            found |= {key_of(each): _kept(each) for each in rows(page, "items")}
        if not version:
            raise ProtocolError("a list without a page")
        self.objects, self.version = found, version
        self.lists += 1

    def take_none(self) -> None:
        """Take in that there is no such kind; it has no version to watch from."""
        self.objects, self.version = {}, ""
        self.lists += 1

    def take_event(self, line: bytes) -> bool:
        """Take in one line of a watch. Returns whether anything is otherwise than before.

        Raises ExpiredError, or ProtocolError for another error or what is no event.
        """
        try:
            event = json.loads(line)
        except ValueError as error:
            raise ProtocolError(f"no event: {line[:200]!r}") from error
        kind, each = text(event, "type"), get(event, "object")
        if kind == "ERROR":
            self._refused(each)
        version = text(each, "metadata", "resourceVersion")
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not version:
            raise ProtocolError(f"no event: {_excerpt(event)}")
        self.version = version
        if kind == "BOOKMARK":
            return False
        objects, key = dict(self.objects), key_of(each)
        before = objects.pop(key, None)
        if kind != "DELETED":
            objects[key] = _kept(each)
        self.objects = objects
        return before != objects.get(key)

    def forget_version(self) -> None:
        """List again before the next watch; the objects are kept until then."""
        self.version = ""

    def _refused(self, status: object) -> None:
        if get(status, "code") == _GONE:
            self.forget_version()
            raise ExpiredError(text(status, "message"))
        raise ProtocolError(text(status, "message") or _excerpt(status))


def _kept(each: Object) -> Object:
    metadata = get(each, "metadata")
    kept: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    return {**each, "metadata": {k: v for k, v in kept.items() if k not in _NEVER_READ}}


def _excerpt(document: object) -> str:
    return json.dumps(document)[:200]
