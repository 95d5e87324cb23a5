"""Who a server says it is, and who of several says something else; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

NO_MAJORITY = "no majority"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an inference server serves. Empty and 0 are what it did not tell.

    `models` are the names that it answers to, `root` where the weights of the one it was asked for
    came from, `max_model_len` its longest context in tokens, `version` the server's own,
    `fingerprint` what it says of its whole configuration (OpenAI's `system_fingerprint`).
    """

    models: tuple[str, ...] = ()
    root: str = ""
    max_model_len: int = 0
    version: str = ""
    fingerprint: str = ""

    @property
    def listed(self) -> bool:
        """Whether it may come from a list of models; a token alone has but the fingerprint."""
        return bool(self.root or self.max_model_len or self.version) or not self.fingerprint


class Difference(NamedTuple):
    """One server that tells of `field` something else than most of its peers."""

    field: str
    value: str
    majority: str


def differences(
    identities: Mapping[str, Identity], fields: Sequence[str]
) -> dict[str, list[Difference]]:
    """Those who differ from the majority of the others in one of `fields`, by their key.

    What a server does not tell is not compared. Where no value has more than half of the votes,
    nobody can say who is wrong: everybody is listed, against `NO_MAJORITY`.
    """
    found: dict[str, list[Difference]] = {}
    for field in fields:
        votes = {
            key: value for key, identity in identities.items() if (value := told(identity, field))
        }
        if len(set(votes.values())) < 2:
            continue
        value, count = Counter(votes.values()).most_common(1)[0]
        majority = value if 2 * count > len(votes) else NO_MAJORITY
        for key, value in votes.items():
            if value != majority:
                found.setdefault(key, []).append(Difference(field, value, majority))
    return found


def told(identity: Identity, field: str) -> str:
    """What a server says of `field`, in words; empty where it does not tell."""
    value = getattr(identity, field)
    return str(value) if value else ""
