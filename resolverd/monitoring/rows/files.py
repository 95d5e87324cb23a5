"""Which files are served, what was refused of them; and the process itself."""

from __future__ import annotations

from resolverd.admin.metrics import files, process
from resolverd.kept.directory import FORGOTTEN
from resolverd.monitoring.panel import GREEN, RED, Names, Panel, Query
from resolverd.monitoring.promql import (
    BYTES,
    NUMBER,
    changes,
    counted,
    increase,
    least,
    most,
    now,
    rate,
    scraped,
    since,
    total,
)
from resolverd.monitoring.rows.answering import NO, YES

ADOPTED = Panel(
    "Files are adopted",
    "Whether all that is on disk is served. If not, `resolverd check` lists what was refused, by "
    "file and line; `resolverd reload --yes` adopts what is held.",
    (Query(least(now(files.last_reload))),),
    "edits", "stat", width=4, height=4, names=YES,
)  # fmt: skip
KEPT = Panel(
    "Serves kept files",
    "The files on disk were refused at the start.",
    (Query(most(now(files.serving_kept))),),
    "upgrade", "stat", width=4, height=4, names=NO,
)  # fmt: skip
WRITABLE = Panel(
    "State can be kept",
    f"If not, {FORGOTTEN}.",
    (Query(least(now(files.state_writable))),),
    "upgrade", "stat", width=4, height=4, names=YES,
)  # fmt: skip
TRIED = Panel(
    "Last edit tried",
    "How long ago.",
    (Query(least(since(now(files.last_reload_at)))),),
    "edits", "stat", width=4, height=4,
)  # fmt: skip
VERSIONS = Panel(
    "Versions that run",
    "More than one is an upgrade under way, or one that was forgotten.",
    (Query(counted(counted(now(process.build), "version"))),),
    "upgrade", "stat", width=4, height=4, warn=2.0, bad=3.0,
)  # fmt: skip
CONFIGURATIONS = Panel(
    "Configurations served",
    "Different ones among the edge hosts shown, by hash. Edges may differ in [server] on purpose.",
    (Query(counted(counted(now(files.config), "sha256"))),),
    "edges", "stat", width=4, height=4,
)  # fmt: skip
RELOADS = Panel(
    "Edits",
    "Adopted, refused and held, in the last hour.",
    (Query(total(increase(files.reloads, "1h"), "result"), "{{result}}"),),
    "edits",
)  # fmt: skip
OUTDATED = Panel(
    "Served in an older state",
    "Each part whose file was refused or is held, by edge host.",
    (
        Query(total(now(files.parts_outdated), "part", "state"), "edge hosts, part"),
        Query(total(now(files.zones_outdated), "zone", "state"), "edge hosts, zone"),
    ),
    "edits", "table",
)  # fmt: skip
SERIALS = Panel(
    "Serials of zones",
    "Lowest and highest among the edge hosts shown. Where they differ for long, a host has not got "
    "the zone or has refused it.",
    (
        Query(least(now(files.serials), "zone"), "lowest"),
        Query(most(now(files.serials), "zone"), "highest"),
    ),
    "zone-files", "table",
)  # fmt: skip
DATABASES = Panel(
    "Age of geographic databases",
    "Above 60 days the timer of `resolverd geo fetch` does not run. One that is embedded is "
    "renewed by an upgrade.",
    (Query(most(since(now(files.databases)), "file", "type"), "{{file}}"),),
    "steering", "bargauge", warn=60 * 86400.0, bad=730 * 86400.0,
)  # fmt: skip
GENERATIONS = Panel(
    "Plans and Steerings",
    "How often each was rebuilt in ten minutes: Plans by edits, Steerings by verdicts and clocks.",
    (
        Query(most(changes(files.plan_generation, "10m"), "instance"), "{{instance}} Plan"),
        Query(most(changes(files.steering_generation, "10m"), "instance"), "{{instance}} Steering"),
    ),
    "architecture",
)  # fmt: skip
MAPS = Panel(
    "Compiled client maps",
    "Memory by service; services of one geography share it.",
    (Query(most(now(files.map_bytes), "service"), "{{service}}"),),
    "performance",
)  # fmt: skip
MAP_SIZES = Panel(
    "Networks and lists of client maps",
    "What a map tells apart.",
    (
        Query(most(now(files.map_networks), "service"), "networks"),
        Query(most(now(files.map_lists), "service"), "preference lists"),
    ),
    "performance", "table",
)  # fmt: skip

_PROCESS = 'job="resolverd", instance=~"$instance"'
CPU = Panel(
    "CPU",
    "Cores that the main process takes; workers of the native engine are its threads.",
    (Query(scraped(f"rate(process_cpu_seconds_total{{{_PROCESS}}}[$__rate_interval])",
                   NUMBER, "instance"), "{{instance}}"),),
    "performance", unit="none",
)  # fmt: skip
MEMORY = Panel(
    "Memory",
    "Resident, of the main process.",
    (Query(scraped(f"process_resident_memory_bytes{{{_PROCESS}}}", BYTES, "instance"),
           "{{instance}}"),),
    "performance",
)  # fmt: skip
DESCRIPTORS = Panel(
    "File descriptors",
    "Share of the limit that is open. `resolverd doctor` says how to raise it.",
    (Query(scraped(f"process_open_fds{{{_PROCESS}}} / process_max_fds{{{_PROCESS}}}", "ratio",
                   "instance"), "{{instance}}"),),
    "troubleshooting", warn=0.5, bad=0.8,
)  # fmt: skip
TASKS = Panel(
    "Tasks",
    "Begun again in the last hour. Queries are answered all the same, but what a failing task does "
    "is not done: the log has the reason.",
    (Query(total(increase(process.task_restarts, "1h"), "task"), "{{task}}"),),
    "troubleshooting",
)  # fmt: skip
TASKS_FAILING = Panel(
    "Tasks that keep failing",
    "Restart the daemon if it is none of the host's.",
    (Query(most(now(process.task_failing), "task"), "{{task}}"),),
    "troubleshooting", "state-timeline",
    names=Names({"0": ("well", GREEN), "1": ("fails", RED)}),
)  # fmt: skip
LIMITS = Panel(
    "Log and admin API",
    "Log events that were dropped: look at the disk and at journald's rate limit. Connections to "
    "the API that met a limit.",
    (
        Query(total(rate(process.log_dropped)), "log events dropped"),
        Query(total(rate(process.admin_closed), "limit"), "API: {{limit}}"),
    ),
    "troubleshooting",
)  # fmt: skip

FILES = (
    ADOPTED, KEPT, WRITABLE, TRIED, VERSIONS, CONFIGURATIONS,
    RELOADS, OUTDATED, SERIALS, DATABASES, GENERATIONS, MAPS, MAP_SIZES,
)  # fmt: skip
PROCESS = (CPU, MEMORY, DESCRIPTORS, TASKS, TASKS_FAILING, LIMITS)
