"""The CRDs of Gateway API and of InferencePool, as far as they are read: apiextensions.k8s.io/v1.

The whole ones are thousands of lines. These have their groups, versions, names, scopes, status
subresources and the types of all fields that are read; what else objects have is kept as it is.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "format": "int32"}
_ANY: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _object(**properties: Schema) -> Schema:
    return {**_ANY, "properties": properties}


def _rows(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_CONDITIONS = _rows(_object(type=_TEXT, status=_TEXT, reason=_TEXT, message=_TEXT))
_PARENT = _object(
    group=_TEXT, kind=_TEXT, namespace=_TEXT, name=_TEXT, sectionName=_TEXT, port=_NUMBER
)
_PARENTS = _rows(_object(parentRef=_PARENT, controllerName=_TEXT, conditions=_CONDITIONS))
_BACKEND = _object(
    group=_TEXT, kind=_TEXT, namespace=_TEXT, name=_TEXT, port=_NUMBER, weight=_NUMBER
)
_LISTENER = _object(name=_TEXT, hostname=_TEXT, port=_NUMBER, protocol=_TEXT)

_GATEWAY = _object(
    spec=_object(gatewayClassName=_TEXT, listeners=_rows(_LISTENER)),
    status=_object(
        addresses=_rows(_object(type=_TEXT, value=_TEXT)),
        conditions=_CONDITIONS,
        listeners=_rows(_object(name=_TEXT, conditions=_CONDITIONS)),
    ),
)
_ROUTE = _object(
    spec=_object(
        hostnames=_rows(_TEXT),
        parentRefs=_rows(_PARENT),
        rules=_rows(_object(backendRefs=_rows(_BACKEND))),
    ),
    status=_object(parents=_PARENTS),
)


def _definition(group: str, kind: str, schema: Schema, *versions: str) -> Schema:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # What the API server wants of groups of Kubernetes' own.
            "annotations": {"api-approved.kubernetes.io": "unapproved, a part of the real one"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
                for version in versions
            ],
        },
    }


DEFINITIONS = (
    _definition("gateway.networking.k8s.io", "Gateway", _GATEWAY, "v1", "v1beta1"),
    _definition("gateway.networking.k8s.io", "HTTPRoute", _ROUTE, "v1", "v1beta1"),
    _definition(
        "inference.networking.k8s.io",
        "InferencePool",
        _object(spec=_ANY, status=_object(parents=_PARENTS)),
        "v1",
    ),
    _definition(
        "inference.networking.x-k8s.io",
        "InferencePool",
        _object(spec=_ANY, status=_object(parent=_PARENTS)),
        "v1alpha2",
    ),
)
