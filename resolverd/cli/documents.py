"""What each verb prints with `--json`, as typed models; docs/http-api.md lists them.

Verbs that pass on a document of the API have that one. `demo` prints one of its documents a line.
"""

from __future__ import annotations

from typing import Any, Literal

from resolverd.admin.documents.actions import (
    ClearedDocument,
    DrainedDocument,
    EmptiedPart,
    ExplanationPart,
    OverriddenDocument,
    SpillRuleClearedDocument,
    SpillRuleSetDocument,
)
from resolverd.admin.documents.anycast import (
    AnycastDocument,
    UndrainedDocument,
    WithdrawnDocument,
)
from resolverd.admin.documents.base import Document, Part, ProblemPart, key
from resolverd.admin.documents.reload import ChangesPart, ForecastDocument, OutdatedPart
from resolverd.admin.documents.round_trips import RoundTripsDocument
from resolverd.admin.documents.state import StateDocument
from resolverd.cli.demo_documents import LINES
from resolverd.cli.plan_json import PlanDocument
from resolverd.cli.publish_documents import (
    AbortedDocument,
    GenerationDocument,
    GenerationsDocument,
    PublishedDocument,
)


class FencePart(EmptiedPart):
    """The regions of a service that the clients of some pins may have."""

    regions: list[str] = key("The regions.")
    may_fail: int = key("How many of them may be down while the last still answers.")


class CoveragePart(Part):
    """What share of the address space that the databases place one pin of a service holds for."""

    service: str = key("The service.")
    pin: str = key("The pin; empty for clients without one.")
    ipv4_ratio: float | None = key(
        "Of IPv4, from 0 to 1; null where the databases place nothing of it."
    )
    ipv6_ratio: float | None = key("Of IPv6, likewise.")


class GroupPart(Part):
    """A group of countries by law that a pin names."""

    pin: str = key("The pin.")
    group: str = key("The group.")
    as_of: str = key("Up to which day the law was looked at, ISO 8601.")
    source: str = key("The law.")
    countries: list[str] = key("Its countries, ISO 3166-1 alpha-2.")


class CheckDocument(Document):
    """`resolverd check --json`."""

    served: bool = key("Whether the files would be served.")
    problems: list[ProblemPart] = key("What was found in them.")
    fences: list[FencePart] = key("Each fence; empty where the files have errors.")
    coverage: list[CoveragePart] | None = key("What pins cover; null unless --coverage asks.")
    groups: list[GroupPart] = key("Each group of each pin; empty where the files have errors.")
    restart: str | None = key("What a restart would do with them; null where it would serve them.")
    reload: ForecastDocument | None = key(
        "What the running daemon would do with them; null where none serves these files."
    )


class ImportedFilePart(Part):
    """One zone file that another server serves."""

    file: str = key("The file.")
    zone: str | None = key("Its apex; null where it could not be read.")
    records: int = key("Records in it.")
    signed: bool = key("Whether it is signed with DNSSEC.")
    findings: dict[str, list[ProblemPart]] = key("What would be otherwise here, by kind.")


class ImportDocument(Document):
    """`resolverd check --import FILE --json`."""

    files: list[ImportedFilePart] = key("The files, in the order given.")


class FindingPart(Part):
    """What one check of the host found."""

    id: str = key("Name of the check.")
    level: Literal["ok", "advice", "warning", "fault"] = key("How bad it is.")
    seen: str = key("What was seen, with units.")
    hint: str = key("A command that corrects it; empty where nothing is to be corrected.")


class DoctorDocument(Document):
    """`resolverd doctor --json`."""

    config: str | None = key("The configuration examined, if any.")
    engine: str = key("The engine that would serve.")
    worst: Literal["ok", "advice", "warning", "fault"] = key("The worst level found.")
    findings: list[FindingPart] = key("What was found.")


class ExplainedDocument(Document, ExplanationPart):
    """`resolverd explain --json`."""

    source: str = key("What was asked: the running daemon, or the files.")
    verdicts: dict[str, str] = key("State and reason by region.")


class DrainDocument(Document):
    """`resolverd drain --json`."""

    region: str = key("The region.")
    safe: bool = key(
        "Whether the last TTL has run out, and every edge of a fleet obeys; never with --edge."
    )
    safe_at: str = key("When it runs out on the last edge host, ISO 8601 in UTC.")
    wait_seconds: float = key("Seconds from the drain until then.")
    edges: list[DrainedDocument] = key("What each edge host's daemon said.")


class ReloadDocument(Document):
    """`resolverd reload --json`."""

    adopted: bool = key("Whether all of the files is served, but for what `needs_restart` has.")
    generation: int = key("Generation of the Plan served.")
    needs_restart: list[str] = key(
        "Options that were adopted and take effect at the next start, as dotted keys."
    )
    problems: list[ProblemPart] = key("What was refused or held, else the warnings.")
    changed: ChangesPart | None = key("What it changed; null where a defect was met.")
    outdated: list[OutdatedPart] = key("Parts in an older state than their files.")
    warnings: list[ProblemPart] = key("Warnings of what is served.")


class ReloadFailedDocument(ReloadDocument):
    """`resolverd reload --json` with exit code 1."""

    reason: str | None = key("Why, where no problem says so.")


class OptionPart(Part):
    """One option of the configuration."""

    table: str = key("Its table.")
    option: str = key("Its name.")
    type: str = key("Its type, in words.")
    unit: str | None = key("Its unit; null where it has none.")
    minimum: float | None = key("The minimum, in `unit`.")
    maximum: float | None = key("The maximum, in `unit`.")
    required: bool = key("Whether it must be written.")
    default: Any = key("Its default, in `unit`; null where there is none.")
    doc: str = key("What it is.")


class TemplateDocument(Document):
    """`resolverd template --json`."""

    options: list[OptionPart] = key("Every option.")


class AddressPart(Part):
    """Where an address is taken to be; null is what is not known."""

    address: str = key("The address.")
    network: str = key("The network around it of which the same is known.")
    country: str | None = key("ISO 3166 code of its country.")
    latitude: float | None = key("Degrees north of the equator; south is negative.")
    longitude: float | None = key("Degrees east of Greenwich; west is negative.")
    accuracy_radius_km: float | None = key(
        "How exact the database says that is, km; null where it does not."
    )
    doubt: str = key("Why only the country is taken as sure; empty where all of it is.")
    asn: int | None = key("The number of its autonomous system, where an ASN database tells.")
    source: str | None = key("The database that has it.")


class LookupDocument(Document):
    """`resolverd geo lookup --json`."""

    addresses: list[AddressPart] = key("The addresses, in the order given.")


class StepPart(Part):
    """One step of a rollout that was done."""

    region: str = key("The region.")
    step: str = key("The step.")
    what: str = key("What it came to.")


class FailurePart(Part):
    """The step of a rollout that failed."""

    region: str = key("The region.")
    step: str = key("The step.")
    why: str = key("Why.")
    drained: bool = key("Whether the region stays drained, or may.")


class RolloutDocument(Document):
    """`resolverd rollout --json`."""

    done: bool = key("Whether every region has the new version, verified.")
    checkpoint: str = key("The file with how far it came.")
    steps: list[StepPart] = key("The steps done by this command.")
    failure: FailurePart | None = key("The step that failed, if any.")


class RolloutPlanDocument(Document):
    """`resolverd rollout --plan --json`."""

    service: str = key("The service.")
    version: str = key("The version that it is to have.")
    regions: list[str] = key("The regions that are left, in order.")


class LeftOutPart(Part):
    """An object of a cluster that stands for a service here, and gives no endpoint."""

    object: str = key("Its kind, namespace and name.")
    reason: str = key("Why.")
    hint: str = key("What to do about it; empty where it has to be waited for.")


class KubeDocument(Document):
    """`resolverd kube --json`: of --once and --dry-run one, else one whenever something is new."""

    state: Literal["written", "unchanged", "held", "refused", "checked"] = key(
        "What became of the fragment; checked is one that --dry-run would write."
    )
    file: str = key("The fragment's file.")
    fragment: Any = key(
        "What the cluster says, as a fragment; null where the configuration cannot be read."
    )
    left_out: list[LeftOutPart] = key("Objects that give no endpoint.")
    problems: list[ProblemPart] = key("Why it is held or refused, else what is found of it.")


class ExcessPart(Part):
    """Milliseconds above the best region, over all clients."""

    mean_ms: float = key("Their mean.")
    p95_ms: float = key("What 95 % of the clients do not exceed.")
    p99_ms: float = key("What 99 % of the clients do not exceed.")
    worst_ms: float = key("The most that a client loses.")
    within_2_ms_ratio: float = key("Share of the clients that lose 2 ms at most, 0 to 1.")


class ExcessOfDrawsPart(ExcessPart):
    """Milliseconds above the best region, over all clients of all draws."""

    worst_draw_ms: float = key("The greatest mean of a draw.")


class EvaluationDocument(Document):
    """`resolverd rtt --evaluate --json`."""

    regions: dict[str, str] = key("The id of the city of each region.")
    clients: int = key("Cities that asked: those that were measured to all regions.")
    edges: int | None = key("Edges in each draw; null where all that is known was used.")
    seed: int = key("Of the first draw.")
    policies: dict[str, ExcessOfDrawsPart] = key(
        "nearest, inverse-distance, latency and own-network, over all draws."
    )
    draws: list[dict[str, ExcessPart]] = key("Each policy in each draw.")


VERBS: dict[str, tuple[type[Document], ...]] = {
    "anycast --drain": (WithdrawnDocument,),
    "anycast --status": (AnycastDocument,),
    "anycast --stop": (WithdrawnDocument,),
    "anycast --undrain": (UndrainedDocument,),
    "check": (CheckDocument,),
    "check --import": (ImportDocument,),
    "clear": (ClearedDocument,),
    "demo": LINES,
    "doctor": (DoctorDocument,),
    "drain": (DrainDocument,),
    "explain": (ExplainedDocument,),
    "geo lookup": (LookupDocument,),
    "kube": (KubeDocument,),
    "override": (OverriddenDocument,),
    "plan": (PlanDocument,),
    "publish": (PublishedDocument,),
    "publish --abort": (AbortedDocument,),
    "publish --list": (GenerationsDocument,),
    "publish --show": (GenerationDocument,),
    "reload": (ReloadDocument, ReloadFailedDocument),
    "rollout": (RolloutDocument,),
    "rollout --dry-run": (RolloutPlanDocument,),
    "rtt --evaluate": (EvaluationDocument,),
    "rtt --show": (RoundTripsDocument,),
    "spill": (SpillRuleSetDocument, SpillRuleClearedDocument),
    "state": (StateDocument,),
    "template": (TemplateDocument,),
}
