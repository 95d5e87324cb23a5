"""The kinds of object that are watched, and what is read of any object; pure.

An object is the JSON that the API server sends, as plain dicts and lists. Its CRD may be of another
release than any that this file knows, so what is missing or of another type reads as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Object = Mapping[str, Any]
Key = tuple[str, str]
"""Namespace and name, which tell the objects of one kind apart."""

SERVICE, REGION, HOSTNAME, PORT, SCHEME = (
    f"resolverd/{name}" for name in ("service", "region", "hostname", "port", "scheme")
)
"""Annotations that say what nothing else does."""


class Kind(NamedTuple):
    """A kind of object: where the API server has it, in the first of `versions` that it serves.

    `selected` ones stand for endpoints by themselves, and are those that a selector is for.
    """

    name: str
    group: str
    versions: tuple[str, ...]
    plural: str
    selected: bool = False

    def path(self, version: str, namespace: str = "") -> str:
        """The path of its collection; of all namespaces where none is named."""
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{within}/{self.plural}"


GATEWAY_GROUP = "gateway.networking.k8s.io"
POOL_GROUPS = ("inference.networking.k8s.io", "inference.networking.x-k8s.io")

GATEWAYS = Kind("Gateway", GATEWAY_GROUP, ("v1", "v1beta1"), "gateways")
ROUTES = Kind("HTTPRoute", GATEWAY_GROUP, ("v1", "v1beta1"), "httproutes", selected=True)
SERVICES = Kind("Service", "", ("v1",), "services", selected=True)
POOLS = Kind("InferencePool", POOL_GROUPS[0], ("v1",), "inferencepools")
OLD_POOLS = Kind("InferencePool", POOL_GROUPS[1], ("v1alpha2",), "inferencepools")

KINDS = (GATEWAYS, ROUTES, SERVICES, POOLS, OLD_POOLS)


class Cluster(NamedTuple):
    """All the objects of a cluster by kind, as far as they are watched."""

    objects: Mapping[Kind, Mapping[Key, Object]]

    def of(self, kind: Kind) -> Mapping[Key, Object]:
        """The objects of a kind; none where the cluster does not have it."""
        return self.objects.get(kind, {})

    def alive(self, kind: Kind) -> Iterator[tuple[Key, Object]]:
        """Those that are not being deleted, in the order of their keys.

        One with a finalizer is there for as long as what it stands for is taken down.
        """
        for key, each in sorted(self.of(kind).items()):
            if not get(each, "metadata", "deletionTimestamp"):
                yield key, each


def get(each: object, *path: str) -> Any:
    """What stands at `path`, or None."""
    for part in path:
        if not isinstance(each, Mapping):
            return None
        each = each.get(part)
    return each


def text(each: object, *path: str) -> str:
    """The text at `path`, or an empty one."""
    value = get(each, *path)
    return value if isinstance(value, str) else ""


def rows(each: object, *path: str) -> Sequence[Object]:
    """The objects of the list at `path`."""
    value = get(each, *path)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def texts(each: object, *path: str) -> Sequence[str]:
    """The texts of the list at `path`."""
    value = get(each, *path)
    return [row for row in value if isinstance(row, str)] if isinstance(value, list) else []


def port_of(each: object) -> int:
    """The port that it has; 0 where it has none."""
    value = get(each, "port")
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value < 1 << 16 else 0


def key_of(each: Object) -> Key:
    """Its namespace and its name."""
    return text(each, "metadata", "namespace"), text(each, "metadata", "name")


def annotation(each: Object, name: str) -> str:
    """What it is annotated with under `name`, without blanks around it; empty for nothing."""
    return text(each, "metadata", "annotations", name).strip()


def condition(holder: object, kind: str) -> str:
    """The status of one of its `conditions`: ``True``, ``False`` or ``Unknown``; empty for none."""
    for each in rows(holder, "conditions"):
        if text(each, "type") == kind:
            return text(each, "status")
    return ""


def shown(kind: Kind, key: Key) -> str:
    """An object as people name it: ``HTTPRoute prod/chat``."""
    return f"{kind.name} {key[0]}/{key[1]}"
