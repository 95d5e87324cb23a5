"""Which words are in force at one edge: what the fleet says, and what was said here alone; pure.

Of the words on one target those to all edges and those to this one count, and of these the newest:
what is still to be written before all that was written, else the higher revision. What is said here
holds at once and is *pending* until the fleet has it; it is written only if the key still has the
revision that it was said upon. Has somebody else written meanwhile, the fleet's word stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from resolverd.config.fleet import EVERY_EDGE
from resolverd.fleet.word import Address, Word, document_of, word_of


class Said(NamedTuple):
    """What the fleet says at an address since `revision`; None: nothing, it was cleared."""

    word: Word | None
    revision: int


class Pending(NamedTuple):
    """What was said here upon the revision `upon` (0: upon none); None clears.

    `tried` are words that it replaces and that were to be written before: one of them may have
    been, for all we know, and is nobody else's.
    """

    word: Word | None
    upon: int
    tried: tuple[Word, ...] = ()


class InForce(NamedTuple):
    """A word that holds here, to whom it was said, and whether the fleet has it not yet."""

    word: Word
    scope: str
    pending: bool


class Effect(Enum):
    """What hearing of a change meant for what was pending at its address."""

    NONE = "nothing was pending, or it still is"
    WRITTEN = "it is what was pending"
    LOST = "somebody else's word stands instead"


class WordTable:
    """The words as the edge called `edge` knows them, of the bucket `made` then (empty: none)."""

    def __init__(self, edge: str) -> None:
        self.edge = edge
        self.made = ""
        self.said: dict[Address, Said] = {}
        self.pending: dict[Address, Pending] = {}

    def say(self, address: Address, word: Word | None) -> None:
        """Say `word` here, to be written; None clears. One to all replaces those to edges."""
        others = self._on(address.target) if address.to_all else []
        for other in (address, *others):
            self._say(other, word if other == address else None)

    def hear(self, address: Address, said: Said) -> Effect:
        """Take in what the fleet says; of what is pending there only one of the two stays."""
        before = self.said.get(address)
        if before is not None and before.revision >= said.revision:
            return Effect.NONE
        self.said[address] = said
        pending = self.pending.get(address)
        if pending is None or said.revision <= pending.upon:
            return Effect.NONE
        if pending.word != said.word and said.word in pending.tried:
            self.pending[address] = pending._replace(upon=said.revision)
            return Effect.NONE
        del self.pending[address]
        return Effect.WRITTEN if pending.word == said.word else Effect.LOST

    def written(self, address: Address, pending: Pending, revision: int) -> None:
        """The fleet has `pending` at `revision`."""
        if self.pending.get(address) == pending:
            del self.pending[address]
        before = self.said.get(address)
        if before is None or before.revision < revision:
            self.said[address] = Said(pending.word, revision)

    def in_force(self, unix: float) -> dict[str, InForce]:
        """What holds here at `unix` (seconds), by target."""
        newest: dict[str, tuple[tuple[bool, int], InForce]] = {}
        for address in {*self.said, *self.pending}:
            if address.scope not in (EVERY_EDGE, self.edge):
                continue
            pending, said = self.pending.get(address), self.said.get(address)
            word = pending.word if pending else said.word if said else None
            if word is None or word.over(unix):
                continue
            age = (pending is not None, said.revision if said else 0)
            known = newest.get(address.target)
            if known is None or known[0] < age:
                newest[address.target] = age, InForce(word, address.scope, pending is not None)
        return {target: found for target, (_, found) in newest.items()}

    def next_end(self, unix: float) -> float | None:
        """When the next word here ends by itself, after `unix`; None where none does."""
        words = [said.word for said in self.said.values()]
        words += [pending.word for pending in self.pending.values()]
        return min((w.until for w in words if w and w.until and w.until > unix), default=None)

    def over(self, unix: float) -> list[Address]:
        """The addresses of words that were over at `unix`, which the fleet still keeps."""
        return [a for a, s in self.said.items() if s.word is not None and s.word.over(unix)]

    def begin(self, made: str) -> None:
        """The bucket is that of `made`: if it is another one, what was known is said again."""
        if self.made and self.made != made:
            known = {a: s.word for a, s in self.said.items() if s.word is not None}
            self.said.clear()
            said_here = {a: p.word for a, p in self.pending.items()}
            self.pending = {
                a: Pending(word, 0) for a, word in {**known, **said_here}.items() if word
            }
        self.made = made

    def adopt(self, words: Mapping[str, Word]) -> None:
        """Words of a time without a fleet, by target: they were said to this edge alone."""
        for target, word in words.items():
            address = Address(self.edge, target)
            if not any(address in known for known in (self.said, self.pending)):
                self.pending[address] = Pending(word, 0)

    def kept(self) -> dict[str, Any]:
        """All of it as JSON, for the next process."""
        return {
            "made": self.made,
            "said": [
                _kept(a, s.word, s.revision)
                for a, s in sorted(self.said.items(), key=lambda item: item[0])
            ],
            "pending": [
                {**_kept(a, p.word, p.upon), "tried": [document_of(word) for word in p.tried]}
                for a, p in sorted(self.pending.items(), key=lambda item: item[0])
            ],
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """What `kept` made. Raises ValueError, and knows nothing then."""
        try:
            said = {a: Said(word, n) for a, word, n in map(_restored, document["said"])}
            pending = {
                address: Pending(word, upon, tuple(map(word_of, record["tried"])))
                for record in document["pending"]
                for address, word, upon in (_restored(record),)
            }
            made = str(document["made"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is damaged: {type(error).__name__}: {error}") from error
        self.made, self.said, self.pending = made, said, pending

    def _say(self, address: Address, word: Word | None) -> None:
        said, before = self.said.get(address), self.pending.get(address)
        if word is None and before is None and (said is None or said.word is None):
            return  # there is nothing to clear
        if before is None:
            self.pending[address] = Pending(word, said.revision if said else 0)
        else:
            tried = (*before.tried, before.word) if before.word else before.tried
            self.pending[address] = Pending(word, before.upon, tried)

    def _on(self, target: str) -> Iterable[Address]:
        addresses = [a for a in {*self.said, *self.pending} if a.target == target]
        return [address for address in addresses if not address.to_all]


def _kept(address: Address, word: Word | None, revision: int) -> dict[str, Any]:
    return {
        "scope": address.scope,
        "target": address.target,
        "word": None if word is None else document_of(word),
        "revision": revision,
    }


def _restored(record: Any) -> tuple[Address, Word | None, int]:
    word, revision = record["word"], record["revision"]
    if isinstance(revision, bool) or not isinstance(revision, int):
        raise TypeError("a revision is a whole number")
    address = Address(str(record["scope"]), str(record["target"]))
    return address, None if word is None else word_of(word), revision
