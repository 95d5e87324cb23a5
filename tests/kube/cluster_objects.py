"""Objects of a cluster as an API server gives them, for tests to build and to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from resolverd.kube.objects import KINDS, Cluster, Kind, key_of

Made = dict[str, Any]

RULES_POOL = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "llama"}
OLD_POOL = {**RULES_POOL, "group": "inference.networking.x-k8s.io"}
CONTROLLER = "example.net/gateway"


def _made(api: str, kind: str, name: str, namespace: str, annotations: Mapping[str, str]) -> Made:
    metadata: Made = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def conditions(**statuses: str) -> list[Made]:
    """Conditions by type, as controllers write them."""
    return [
        {
            "type": name,
            "status": status,
            "reason": name,
            "message": "by a test",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for name, status in statuses.items()
    ]


def listener(name: str = "https", port: int = 443, protocol: str = "", hostname: str = "") -> Made:
    """A listener of a Gateway."""
    made: Made = {"name": name, "port": port, "protocol": protocol or name.upper()}
    if hostname:
        made["hostname"] = hostname
    return made


def gateway(
    *addresses: str,
    name: str = "inference",
    namespace: str = "infra",
    listeners: Sequence[Made] = (),
    programmed: str = "True",
    hostnames: Sequence[str] = (),
    **annotations: str,
) -> Made:
    """A Gateway with these addresses in its status."""
    made = _made("gateway.networking.k8s.io/v1", "Gateway", name, namespace, _own(annotations))
    made["spec"] = {"gatewayClassName": "example", "listeners": list(listeners) or [listener()]}
    made["status"] = {
        "addresses": [{"type": "IPAddress", "value": each} for each in addresses]
        + [{"type": "Hostname", "value": each} for each in hostnames],
        "conditions": conditions(Accepted="True", Programmed=programmed),
    }
    return made


def route(
    *hostnames: str,
    name: str = "chat",
    namespace: str = "prod",
    parent: Mapping[str, Any] | None = None,
    backend: Mapping[str, Any] | None = None,
    accepted: str = "True",
    **annotations: str,
) -> Made:
    """An HTTPRoute to a Service, or to `backend`, that its Gateway has accepted."""
    ref = {"name": "inference", "namespace": "infra", **(parent or {})}
    made = _made("gateway.networking.k8s.io/v1", "HTTPRoute", name, namespace, _own(annotations))
    made["spec"] = {
        "hostnames": list(hostnames),
        "parentRefs": [ref],
        "rules": [{"backendRefs": [dict(backend or {"name": "llama", "port": 8000})]}],
    }
    made["status"] = {
        "parents": [
            {
                "controllerName": CONTROLLER,
                "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", **ref},
                "conditions": conditions(Accepted=accepted, ResolvedRefs="True"),
            }
        ]
    }
    return made


def pool(
    name: str = "llama",
    namespace: str = "prod",
    *,
    accepted: str = "True",
    old: bool = False,
    **annotations: str,
) -> Made:
    """An InferencePool, of v1 or of v1alpha2."""
    group, version = ("inference.networking.x-k8s.io", "v1alpha2") if old else (
        "inference.networking.k8s.io", "v1"
    )  # fmt: skip
    made = _made(f"{group}/{version}", "InferencePool", name, namespace, _own(annotations))
    parent = {
        "parentRef": {"kind": "Gateway", "name": "inference", "namespace": "infra"},
        "conditions": conditions(Accepted=accepted),
    }
    if old:
        made["spec"] = {
            "selector": {"app": name},
            "targetPortNumber": 8000,
            "extensionRef": {"name": f"{name}-epp"},
        }
        made["status"] = {"parent": [parent]}
    else:
        made["spec"] = {
            "selector": {"matchLabels": {"app": name}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": f"{name}-epp", "port": {"number": 9002}},
        }
        made["status"] = {"parents": [parent]}
    return made


def balancer(
    *addresses: str,
    name: str = "llama-lb",
    namespace: str = "prod",
    ports: Sequence[Mapping[str, Any]] = ({"name": "http", "port": 8000, "protocol": "TCP"},),
    hostnames: Sequence[str] = (),
    kind: str = "LoadBalancer",
    **annotations: str,
) -> Made:
    """A Service whose load balancer has these addresses."""
    made = _made("v1", "Service", name, namespace, _own(annotations))
    made["spec"] = {"type": kind, "ports": [dict(port) for port in ports]}
    ingress = [{"ip": each} for each in addresses] + [{"hostname": each} for each in hostnames]
    made["status"] = {"loadBalancer": {"ingress": ingress} if ingress else {}}
    return made


def kind_of(made: Mapping[str, Any]) -> Kind:
    """The kind that an object is of."""
    group = made["apiVersion"].rpartition("/")[0]
    return next(each for each in KINDS if (each.name, each.group) == (made["kind"], group))


def cluster(*objects: Made) -> Cluster:
    """A cluster that has these."""
    found: dict[Kind, dict[tuple[str, str], Made]] = {}
    for each in objects:
        found.setdefault(kind_of(each), {})[key_of(each)] = each
    return Cluster(found)


def _own(annotations: Mapping[str, str]) -> Mapping[str, str]:
    return {f"resolverd/{name}": value for name, value in annotations.items()}
