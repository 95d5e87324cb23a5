"""What a kind of probe is made of, and what all kinds together export.

Kind ── settings ──► the options of `kind = "…"`, in TOML and on the reference page
     ── check ─────► what `resolverd check` finds about them for an endpoint
     ── prepare ───► from an endpoint's URL, what asks it again and again
     ── readings ──► the class of what its probes read
     ── metrics, json ──► what of that Prometheus and /state are given
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from resolverd.config.finding import Finding
from resolverd.config.probe import Probe
from resolverd.config.probe_registry import probe_kinds
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.health.readings import Readings

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools

S = TypeVar("S", bound=Probe)
R = TypeVar("R", bound=Readings)

# Values of further labels, beside those of the endpoint, and the sample.
Samples = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True, slots=True)
class Metric(Generic[R]):
    """One metric of a kind, with a sample or more for each endpoint that it has readings of.

    `labels` come after those of every endpoint, `absent` says for what, or while what, there is no
    sample: they are as in `admin.metrics.family.Family`. `read` gives the samples of one endpoint.
    """

    type: Literal["counter", "gauge", "info"]
    name: str
    doc: str
    read: Callable[[R], Samples]
    labels: tuple[str, ...] = ()
    absent: str = ""


class JsonPart(BaseModel):
    """The type of an object in what a kind exports as JSON; `json_key` says what each value is."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def json_key(doc: str) -> Any:
    """A key that is always there; `doc` says what its value is, and its unit."""
    return Field(description=doc)


@dataclass(frozen=True, slots=True)
class JsonKey(Generic[R]):
    """One key that a kind adds to its endpoints in /state; null for those of other kinds.

    `type` is the value's, for the schema of the API; `read` gives the value.
    """

    name: str
    type: type[Any]
    doc: str
    read: Callable[[R], Any]


def nothing_found(_settings: Probe, _asked: ProbedEndpoint) -> Iterator[Finding]:
    """The check of a kind whose settings need none."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind(Generic[S, R]):
    """One kind of probe.

    `settings` is the class of its options, whose `kind` has the kind's name as its only value; it
    says also whether the kind may withdraw an endpoint at once. `prepare(url, settings, tools)`
    makes, once, all that a probe needs, and returns what asks once each time it is awaited: that
    returns what was `Seen` or raises `ProbeFailedError`, while timing, the timeout and the wording
    of errors are the same for all kinds (`probes.run`). It raises ValueError where the URL does not
    suit the kind; `schemes` are those that do. `reach` is asked over each address family in its
    place where the question itself costs too much. `lists_models`: its URL is that of an inference
    server, with the pages of models and completions below it. `asks_load` tells of settings whether
    a load is asked for, `load_optional` that an endpoint need not tell it; `tells_flow`: a load has
    totals of what goes through the endpoint, too.
    """

    settings: type[S]
    prepare: Callable[[str, S, Tools], Ask]
    readings: type[R]
    reach: Callable[[str, S, Tools], Ask] | None = None
    schemes: tuple[str, ...] = ("http", "https")
    check: Callable[[S, ProbedEndpoint], Iterator[Finding]] = nothing_found
    metrics: tuple[Metric[R], ...] = ()
    json: tuple[JsonKey[R], ...] = ()
    lists_models: bool = False
    asks_load: Callable[[S], bool] = lambda _: True
    load_optional: bool = False
    tells_flow: bool = False

    @property
    def name(self) -> str:
        """What `kind` is set to."""
        return str(self.settings.model_fields["kind"].default)

    @property
    def reads(self) -> bool:
        """Whether its probes read anything of an endpoint beyond whether it serves."""
        return self.readings is not Readings


AnyKind = Kind[Any, Any]


def kind_named(name: str) -> AnyKind:
    """The kind of that name. Raises KeyError where there is none."""
    kind = probe_kinds()[name]
    assert isinstance(kind, Kind)
    return kind


def lists_models(name: str) -> bool:
    """Whether a kind has that name, and its URL is an inference server's."""
    return name in probe_kinds() and kind_named(name).lists_models


def metrics() -> list[tuple[type[Readings], Metric[Any]]]:
    """The metrics of all kinds, each once, with the readings that have it."""
    return _each_once(lambda kind: kind.metrics)


def json_keys() -> list[tuple[type[Readings], JsonKey[Any]]]:
    """The same of the keys in /state."""
    return _each_once(lambda kind: kind.json)


def reads(settings: Probe) -> bool:
    """Whether probes of these settings read anything: without that no load is known."""
    return kind_named(settings.kind).reads


def tells_load(settings: Probe) -> bool:
    """Whether probes of these settings tell how full an endpoint is, if that tells it."""
    kind = kind_named(settings.kind)
    return kind.reads and kind.asks_load(settings)


def load_optional(settings: Probe) -> bool:
    """Whether an endpoint with such probes may be one that never tells it."""
    return kind_named(settings.kind).load_optional


def tells_flow(settings: Probe) -> bool:
    """Whether they tell what goes through it, by which cost moves shares."""
    return tells_load(settings) and kind_named(settings.kind).tells_flow


E = TypeVar("E", Metric[Any], JsonKey[Any])


def _each_once(exports: Callable[[AnyKind], tuple[E, ...]]) -> list[tuple[type[Readings], E]]:
    found: dict[str, tuple[type[Readings], E]] = {}
    for kind in map(kind_named, probe_kinds()):
        for export in exports(kind):
            known = found.setdefault(export.name, (kind.readings, export))
            if known != (kind.readings, export):
                raise ValueError(f"two probe kinds export {export.name}, and not the same")
    return list(found.values())
