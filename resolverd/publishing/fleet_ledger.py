"""The ledger and what each edge serves, in the fleet's store.

    generations.ledger          the ledger (`model.py`)
    generations.edges.<edge>    {"serves": 7, "digest": "…", "canary": false,
                                "stopped": false, "trouble": ""}

The archive of a set is an object whose name is the set's digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from resolverd import log
from resolverd.fleet.names import key, key_parts
from resolverd.fleet.store import Entry, Store
from resolverd.health.untrusted_json import parse_json
from resolverd.publishing.model import Ledger, LedgerError, read, written

PREFIX = "generations."
LEDGER = f"{PREFIX}ledger"
_EDGES = f"{PREFIX}edges."


class FleetLedger:
    """The newest `ledger` that `store` has heard; one that cannot be read leaves the last one."""

    def __init__(self, store: Store) -> None:
        self.ledger = Ledger()
        self.trouble = ""
        self._store = store
        self._revision, self._made = 0, ""
        self._said: dict[str, bytes] = {}

    def follow(self, heard: Callable[[], None]) -> None:
        """Keep `ledger` as it changes; `heard` is told of that and of other edges' changes."""

        def note(entry: Entry) -> None:
            if entry.key == LEDGER:
                self._note(entry)
            heard()

        self._store.follow(PREFIX, note)

    def read(self) -> None:
        """Take what has been heard, for those who do not follow."""
        if (entry := self._store.known(LEDGER).get(LEDGER)) is not None:
            self._note(entry)

    async def write(self, ledger: Ledger) -> None:
        """Put `ledger` in the place of the one heard last. Raises FleetConflict, FleetUnavailable.

        After FleetUnavailable it may have been written: what is heard tells.
        """
        revision = await self._store.put(LEDGER, written(ledger), revision=self._revision)
        if revision > self._revision:
            self.ledger, self._revision = ledger, revision

    async def say_edge(self, edge: str, document: Mapping[str, Any]) -> None:
        """Say what `edge` serves, where that is not known yet. Raises FleetUnavailable."""
        content = json.dumps(document, sort_keys=True).encode()
        name = key("generations", "edges", edge)
        entry = self._store.known(name).get(name)
        if self._said.get(edge) == content and entry is not None and entry.value == content:
            return
        await self._store.put(name, content)
        self._said[edge] = content

    def edges(self) -> dict[str, dict[str, Any]]:
        """What each edge has said last, those away too."""
        found: dict[str, dict[str, Any]] = {}
        for name, entry in self._store.known(_EDGES).items():
            try:
                row = parse_json(entry.value or b"")
                edge = key_parts(name)[2]
            except (ValueError, IndexError, RecursionError):
                continue  # written by hand, or by another release
            if isinstance(row, dict):
                found[edge] = row
        return found

    def _note(self, entry: Entry) -> None:
        if self._store.made != self._made:  # another bucket, whose revisions begin again
            self._revision, self._made = 0, self._store.made
        if entry.revision <= self._revision:
            return
        try:
            self.ledger, self._revision = read(entry.value), entry.revision
        except LedgerError as error:
            if str(error) != self.trouble:
                log.get("generations").error("generation.ledger_unreadable", reason=str(error))
            self.trouble = str(error)
        else:
            self.trouble = ""
