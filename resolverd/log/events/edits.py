"""What operators write: files, databases and maps, and how edits are adopted."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "start.kept",
        "error",
        "A start found `files` that are refused, and serves those that were adopted at "
        "`adopted_at`.",
        "reason files adopted_at problems consequence",
    ),
    Event(
        "start.defect",
        "error",
        "A defect of ours met the files at a start, which takes those that were adopted last.",
        "",
        "exception",
    ),
    Event(
        "kept.refused",
        "warning",
        "Kept copies of these `files` would not be served either.",
        "files problems",
    ),
    Event(
        "kept.unusable",
        "warning",
        "What is kept of the files adopted last cannot be used.",
        "reason",
    ),
    Event(
        "files.kept",
        "info",
        "So many files and databases that were adopted are kept for a start that refuses those "
        "on disk.",
        "file_count database_count adopted_at",
    ),
    Event(
        "files.not_kept",
        "warning",
        "Adopted files and databases could not be kept. A restart depends on the files on disk.",
        "reason consequence",
    ),
    Event(
        "start.held",
        "warning",
        "`parts` of the files on disk lose much of what was adopted last, and wait for "
        "`resolverd reload --yes` as in a reload.",
        "parts problems consequence",
    ),
    Event(
        "reload.adopted",
        "info",
        "An edit is served, or a part of it: its `generation`, and what `changed`.",
        "generation changed",
    ),
    Event(
        "reload.refused",
        "error",
        "`parts` of an edit are not (the configuration, the databases, zones), which stay as "
        "they were: `problems` with file, line and hint; `changed` is what of the rest is "
        'adopted, or "nothing".',
        "parts problems generation changed",
    ),
    Event(
        "reload.held",
        "warning",
        "`parts` of an edit wait for `resolverd reload --yes`, for they lose much.",
        "parts problems generation changed",
    ),
    Event(
        "reload.needs_restart",
        "warning",
        "An option was adopted that takes effect at the next start.",
        "option",
    ),
    Event(
        "reload.defect",
        "error",
        "A defect of ours met an edit, which is then refused.",
        "",
        "exception",
    ),
    Event(
        "edits.polling",
        "warning",
        "Directories cannot be watched: edits are noticed by a scan every few seconds.",
        "reason interval_seconds",
    ),
    Event(
        "edits.notified",
        "info",
        "Directories are watched again, after `edits.polling`.",
    ),
    Event(
        "edits.unsettled",
        "warning",
        "An edit is waited for, because `files` go on changing, for so many `seconds`.",
        "files seconds settle_seconds",
    ),
    Event(
        "edits.hanging",
        "error",
        "A `file` does not answer within `limit_seconds`; it is refused like one that cannot be "
        "read, or done without where it is in `server.state`.",
        "file limit_seconds",
    ),
    Event(
        "edits.answering",
        "info",
        "A `file` that did not answer does again.",
        "file",
    ),
    Event(
        "edits.defect",
        "error",
        "A defect of ours met a scan of the files; they are scanned again.",
        "",
        "exception",
    ),
    Event(
        "check.warning",
        "warning",
        "Odd but legal: one for each finding of `check`.",
        "problems",
    ),
    Event(
        "geo.walking",
        "info",
        "A database is being walked.",
        "file percent",
    ),
    Event(
        "map.compiling",
        "info",
        "A client map is being compiled, and it takes long.",
        "percent",
    ),
    Event(
        "map.compiled",
        "info",
        "A client map was compiled, after `map.compiling`.",
        "policy region_count network_count list_count bytes seconds",
    ),
    Event(
        "map.restored",
        "info",
        "A client map was taken from `server.state`: it was compiled of the same before.",
        "bytes seconds",
    ),
    Event(
        "map.unreadable",
        "warning",
        "A client map that was kept in `server.state` cannot be read; it is compiled anew.",
        "file reason",
    ),
    Event(
        "map.not_kept",
        "warning",
        "Client maps could not be kept in `server.state`.",
        "reason consequence",
    ),
    Event(
        "geo.not_kept",
        "warning",
        "The embedded database could not be kept unpacked in `server.state`.",
        "reason consequence",
    ),
    Event(
        "geo.none",
        "error",
        "No database at all: every client is taken to stand at `server.coordinates`.",
        "reason consequence hint",
    ),
    Event(
        "geo.on_disk",
        "error",
        "The database that is served made room for another that was refused, and cannot be read "
        "into memory again from `server.state`. Answers go on.",
        "reason consequence",
    ),
    Event(
        "geo.stamp_unreadable",
        "warning",
        "A remembered walk cannot be read; the database is walked again.",
        "file reason",
    ),
    Event(
        "geo.stamp_unwritable",
        "warning",
        "A walk cannot be remembered; the next start walks again.",
        "directory reason",
    ),
)
