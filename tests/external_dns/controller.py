"""external-dns as far as a provider sees it: its calls in its order, its plan, its TXT registry.

Written after its own sources at v0.22 (controller/controller.go, plan/plan.go, registry/txt,
provider/webhook/webhook.go): what is owned is what an ownership record says, and the answer to
changes has to be 204.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MEDIA_TYPE = "application/external.dns.webhook+json;version=1"
Document = dict[str, Any]


class Answer(NamedTuple):
    """What a provider answered."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, document: object = None, *, accept: str = MEDIA_TYPE) -> Answer:
    """GET, or POST of a document, as external-dns does."""
    data = None if document is None else json.dumps(document).encode()
    headers = {"Accept": accept} | ({"Content-Type": MEDIA_TYPE} if data else {})
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(
                response.status, response.headers.get("Content-Type", ""), response.read()
            )
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers.get("Content-Type", ""), error.read())


def endpoint(name: str, type_: str, *targets: str, **more: Any) -> Document:
    """An endpoint of a source, with the label that says where it comes from."""
    labels = {"resource": f"ingress/default/{name.split('.')[0]}"}
    return {"dnsName": name, "recordType": type_, "targets": [*targets], "labels": labels, **more}


class Key(NamedTuple):
    name: str
    type: str
    set_identifier: str


def key_of(document: Document) -> Key:
    return Key(document["dnsName"], document["recordType"], document.get("setIdentifier", ""))


@dataclass
class ExternalDns:
    """One controller with the policy sync, of `owner`, that asks the provider at `url`."""

    url: str
    owner: str = "default"
    prefix: str = "%{record_type}-"
    wildcard: str = ""
    include: list[str] = field(default_factory=list)

    def negotiate(self) -> None:
        answer = ask(self.url)
        assert (answer.status, answer.content_type) == (200, MEDIA_TYPE)
        self.include = answer.json().get("include", [])

    def sync(self, desired: Iterable[Document]) -> tuple[Document, Answer | None]:
        """One turn: what it asked for, and the answer; None where nothing was to be changed."""
        if not self.include:
            self.negotiate()
        current, owned = self._current()
        wanted = ask(f"{self.url}/adjustendpoints", [d for d in desired if self._matches(d)])
        assert (wanted.status, wanted.content_type) == (200, MEDIA_TYPE), wanted.body
        changes = self._plan(current, owned, {key_of(d): d for d in wanted.json()})
        if not any(changes.values()):
            return changes, None
        return changes, ask(f"{self.url}/records", {k: v for k, v in changes.items() if v})

    def _current(self) -> tuple[dict[Key, Document], set[Key]]:
        """All records that are no registry's, and which of these are this owner's."""
        answer = ask(f"{self.url}/records")
        assert (answer.status, answer.content_type) == (200, MEDIA_TYPE), answer.body
        records, owners = {}, {}
        for document in answer.json():
            if (
                document["recordType"] == "TXT"
                and "heritage=external-dns" in document["targets"][0]
            ):
                owners[key_of(document)] = document["targets"][0]
            else:
                records[key_of(document)] = document
        mine = f"external-dns/owner={self.owner},"
        owned = {
            key
            for key, document in records.items()
            if mine in owners.get(key_of(self._ownership(document)), "")
        }
        return records, owned

    def _plan(
        self, current: dict[Key, Document], owned: set[Key], wanted: dict[Key, Document]
    ) -> Document:
        create = [d for key, d in wanted.items() if key not in current]
        both = [key for key in wanted if key in owned and _differ(current[key], wanted[key])]
        delete = [current[key] for key in owned if key not in wanted]
        old, new = [current[key] for key in both], [wanted[key] for key in both]
        return {
            "create": self._with_owner(create),
            "updateOld": self._with_owner(old),
            "updateNew": self._with_owner(new),
            "delete": self._with_owner(delete),
        }

    def _with_owner(self, documents: list[Document]) -> list[Document]:
        return [*documents, *map(self._ownership, documents)]

    def _ownership(self, document: Document) -> Document:
        """The TXT record that says whose a record is: in quotes, and without a TTL."""
        name, type_ = document["dnsName"], document["recordType"].lower()
        if self.wildcard and name.startswith("*."):
            name = self.wildcard + name[1:]
        text = f"heritage=external-dns,external-dns/owner={self.owner},external-dns/resource="
        text += document.get("labels", {}).get("resource", "")
        made = {
            "dnsName": self.prefix.replace("%{record_type}", type_) + name,
            "recordType": "TXT",
            "targets": [f'"{text}"'],
            "labels": {"ownedRecord": name},
        }
        kept = ("setIdentifier", "providerSpecific")
        return made | {key: document[key] for key in kept if key in document}

    def _matches(self, document: Document) -> bool:
        name = document["dnsName"]
        return any(name == zone or name.endswith(f".{zone}") for zone in self.include)


def _differ(current: Document, wanted: Document) -> bool:
    ttl = wanted.get("recordTTL", 0)
    return (
        sorted(current["targets"]) != sorted(wanted["targets"])
        or (ttl > 0 and ttl != current.get("recordTTL", 0))
        or _properties(current) != _properties(wanted)
    )


def _properties(document: Document) -> dict[str, str]:
    return {p["name"]: p["value"] for p in document.get("providerSpecific", [])}
