"""What external-dns calls an endpoint: the records of one name and type, as it writes them in JSON.

Its Go types `endpoint.Endpoint` and `plan.Changes` are the protocol
(kubernetes-sigs.github.io/external-dns, "Webhook provider", API guarantees): every field may be
left out or null, keys of changes were in capitals before v0.15, and what is not known is let be.
Labels are not kept: external-dns keeps them itself, in TXT records. Of a change's they tell which
record each of those is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

_CHANGES = ("create", "updateold", "updatenew", "delete")


class ProtocolError(ValueError):
    """A body that is not what external-dns writes."""


class _Document(BaseModel):
    """An object of the protocol; null is what was left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            key: tuple(item) if isinstance(item, list) else item
            for key, item in value.items()
            if item is not None
        }


class Property(_Document):
    """One setting for a provider, which is kept and given back, and changes no record."""

    name: str = ""
    value: str = ""


class Endpoint(_Document):
    """The records of one name and type, or of one of several sets of them.

    `name` has no dot at its end, `ttl` is in seconds, 0 where none is wanted. `targets` are RDATA
    as external-dns writes them: names in them are absolute without a dot.
    """

    name: str = Field("", alias="dnsName")
    type: str = Field("", alias="recordType")
    targets: tuple[str, ...] = ()
    set_identifier: str = Field("", alias="setIdentifier")
    ttl: int = Field(0, alias="recordTTL")
    properties: tuple[Property, ...] = Field((), alias="providerSpecific")

    def document(self) -> dict[str, Any]:
        """It as JSON has it: nothing is there that is empty."""
        return self.model_dump(by_alias=True, exclude_defaults=True)

    def normal(self) -> Endpoint:
        """The same in the one form that equal endpoints have."""
        return self.model_copy(
            update={
                "name": self.name.lower().removesuffix("."),
                "type": self.type.upper(),
                "targets": tuple(sorted(self.targets)),
                "properties": tuple(sorted(self.properties, key=lambda p: (p.name, p.value))),
            }
        )


class Changes(NamedTuple):
    """What external-dns wants changed; of each of `before` there is the new one in `after`.

    `owned` are the names of the records whose owner one of these names.
    """

    create: tuple[Endpoint, ...] = ()
    before: tuple[Endpoint, ...] = ()
    after: tuple[Endpoint, ...] = ()
    delete: tuple[Endpoint, ...] = ()
    owned: Mapping[Endpoint, str] = MappingProxyType({})

    @property
    def wanted(self) -> tuple[Endpoint, ...]:
        """What there would be that is not there now."""
        return (*self.create, *self.after)

    @property
    def touches_something(self) -> bool:
        """Whether there is a change."""
        return bool(self.wanted or self.before or self.delete)


_ENDPOINTS = TypeAdapter(tuple[Endpoint, ...])


def read_endpoints(document: object) -> tuple[Endpoint, ...]:
    """A list of endpoints, null for none, each in its normal form. Raises ProtocolError."""
    if document is None:
        return ()
    if not isinstance(document, list):
        raise ProtocolError("it is no list of endpoints")
    try:
        found = _ENDPOINTS.validate_python(tuple(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ProtocolError(f"endpoint {place}: {first['msg']}") from error
    return tuple(endpoint.normal() for endpoint in found)


def read_changes(document: object) -> Changes:
    """The changes of a POST to ``/records``. Raises ProtocolError."""
    if not isinstance(document, dict):
        raise ProtocolError("it is no object of changes")
    lists = {str(key).lower(): value for key, value in document.items()}
    create, before, after, delete = parts = [read_endpoints(lists.get(key)) for key in _CHANGES]
    owned = {
        endpoint: name.lower().removesuffix(".")
        for key, part in zip(_CHANGES, parts, strict=True)
        for given, endpoint in zip(lists.get(key) or (), part, strict=True)
        if (name := _owned_by(given))
    }
    return Changes(create, before, after, delete, owned)


def _owned_by(document: dict[str, Any]) -> str:
    """The record whose owner an ownership record names, as its label says; else empty."""
    labels = document.get("labels")
    name = labels.get("ownedRecord") if isinstance(labels, dict) else None
    return name if isinstance(name, str) else ""
