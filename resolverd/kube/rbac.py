"""What `resolverd kube` may do in a cluster: read the kinds that it follows, and nothing else.

docs/kubernetes.md shows it as YAML; a test holds the two against each other, and another has a real
API server let the verb do its work by it.
"""

from __future__ import annotations

from typing import Any

from resolverd.kube.objects import KINDS

CLUSTER_ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "resolverd"},
    "rules": [
        {
            "apiGroups": [kind.group],
            "resources": [kind.plural],
            "verbs": ["get", "list", "watch"],
        }
        for kind in KINDS
    ],
}
