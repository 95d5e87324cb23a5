"""Who is it: reading `/v1/models`, and holding what a server tells against what it should; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resolverd.health.identity import Identity
from resolverd.health.outcome import Condition
from resolverd.health.probes.exchange import parse_json, printable

# A base model and its adapters; what comes beyond is not kept.
_MOST_MODELS = 100


@dataclass(frozen=True, slots=True)
class Expected:
    """What a server should be; empty and 0 are not compared, but `model` always is."""

    model: str
    max_model_len: int = 0
    version: str = ""
    fingerprint: str = ""


def read_identity(models: bytes, version: bytes | None, model: str) -> Identity | None:
    """What the bodies of `/v1/models` and `/version` tell; None where the first tells nothing.

    Root and length are those of the card of `model`, by its name or its root.
    """
    told = parse_json(models)
    cards = told.get("data") if isinstance(told, dict) else None
    if not isinstance(cards, list):
        return None
    cards = [card for card in cards[:_MOST_MODELS] if isinstance(card, dict)]
    names = tuple(name for card in cards if (name := printable(card.get("id"), 200)))
    if not names:
        return None
    mine = _card_of(model, cards)
    length = mine.get("max_model_len")
    release = parse_json(version) if version is not None else None
    return Identity(
        models=names,
        root=printable(mine.get("root"), 200),
        max_model_len=length if isinstance(length, int) and 0 < length < 1 << 40 else 0,
        version=printable(release.get("version")) if isinstance(release, dict) else "",
    )


def _card_of(model: str, cards: list[dict[str, Any]]) -> dict[str, Any]:
    for key in ("id", "root"):
        for card in cards:
            if card.get(key) == model:
                return card
    return cards[0]


def mismatch(identity: Identity, expected: Expected) -> tuple[Condition, str] | None:
    """What of a server is not as expected, if anything.

    Something else is the wrong model; what it should tell and does not is a failure like others.
    The fingerprint comes with a token, and so is not missed before there was one.
    """
    if expected.model not in (*identity.models, identity.root):
        serves = ", ".join(identity.models[:3])
        return Condition.WRONG_MODEL, f"serves {serves}, not {expected.model}"
    for name in ("max_model_len", "version", "fingerprint"):
        wanted, told = getattr(expected, name), getattr(identity, name)
        if wanted and told and told != wanted:
            return Condition.WRONG_MODEL, f"{name} is {told}, not {wanted}"
        if wanted and not told and name != "fingerprint":
            return Condition.NONE, f"does not tell its {name}"
    return None
