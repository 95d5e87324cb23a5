"""Log events of `resolverd kube`, which follows a Kubernetes cluster into a fragment."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "kube.written",
        "info",
        "The cluster's fragment says something else, and was written anew.",
        "endpoint_count",
    ),
    Event(
        "kube.doubtful",
        "warning",
        "The fragment has what the cluster says, and the checks find fault with some of that.",
        "reason",
    ),
    Event(
        "kube.held",
        "error",
        "The cluster has nothing left of what the fragment has; it stays until the command that "
        "`reason` ends with.",
        "reason",
    ),
    Event(
        "kube.refused",
        "error",
        "What the cluster says does not pass the checks, or the other files cannot be read; the "
        "fragment stays as it was.",
        "reason",
    ),
    Event(
        "kube.unwritable",
        "error",
        "The fragment cannot be written to its file, or what that holds not be read.",
        "reason",
    ),
    Event(
        "kube.left_out",
        "warning",
        "An object stands for a service here, and gives no endpoint.",
        "kube_object reason hint",
    ),
    Event(
        "kube.expired",
        "info",
        "The API server no longer knows the version that a kind was watched from; it is listed "
        "anew, and what is known holds on.",
        "kube_kind reason",
    ),
    Event(
        "kube.failing",
        "warning",
        "A kind of object cannot be listed or watched; what is known of it holds on.",
        "kube_kind reason",
    ),
    Event(
        "kube.recovered",
        "info",
        "A kind of object can be listed and watched again.",
        "kube_kind",
    ),
)
