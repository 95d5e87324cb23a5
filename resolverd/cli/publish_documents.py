"""What `resolverd publish` prints with `--json`."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, Part, key


class TermsPart(Part):
    """On what a generation goes through the fleet."""

    proof: float = key("Seconds for which an edge proves itself.")
    patience: float = key("Seconds that its report is waited for beyond these.")
    canaries: list[str] = key("The edges of the first wave that were named; empty for none.")
    shares: list[float] = key("The waves after it: a count from 1 on, or a share of all edges.")
    limits: dict[str, float] = key("The most that a proof may show, by figure.")
    accept_losses: bool = key("Whether it may take away what is served.")


class EdgeReportPart(Part):
    """What an edge says of the generation on trial."""

    state: Literal["taken", "proved", "failed"] = key("How far it has come.")
    why: str = key("Why it failed; empty where it has not.")
    figures: dict[str, float] = key("The figures of its proof.")


class PublishedGenerationPart(Part):
    """One generation."""

    number: int = key("Its number.")
    digest: str = key("The SHA-256 of its set.")
    author: str = key("Who published it.")
    note: str = key("Why.")
    at: str = key("When, ISO 8601 in UTC, by its author's clock.")
    octets: int = key("The size of what is kept of it, compressed.")
    files: int = key("Files in it.")
    again: int = key("The earlier generation whose set it has; 0 for none.")
    outcome: Literal["on trial", "completed", "returned", "aborted"] = key("What became of it.")
    why: str = key("Why it was returned or aborted; else empty.")
    served: bool = key("Whether every edge is to serve it.")
    terms: TermsPart = key("On what it goes through the fleet.")
    waves: list[list[str]] = key("The edges of each wave so far; empty unless it is on trial.")
    reports: dict[str, EdgeReportPart] = key("Their reports; empty unless it is on trial.")


class PublishedDocument(Document, PublishedGenerationPart):
    """`resolverd publish --json`, of a new set or with --to, once it ended or, unwaited, began."""

    left_out: list[str] = key("What belongs to it and is each edge's own, in words.")


class GenerationDocument(Document, PublishedGenerationPart):
    """`resolverd publish --show NUMBER --json`."""

    sizes: dict[str, int] = key("Octets of each of its files.")


class PublishedEdgePart(Part):
    """What an edge has said last."""

    edge: str = key("Its name.")
    serves: int = key("The number of the generation that it serves; 0 for none.")
    digest: str = key("The SHA-256 of its set; empty for none.")
    canary: bool = key("Whether it is a canary.")
    stopped: bool = key("Whether it has said that it stops.")
    live: bool = key("Whether it was heard within the last seconds.")
    trouble: str = key("Why it does not serve what it is to; else empty.")


class GenerationsDocument(Document):
    """`resolverd publish --list --json`."""

    completed: int = key("The number that every edge is to serve; 0 before any is completed.")
    generations: list[PublishedGenerationPart] = key("All that are remembered, the oldest first.")
    edges: list[PublishedEdgePart] = key("All edges that have ever said something.")


class AbortedDocument(Document):
    """`resolverd publish --abort --json`."""

    aborted: int | None = key("The generation whose trial was ended; null where there was none.")
