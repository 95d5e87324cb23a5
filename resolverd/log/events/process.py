"""The daemon itself: its start and end, engine, sockets, standby, kept state and log."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "ready",
        "info",
        "The daemon answers queries.",
        "engine listen generation zone_count service_count databases",
    ),
    Event(
        "stopped",
        "info",
        "The daemon has stopped; what it received and answered in all.",
        "",
        "received rcodes early",
    ),
    Event(
        "state.unset",
        "info",
        "`server.state` is empty, so nothing is kept.",
        "reason consequence",
    ),
    Event(
        "state.unusable",
        "warning",
        "Nothing can be kept in `server.state`. Answers go on.",
        "reason consequence",
    ),
    Event(
        "standing.unusable",
        "warning",
        "What is kept of overrides, spill rules, verdicts and shares cannot be used.",
        "file reason",
    ),
    Event(
        "standby.answers",
        "info",
        "The daemon has ended, and its standby answers.",
        "pid",
    ),
    Event(
        "standby.ended",
        "info",
        "The standby answers no longer, as it should.",
        "reason query_count seconds",
    ),
    Event(
        "standby.gave_up",
        "error",
        "The standby answers no longer, and no daemon serves either.",
        "reason query_count seconds",
    ),
    Event(
        "standby.succeeded",
        "info",
        "A new daemon serves, and the standby has ended.",
        "pid query_count",
    ),
    Event(
        "standby.late",
        "warning",
        "A new daemon serves, and the standby has not ended within so many `seconds`: it is "
        "killed.",
        "pid seconds",
    ),
    Event(
        "standby.lost",
        "warning",
        "A standby that waited has died. Another one waits.",
        "pid",
    ),
    Event(
        "standby.failed",
        "error",
        "There is no standby, or it does not answer. The next restart is as long as a start.",
        "reason",
        "pid",
    ),
    Event(
        "standby.defect",
        "critical",
        "A standby met a defect of ours, and ended.",
        "",
        "exception",
    ),
    Event(
        "leftovers.killed",
        "warning",
        "Processes of earlier daemons that were still in the service's cgroup.",
        "pids",
    ),
    Event(
        "leftovers.remain",
        "warning",
        "Of those, these have not ended within so many `seconds`: ports may be taken still.",
        "pids seconds",
    ),
    Event(
        "sockets.inherited",
        "info",
        "Sockets of the service manager are served instead of `server.listen`.",
        "listen",
    ),
    Event(
        "sockets.half",
        "warning",
        "An inherited address has UDP or TCP only.",
        "listener missing",
    ),
    Event(
        "tcp.lowered",
        "warning",
        "The descriptors that the process may open do not bear `tcp_connections`: it takes "
        "fewer at once.",
        "connections configured_connections descriptors reserved_descriptors hint",
    ),
    Event(
        "notify.failed",
        "error",
        "A message (sd_notify(3)) could not be sent to the service manager.",
        "fields reason",
    ),
    Event(
        "watchdog.withheld",
        "error",
        "The watchdog is not fed because of these `problems`; the service manager will restart us.",
        "problems",
    ),
    Event(
        "watchdog.resumed",
        "info",
        "The watchdog is fed again.",
        "problems",
    ),
    Event(
        "engine.chosen",
        "warning info",
        "Which engine serves, and why that one; a warning where it is the slow one in place of "
        "another.",
        "engine workers reason",
    ),
    Event(
        "engine.died",
        "critical",
        "The engine can serve no more; the daemon ends with exit code 3.",
        "reason",
    ),
    Event(
        "engine.late",
        "error",
        "A worker of the engine had not ended in time when it was stopped.",
        "reason",
    ),
    Event(
        "samples.dropped",
        "warning",
        "So many queries were drawn for the query log faster than it is written.",
        "query_count",
    ),
    Event(
        "signal.ignored",
        "warning",
        "A signal came that means nothing here (SIGUSR1, SIGALRM, …).",
        "signal",
    ),
    Event(
        "task.failed",
        "error",
        "A task beside the answers has failed and is begun again in `retry_seconds`; the first "
        "of its `failures` in a row, then each doubling of them, and each new reason. Answers "
        "go on.",
        "task reason failures retry_seconds",
        "exception",
    ),
    Event(
        "task.recovered",
        "info",
        "A task that had failed has run for a minute since.",
        "task failures",
    ),
    Event(
        "log.dropped",
        "warning",
        "So many events could not be written since then, and the last reason.",
        "event_count since reason",
    ),
    Event(
        "library.warning",
        "warning",
        "What a library logged, or a warning of Python.",
        "library message",
    ),
    Event(
        "library.error",
        "error",
        "The same, of an error; or what a callback of the event loop raised.",
        "library message",
    ),
    Event(
        "library.printed",
        "warning",
        "A line that something printed to standard error.",
        "message",
    ),
    Event(
        "thread.defect",
        "error",
        "A thread ended by an exception.",
        "thread",
        "exception",
    ),
    Event(
        "finalizer.defect",
        "error",
        "An exception was raised where nothing could take it.",
        "message object",
        "exception",
    ),
    Event(
        "query",
        "info",
        "One query, where `server.query_log` asks for a share of them.",
        "client transport",
        "qname qtype qclass subnet rcode octets dropped malformed",
    ),
    Event(
        "engine.defect",
        "error",
        "The first packet of its kind that met a defect of ours and got SERVFAIL.",
        "packet",
        "exception",
    ),
    Event(
        "watchdog.defect",
        "error",
        "A proof of life met a defect of ours.",
        "task",
        "exception",
    ),
)
