"""Generations of configuration that the fleet publishes."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "generation.serves",
        "info",
        "This edge serves the published set `number` from now on, on `trial` or for good.",
        "number digest trial",
    ),
    Event(
        "generation.proved",
        "info",
        "The set on trial has proved itself at this edge; `figures` of the proof.",
        "number figures",
    ),
    Event(
        "generation.failed",
        "error",
        "The set on trial has failed its proof at this edge: every edge returns to the last good "
        "one.",
        "number reason",
    ),
    Event(
        "generation.completed",
        "info",
        "The set that this edge proved is completed in the whole fleet.",
        "number",
    ),
    Event(
        "generation.refused",
        "error",
        "This edge cannot serve a published set, and goes on with the one before. On trial, every "
        "edge returns; a completed one is tried again.",
        "number reason",
    ),
    Event(
        "generation.recovered",
        "error",
        "The daemon had ended, and not by a stop, or by one that its disk cut short, while this "
        "set was on trial: it starts from the last good one.",
        "number",
    ),
    Event(
        "generation.alone",
        "warning",
        "The fleet could not be asked at the start, or its set not be had in time: the last good "
        "set on this host is served (0: there is none).",
        "reason number",
    ),
    Event(
        "generation.conflict",
        "info",
        "Another edge has written the ledger first; what it wrote is looked at.",
        "reason",
    ),
    Event(
        "generation.not_tidied",
        "warning",
        "Old sets on this host cannot be removed, or not the note that one is on trial, which the "
        "next start would report as failed.",
        "reason",
    ),
    Event(
        "generation.not_returned",
        "warning",
        "At a stop or a refusal the last good set could not be put back in time: the next start "
        "does, and reports the set on trial as failed.",
        "reason",
    ),
    Event(
        "generation.ledger_unreadable",
        "error",
        "The fleet's ledger of generations cannot be read. What is served stays.",
        "reason",
    ),
)
