"""Who is it: reading `/v1/models`, and holding what a server tells against what it should; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resolverd.health.identity import Identity
from resolverd.health.outcome import Condition
from resolverd.health.probes.exchange import printable
from resolverd.health.untrusted_json import parse_json

# A base model and its adapters; of more, all are read and so many are kept.
_MAX_MODELS = 100
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Expected:
    """What a server should be; empty and 0 are not compared, but `model` always is."""

    model: str
    max_model_len: int = 0
    version: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What `/v1/models` says. `identity` is None where it names nobody.

    `empty` is a list without a model, as of a gateway that has no server left; `serves` whether
    the model asked for is on it, by name or root; `names` those by which its samples in a page of
    metrics may go.
    """

    identity: Identity | None = None
    empty: bool = False
    serves: bool = False
    names: frozenset[str] = frozenset()


def read_identity(models: bytes, version: bytes | None, model: str) -> Identity | None:
    """What the bodies of `/v1/models` and `/version` tell; None where the first tells nothing."""
    return read_listing(models, version, model).identity


def read_listing(models: bytes, version: bytes | None, model: str) -> Listing:
    """What the bodies of `/v1/models` and `/version` tell of `model`.

    Root and length are those of its card, found by name, then by root; an adapter's card that
    tells no length has that of its parent, or else of the first base model (vLLM's LoRA cards).
    """
    document = parse_json(models)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        return Listing()
    cards = [c for c in data if isinstance(c, dict) and isinstance(c.get("id"), str) and c["id"]]
    if not cards:
        return Listing(empty=not data)
    found = _card_of(model, cards)
    mine = found or cards[0]
    shown = cards[:_MAX_MODELS]
    if not any(card is mine for card in shown):
        shown[-1] = mine
    release = parse_json(version) if version is not None else None
    identity = Identity(
        models=tuple(printable(card["id"], _LONGEST_NAME) for card in shown),
        root=printable(mine.get("root"), _LONGEST_NAME),
        max_model_len=_length(mine, cards),
        version=printable(release.get("version")) if isinstance(release, dict) else "",
    )
    return Listing(identity, serves=found is not None, names=_names(mine, cards))


def _card_of(model: str, cards: list[dict[str, Any]]) -> dict[str, Any] | None:
    for key in ("id", "root"):
        for card in cards:
            if card.get(key) == model:
                return card
    return None


def _parent(card: dict[str, Any], cards: list[dict[str, Any]]) -> dict[str, Any] | None:
    parent = card.get("parent")
    return _card_of(parent, cards) if isinstance(parent, str) and parent else None


def _length(card: dict[str, Any], cards: list[dict[str, Any]]) -> int:
    base = next((other for other in cards if not other.get("parent")), None)
    adapter = bool(card.get("parent"))
    for source in (card, _parent(card, cards), base if adapter else None):
        length = source.get("max_model_len") if source else None
        if isinstance(length, int) and not isinstance(length, bool) and 0 < length < 1 << 40:
            return length
    return 0


def _names(card: dict[str, Any], cards: list[dict[str, Any]]) -> frozenset[str]:
    """The card's name and root, its parent's, and those of all cards of the same weights."""
    parent = _parent(card, cards)
    kin = [card] if parent is None else [card, parent]
    roots = {root for card in kin if isinstance(root := card.get("root"), str) and root}
    kin += [card for card in cards if isinstance(root := card.get("root"), str) and root in roots]
    return frozenset(str(card["id"]) for card in kin) | roots


def mismatch(
    identity: Identity, expected: Expected, *, serves: bool | None = None
) -> tuple[Condition, str] | None:
    """What of a server is not as expected, if anything; `serves` is its listing's, if there is one.

    Something else is the wrong model; what it should tell and does not is a failure like others.
    The fingerprint comes with a token, and so is not missed before there was one.
    """
    if serves is None:
        model = printable(expected.model, _LONGEST_NAME)
        serves = model in (*identity.models, identity.root)
    if not serves:
        shown = ", ".join(identity.models[:3])
        return Condition.WRONG_MODEL, f"serves {shown}, not {printable(expected.model)}"
    for name in ("max_model_len", "version", "fingerprint"):
        wanted, served = getattr(expected, name), getattr(identity, name)
        wanted = printable(wanted) if isinstance(wanted, str) else wanted
        if wanted and served and served != wanted:
            return Condition.WRONG_MODEL, f"{name} is {served}, not {wanted}"
        if wanted and not served and name != "fingerprint":
            return Condition.NONE, f"does not tell its {name}"
    return None
