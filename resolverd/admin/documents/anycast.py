"""The documents of `resolverd anycast`: what is announced of the service addresses, and why not."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, Part, key

Phase = Literal["withdrawn", "raised", "announced"]


class ReasonPart(Part):
    """Why an address is not to be announced."""

    code: Literal["answer", "daemon", "faults", "isolated", "draining", "stopping", "plan"] = key(
        "Which reason it is."
    )
    text: str = key("The reason in words.")


class DrainPart(Part):
    """An operator's drain of this edge."""

    who: str = key("Who drained it.")
    why: str = key("Why; empty where nobody said.")
    at: str = key("When, ISO 8601 in UTC.")


class KeptPart(Part):
    """What is run with in the place of the file, which was refused at the start."""

    adopted_at: str = key("When what is run with was adopted, ISO 8601 in UTC.")
    problems: list[str] = key("Why the file was refused, with file, line and hint.")


class RoutePart(Part):
    """One service address."""

    address: str = key("The address.")
    state: Phase = key("What is announced of it, by the last proof.")
    since: str = key("Since when, ISO 8601 in UTC.")
    reasons: list[ReasonPart] = key("What speaks against announcing it; none where it is fit.")
    held: str | None = key("Why it stays announced although it should not be; null: it does not.")
    unproved: str | None = key("Why what speaks BGP does not have it as it should; null: it has.")
    proved_seconds_ago: float | None = key("Seconds since the last proof; null before the first.")
    announced_in_seconds: float | None = key(
        "Seconds for which it has to be fit yet; null where that is not what is waited for."
    )
    other_edges: int | None = key("Other edges that announce it; null where nobody is asked.")
    changes: dict[Phase, int] = key("How often it came to each state since the start.")


class AnycastDocument(Document):
    """`resolverd anycast --status --json`, and GET /state of that process."""

    version: str = key("Version of resolverd.")
    started: str = key("When the process started, ISO 8601 in UTC.")
    via: Literal["bird", "exabgp"] = key("What speaks BGP.")
    mode: Literal["withdraw", "metric"] = key("What is done first where this edge is not fit.")
    fit: bool = key("Whether nothing speaks against any address.")
    reasons: list[ReasonPart] = key("What speaks against all addresses of this edge.")
    drained: DrainPart | None = key("The drain in force; null without one.")
    kept: KeptPart | None = key("What is run with in the place of the file; null: the file.")
    addresses: list[RoutePart] = key("The service addresses, as they are configured.")


class WithdrawnDocument(Document):
    """`resolverd anycast --drain` and `--stop`, once queries have ebbed."""

    withdrawn: list[str] = key("The addresses that were announced before.")
    kept_over_restarts: bool = key(
        "Whether they stay withdrawn over a restart of the process; not where it has no state."
    )


class UndrainedDocument(Document):
    """`resolverd anycast --undrain`."""

    drained: bool = key("Whether there was a drain to end.")
