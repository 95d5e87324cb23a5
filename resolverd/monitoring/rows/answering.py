"""Is it answering? And who is sent where, with which TTLs."""

from __future__ import annotations

from resolverd.admin.metrics import probes, process, regions, traffic
from resolverd.monitoring.panel import GREEN, RED, Names, Panel, Query
from resolverd.monitoring.promql import (
    NUMBER,
    average,
    least,
    most,
    now,
    part,
    quantile,
    rate,
    scraped,
    since,
    total,
)

YES = Names({"0": ("no", RED), "1": ("yes", GREEN)})
NO = Names({"0": ("no", GREEN), "1": ("yes", RED)})

# Answers that lead to a region, and were neither sent on by a full one nor kept.
_UNMOVED = {"outcome": "!spilled|trickled|held", "region": "!"}

UP = Panel(
    "Gives metrics",
    "Whether Prometheus reads the daemon. If not, ask it with dig before anything else: the "
    "standby may be answering, or admin.listen cannot be reached.",
    (Query(scraped('min(up{job="resolverd", instance=~"$instance"})', NUMBER)),),
    "troubleshooting", "stat", width=4, height=4, names=YES,
)  # fmt: skip
ISOLATED = Panel(
    "Cut off from all regions",
    "Then it serves its last verdicts and is not ready. Look at this host's own network first.",
    (Query(most(now(probes.isolated))),),
    "operations", "stat", width=4, height=4, names=NO,
)  # fmt: skip
ASKED = Panel(
    "Queries per second",
    "What arrives, all transports together.",
    (Query(total(rate(traffic.queries))),),
    "performance", "stat", width=4, height=4,
)  # fmt: skip
SERVFAIL = Panel(
    "SERVFAIL",
    "Share of responses. Above 1 % look for a defect in the log, and for a service without regions "
    'whose all_down is "servfail".',
    (Query(part(
        total(rate(traffic.responses, rcode="SERVFAIL")), total(rate(traffic.responses))
    )),),
    "troubleshooting", "stat", width=4, height=4, warn=0.001, bad=0.01,
)  # fmt: skip
AGE = Panel(
    "Runs since",
    "Time since the daemon started; of several, the latest start.",
    (Query(least(since(now(process.started)))),),
    "upgrade", "stat", width=4, height=4,
)  # fmt: skip
ENGINE = Panel(
    "Engine",
    "native is the fast one. Where it is reference, `resolverd doctor` says why.",
    (Query(most(now(process.engine), "engine", "workers", "client_map"),
           "{{engine}}, {{workers}} workers, map {{client_map}}"),),
    "performance", "stat", width=4, height=4, show_names=True,
)  # fmt: skip
BY_TRANSPORT = Panel(
    "Queries by transport",
    "Much TCP means answers that do not fit UDP, or resolvers that were limited.",
    (Query(total(rate(traffic.queries), "transport"), "{{transport}}"),),
    "operations", stacked=True,
)  # fmt: skip
BY_RCODE = Panel(
    "Responses by code",
    "NXDOMAIN that rises alone is a scan, or a name that was removed; REFUSED asks for zones that "
    "are not served.",
    (Query(total(rate(traffic.responses), "rcode"), "{{rcode}}"),),
    "troubleshooting", stacked=True,
)  # fmt: skip
UNANSWERED = Panel(
    "Not answered as asked",
    "Packets without a response, malformed ones, truncated responses, and those that the kernel "
    "would not send. A line that rises with load is a limit; one that rises alone is somebody's "
    "junk.",
    (
        Query(total(rate(traffic.dropped), "reason"), "dropped: {{reason}}"),
        Query(total(rate(traffic.malformed), "kind"), "malformed: {{kind}}"),
        Query(total(rate(traffic.truncated)), "truncated"),
        Query(total(rate(traffic.send_errors), "error"), "not sent: {{error}}"),
        Query(total(rate(traffic.tcp_closed), "limit"), "TCP closed: {{limit}}"),
        Query(total(rate(traffic.failed), "exception"), "defect: {{exception}}"),
    ),
    "troubleshooting",
)  # fmt: skip

SENT = Panel(
    "Answers by region",
    "Where clients are sent. A region that ends while others rise has failed over, spilled, or was "
    "drained: see below.",
    (Query(total(rate(traffic.answers), "service", "region"), "{{service}} to {{region}}"),),
    "steering", width=12, stacked=True,
)  # fmt: skip
ELSEWHERE = Panel(
    "Answers that are not the first choice",
    "Of the answers that are neither spilled nor kept. Above 5 % clients are sent further than "
    "they need be: look for the region that is down.",
    (Query(part(
        total(rate(traffic.answers, choice="other", **_UNMOVED), "service"),
        total(rate(traffic.answers, **_UNMOVED), "service"),
    ), "{{service}}"),),
    "steering", width=6, warn=0.05, bad=0.2,
)  # fmt: skip
OUTCOMES = Panel(
    "Answers by outcome",
    "serving is the ordinary one. spilled and trickled went on from a full region, held was kept "
    "for a conversation; all others say that no region serves.",
    (Query(total(rate(traffic.answers), "outcome"), "{{outcome}}"),),
    "steering", width=6, stacked=True,
)  # fmt: skip
PINNED = Panel(
    "Answers that a pin decided",
    "The residency rules at work. The pin (unplaced) counts clients of unknown country.",
    (Query(total(rate(traffic.pinned), "pin"), "{{pin}}"),),
    "steering", width=6,
)  # fmt: skip
PINS_SERVED = Panel(
    "Pins with a region that serves",
    "A pin is never left: without a region its clients get what all_down says.",
    (Query(least(now(regions.fences), "service", "pin"), "{{service}}, pin {{pin}}"),),
    "steering", "state-timeline", width=6, names=YES,
)  # fmt: skip
TTLS = Panel(
    "TTL given",
    "It falls before a failover and while one is settling, and ramps back once the region is home. "
    "A TTL that stays low says that something keeps moving.",
    (
        Query(quantile(0.5, traffic.ttls, "service"), "{{service}}, median"),
        Query(quantile(0.05, traffic.ttls, "service"), "{{service}}, lowest 5 %"),
    ),
    "steering", width=12,
)  # fmt: skip
MEAN_TTL = Panel(
    "Mean TTL",
    "By service. Queries come the more often, the lower it is.",
    (Query(average(traffic.ttls, "service"), "{{service}}"),),
    "steering", width=12,
)  # fmt: skip

ANSWERING = (
    UP, ISOLATED, ASKED, SERVFAIL, AGE, ENGINE, BY_TRANSPORT, BY_RCODE, UNANSWERED,
)  # fmt: skip
WHERE = (SENT, ELSEWHERE, OUTCOMES, PINNED, PINS_SERVED)
TTL = (TTLS, MEAN_TTL)
