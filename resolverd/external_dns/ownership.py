"""What is left out of a change with what cannot be made of it; pure.

external-dns's TXT registry tells by a record of its own whose another record is. One without the
other would be nobody's, never changed again nor deleted: they are made together, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from resolverd.external_dns.endpoint import Changes, Endpoint
from resolverd.external_dns.records import RecordError, is_ownership


def with_what_goes_along(reasons: Mapping[Endpoint, str], changes: Changes) -> dict[Endpoint, str]:
    """`reasons` why some of the changes are left out, and those that are left out with them.

    Raises RecordError where an ownership record does not say whose it is.
    """
    fresh = changes.wanted
    told = {
        _group(each, changes): f"{each.name} {each.type}: {reasons[each]}"
        for each in fresh
        if each in reasons
    }
    if told and any(is_ownership(each) and each not in changes.owned for each in fresh):
        raise RecordError(next(iter(told.values())))
    owned = {_group(each, changes) for each in fresh if each in changes.owned}
    groups = {each: group for each in fresh if (group := _group(each, changes)) in owned}
    along = {each: told[group] for each, group in groups.items() if group in told}
    return {each: f"it goes with {reason}" for each, reason in along.items()} | dict(reasons)


def without(changes: Changes, left_out: Collection[Endpoint]) -> Changes:
    """The changes less these; what they would be made of stays."""
    stays = {_identity(each) for each in changes.after if each in left_out}
    return changes._replace(
        create=tuple(each for each in changes.create if each not in left_out),
        before=tuple(each for each in changes.before if _identity(each) not in stays),
        after=tuple(each for each in changes.after if each not in left_out),
    )


def _group(endpoint: Endpoint, changes: Changes) -> tuple[str, str]:
    """All types of record of a name, of one set, and what tells their owners."""
    return changes.owned.get(endpoint, endpoint.name), endpoint.set_identifier


def _identity(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.name, endpoint.type, endpoint.set_identifier
