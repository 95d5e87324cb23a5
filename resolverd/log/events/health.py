"""What is probed, and what is said of it: endpoints, regions, services, addresses and load."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "endpoint.state",
        "warning info",
        "What probes say of an endpoint changed; a warning where it serves no more, or never did.",
        "before after reason region endpoint probe",
    ),
    Event(
        "endpoint.held",
        "warning",
        "An endpoint that fell again is well, and held down for so many `seconds` all the same.",
        "seconds reason region endpoint probe",
    ),
    Event(
        "endpoint.released",
        "info",
        "An operator ended what held an endpoint, or a family of it, down: `target`, `who`.",
        "target who",
    ),
    Event(
        "endpoint.intermittent",
        "warning",
        "A probe failed, in the end, after a later one had succeeded (`meanwhile`): something "
        "behind the address hangs.",
        "reason meanwhile region endpoint probe",
    ),
    Event(
        "endpoint.family_withheld",
        "warning",
        "An endpoint fails over one address `family` alone, whose addresses are not handed out "
        "from now on.",
        "family region endpoint probe",
    ),
    Event(
        "endpoint.family_back",
        "info",
        "An endpoint's addresses of this `family` are handed out again.",
        "family region endpoint probe",
    ),
    Event(
        "endpoint.certificate",
        "warning",
        "A server's certificate ends in `days_left` days, fewer than `certificate_days`.",
        "days_left consequence region endpoint probe",
    ),
    Event(
        "endpoint.certificate_renewed",
        "info",
        "A server has shown a certificate that lasts for longer.",
        "region endpoint probe",
    ),
    Event(
        "endpoint.condition",
        "info",
        "What an endpoint's last probe saw beyond that changed.",
        "before after reason region endpoint probe",
    ),
    Event(
        "endpoint.offers",
        "info",
        "What an endpoint lets its probe know changed.",
        "region endpoint probe metrics processes engines models version key",
    ),
    Event(
        "endpoint.alarm",
        "warning",
        "A condition that does not go away before somebody fixes something.",
        "condition reason region endpoint probe",
    ),
    Event(
        "endpoint.differs",
        "warning",
        "A server differs from most of its service's.",
        "service endpoint probe field value majority",
    ),
    Event(
        "endpoint.agrees",
        "info",
        "A server no longer differs from most of its service's.",
        "service endpoint probe field value majority",
    ),
    Event(
        "region.state",
        "warning info",
        "What is served of a region changed, overrides included; a warning where it serves no "
        "more, or not from the start, and nobody wanted that.",
        "region services before after reason",
    ),
    Event(
        "isolation.started",
        "error",
        "No region responds: this host is taken to be isolated, and is not ready;"
        " `regions` keep their health.",
        "reason regions consequence",
    ),
    Event(
        "isolation.ended",
        "info",
        "A target responds again; `regions` do not yet.",
        "regions",
    ),
    Event(
        "spill.begins",
        "info",
        "A region of a `service` is full and sends a `share` of its clients on.",
        "service region share saturation",
    ),
    Event(
        "spill.grows",
        "info",
        "A region that sends clients on is still full, and sends a step more on.",
        "service region share saturation",
    ),
    Event(
        "spill.shrinks",
        "info",
        "A region that sends clients on is no longer full, and takes a step back.",
        "service region share saturation",
    ),
    Event(
        "spill.ends",
        "info",
        "A region has all its clients again, or no longer serves.",
        "service region share saturation",
    ),
    Event(
        "gpus.failing",
        "warning",
        "A page of `gpu_metrics` cannot be read, or lacks the metric.",
        "url reason",
    ),
    Event(
        "gpus.recovered",
        "info",
        "A page of `gpu_metrics` can be read again.",
        "url",
    ),
    Event(
        "load.defect",
        "error",
        "A defect of ours met an update of the regions' load; shares stay as they are.",
        "",
        "exception",
    ),
    Event(
        "addresses.changed",
        "info",
        "A hostname of an endpoint resolves to something else.",
        "hostname addresses_before addresses",
    ),
    Event(
        "addresses.failing",
        "warning",
        "A hostname does not resolve any more; the last `addresses` are kept: for good where "
        "name servers fail, for `server.name_grace` where they say that it has none.",
        "hostname reason addresses",
    ),
    Event(
        "addresses.refused",
        "warning",
        "A hostname has addresses that lead a client to itself or nowhere (unspecified, "
        "loopback, link-local, multicast, reserved); they are not taken.",
        "hostname addresses",
    ),
    Event(
        "addresses.recovered",
        "info",
        "A hostname resolves again.",
        "hostname",
    ),
    Event(
        "names.kept",
        "info",
        "Addresses of so many hostnames are known from before the start, by a file in "
        "`server.state`.",
        "file name_count oldest_seconds",
    ),
    Event(
        "names.unreadable",
        "warning",
        "The file of resolved addresses cannot be read, or is damaged; nothing is taken from it.",
        "file reason",
    ),
    Event(
        "names.not_kept",
        "warning",
        "The file of resolved addresses cannot be written.",
        "file reason",
    ),
    Event(
        "probe.defect",
        "error",
        "A probe met a defect of ours.",
        "region endpoint probe",
        "exception",
    ),
    Event(
        "addresses.defect",
        "error",
        "A hostname's refresh met a defect of ours.",
        "hostname",
        "exception",
    ),
    Event(
        "service.unserved",
        "error",
        "No region that these clients may have serves: they are answered as `all_down` says. "
        "Where a service has none at all, its pins have none either, and are not named. "
        "`overrides` say who has taken which of them out, and why.",
        "service pin regions overrides consequence",
    ),
    Event(
        "service.served",
        "info",
        "A region that these clients may have serves again.",
        "service pin",
    ),
)
