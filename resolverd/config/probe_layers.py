"""`[probe]` as operators write it: layers of options, which make the settings of one kind.

A layer may hold the options of any kind, all unset: a default for all endpoints of kind vllm stands
in [probe] although most are of another. The narrowest layer that sets `kind` decides which settings
are made of them; what the layers say of other kinds' options is left out. An option that none of
the kinds below a layer has is an error (`probe_checks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from resolverd.config.layers import overriding, redeclared, written
from resolverd.config.options import Section, option
from resolverd.config.positions import Path as KeyPath
from resolverd.config.probe import Probe
from resolverd.config.probe_registry import probe_kinds

if TYPE_CHECKING:
    from resolverd.config.model import Config

COMMON = tuple(Probe.model_fields)
DEFAULT_KIND: str = Probe.model_fields["kind"].default


def owners(name: str) -> tuple[str, ...]:
    """The kinds that have an option."""
    return tuple(k.name for k in probe_kinds().values() if name in k.settings.model_fields)


def of_kinds(names: Iterable[str]) -> str:
    """``kind tcp``, or ``kinds http and vllm``."""
    *others, last = names
    return f"kinds {', '.join(others)} and {last}" if others else f"kind {last}"


def groups() -> dict[tuple[str, ...], dict[str, FieldInfo]]:
    """The options that not all kinds have, by those for which they are declared alike."""
    declared: dict[tuple[str, str], list[str]] = {}
    fields: dict[tuple[str, str], FieldInfo] = {}
    for kind in probe_kinds().values():
        for name, field in kind.settings.model_fields.items():
            if name not in COMMON:
                key = name, field.description or ""
                declared.setdefault(key, []).append(kind.name)
                fields.setdefault(key, field)
    grouped: dict[tuple[str, ...], dict[str, FieldInfo]] = {}
    for key, kinds in declared.items():
        grouped.setdefault(tuple(kinds), {})[key[0]] = fields[key]
    return grouped


def _every_option() -> dict[str, Any]:
    """Each option of any kind, its text saying of which."""
    names = tuple(probe_kinds())
    abouts = "; ".join(f"{k.name}: {_about(k.settings)}" for k in probe_kinds().values())
    fields: dict[str, Any] = {
        "kind": (Literal[names], option(DEFAULT_KIND, f"What is asked. {abouts}."))
    }
    fields |= {n: redeclared(f) for n, f in Probe.model_fields.items() if n != "kind"}
    texts: dict[str, list[str]] = {}
    alike: dict[str, FieldInfo] = {}
    for kinds, options in groups().items():
        for name, field in options.items():
            known = alike.setdefault(name, field)
            if (known.annotation, known.metadata) != (field.annotation, field.metadata):
                raise ValueError(f"{of_kinds(owners(name))} declare {name} with different types")
            label = of_kinds(kinds)
            texts.setdefault(name, []).append(f"{label.capitalize()}: {field.description}")
    return fields | {n: redeclared(f, " ".join(texts[n])) for n, f in alike.items()}


def _about(settings: type[Probe]) -> str:
    return (settings.__doc__ or "").partition("\n")[0].rstrip(".")


if TYPE_CHECKING:
    EveryOption = Probe
    ProbeOverride = Probe
else:
    EveryOption = create_model(
        "EveryOption", __base__=Section, __doc__=Probe.__doc__, **_every_option()
    )
    ProbeOverride = overriding("ProbeOverride", EveryOption)


class ProbeDefaults(EveryOption):
    """The layer below all others, whose options are right together by themselves."""

    @model_validator(mode="after")
    def _fits_together(self) -> ProbeDefaults:
        merge_probe(self)
        return self


def layers_of(config: Config) -> Iterator[tuple[KeyPath, ProbeOverride]]:
    """Every table of probe options, with where it stands."""
    yield ("probe",), config.probe
    for name, service in config.service.items():
        yield ("service", name, "probe"), service.probe
    for name, region in config.region.items():
        yield ("region", name, "probe"), region.probe
        for index, endpoint in enumerate(region.endpoint):
            yield ("region", name, "endpoint", index, "probe"), endpoint.probe


def merge_probe(*layers: ProbeOverride) -> Probe:
    """The complete settings after each layer, broadest first, has overridden what it sets.

    Raises pydantic's ValidationError when the layers contradict one another.
    """
    return complete_probe(
        {name: value for layer in layers for name, value in written(layer).items()}
    )


class Merged:
    """Settings by the layers that they are merged of, of one configuration.

    Nearly all endpoints of a large one have the same: those of [probe].
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], Probe] = {}

    def of(self, *layers: ProbeOverride) -> Probe:
        """As `merge_probe`; the layers live as long as this does."""
        key = tuple(id(layer) for layer in layers if layer.model_fields_set)
        if (made := self._made.get(key)) is None:
            made = self._made[key] = merge_probe(*layers)
        return made


def complete_probe(options: Mapping[str, Any]) -> Probe:
    """The settings of the kind that `options` say, less the options that it does not have.

    Raises pydantic's ValidationError when they contradict one another.
    """
    settings = probe_kinds()[options.get("kind", DEFAULT_KIND)].settings
    known = settings.model_fields
    return settings.model_validate(
        {name: value for name, value in options.items() if name in known}
    )
