"""Which servers of a service differ from the others that should serve the same; pure.

Compared are those of one service that are to serve one model, in whichever region. Who differs in
what `compare` lists is reported; who is contradicted, by more than half of those that serve, in
what `must_agree` lists is the wrong one. So the outvoted are always fewer than the others.

The wrong one stays so until it agrees: that others die is no reason to believe it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.config.targets import ProbeTarget, ProbeTargets
from resolverd.health.identity import NO_MAJORITY, Difference, Identity, differences, told
from resolverd.health.kinds.kind import lists_models
from resolverd.health.verdict import Verdict


class Outlier(NamedTuple):
    """A target that differs from its peers in `service`."""

    service: str
    target: str
    difference: Difference


def find_outliers(
    config: Config, targets: ProbeTargets, identities: Mapping[str, Identity]
) -> list[Outlier]:
    """Who differs in what, by the services' `compare`; `identities` are by target id."""
    return [
        Outlier(service, target, difference)
        for service, peers in _groups(config, targets, identities)
        for target, differs in _differences(peers, identities, config.service[service].compare)
        for difference in differs
    ]


def outvoted(
    config: Config,
    targets: ProbeTargets,
    identities: Mapping[str, Identity],
    verdicts: Mapping[str, Verdict],
) -> dict[str, Difference]:
    """Who is contradicted in what, by the services' `must_agree`; only those who serve vote."""
    serving = {
        t: identity for t, identity in identities.items() if t in verdicts and verdicts[t].serves
    }
    found: dict[str, Difference] = {}
    for service, peers in _groups(config, targets, serving):
        for target, differs in _differences(peers, serving, config.service[service].must_agree):
            for difference in differs:
                if difference.majority != NO_MAJORITY:
                    found.setdefault(target, difference)
    return found


def contradicted(
    config: Config,
    targets: ProbeTargets,
    identities: Mapping[str, Identity],
    verdicts: Mapping[str, Verdict],
    known: Mapping[str, Difference],
    withdrawn: Collection[str] = (),
) -> dict[str, Difference]:
    """Who is in the wrong now, of those `identified`; `known` are those who were until now.

    These stay so while anybody contradicts them who serves and is not in the wrong, or has yet to
    tell, unless they tell what most told then, or somebody does who serves: then most decide. And
    nobody is, or becomes so, by the votes of those alone who are in the wrong or withdrawn:
    regions, endpoints and targets that are `withdrawn`, whatever probes say, do not serve.
    """
    found = outvoted(config, targets, identities, verdicts)
    if not known and not (found and withdrawn):
        return found
    right = {
        id_: identities.get(id_)
        for id_, target in targets.by_id.items()
        if id_ not in known and id_ in verdicts and verdicts[id_].serves
        if lists_models(target.settings.kind)
        if target.keys.isdisjoint(withdrawn)
    }
    new = {t: d for t, d in found.items() if _is_told(d, right)}
    asked = known.keys() & identified(identities)
    for service, peers in _groups(config, targets, {*right, *asked}):
        others = [right[peer] for peer in peers if peer in right]
        for target in [peer for peer in peers if peer in asked and peer not in new]:
            field, _, majority = known[target]
            value = told(identities[target], field)
            if field not in config.service[service].must_agree or value in ("", majority):
                continue
            if _stands_alone(field, value, others):
                new[target] = Difference(field, value, majority)
    return new


def identified(identities: Mapping[str, Identity]) -> set[str]:
    """Of whom it is known who they are, and not from a token alone."""
    return {id_ for id_, identity in identities.items() if identity.listed}


def _is_told(difference: Difference, right: Mapping[str, Identity | None]) -> bool:
    """Whether anybody who is not in the wrong tells what most do."""
    field, _, majority = difference
    return any(told(who, field) == majority for who in right.values() if who is not None)


def _stands_alone(field: str, value: str, others: Iterable[Identity | None]) -> bool:
    """Whether one of the `others` contradicts it, or may yet, and none says the same."""
    said = {None if who is None else _said(who, field) for who in others} - {""}
    return bool(said) and value not in said


def _said(who: Identity, field: str) -> str | None:
    return told(who, field) or ("" if who.listed else None)


def urls_asked(config: Config, targets: ProbeTargets, ids: Iterable[str]) -> dict[str, str]:
    """At which URL each of these is asked who it is; empty where `must_agree` asks nothing of it.

    Those that are no targets, or no longer, are left out.
    """
    return {
        id_: target.endpoint.url if _must_agree(config, targets, target) else ""
        for id_ in ids
        if (target := targets.by_id.get(id_)) is not None
    }


def _must_agree(config: Config, targets: ProbeTargets, target: ProbeTarget) -> bool:
    return lists_models(target.settings.kind) and any(
        target.id in targets.ids.get((name, target.region), ())
        for name, service in config.service.items()
        if service.must_agree
    )


def _differences(
    peers: Iterable[str], identities: Mapping[str, Identity], fields: Sequence[str]
) -> Iterable[tuple[str, list[Difference]]]:
    return differences({peer: identities[peer] for peer in peers}, fields).items()


def _groups(
    config: Config, targets: ProbeTargets, ids: Collection[str]
) -> Iterator[tuple[str, list[str]]]:
    """Those of `ids` who should serve the same, by service and model."""
    if not ids:
        return
    for name, service in config.service.items():
        by_model: dict[str, list[str]] = {}
        for region in service.regions:
            for target in targets.ids.get((name, region), ()):
                if target in ids:
                    model = targets.by_id[target].settings.asked_model
                    by_model.setdefault(model, []).append(target)
        for peers in by_model.values():
            yield name, peers
