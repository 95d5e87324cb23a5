"""llama.cpp's `/slots`, which is there without any switch: a list of what each slot does; pure.

A slot at work tells its task and how far it is; names differ between versions of llama.cpp, so
every number that a slot of one task tells of its progress counts (its tools/server/README.md).
"""

from __future__ import annotations

from typing import Any

from resolverd.health.load_pages.page import LoadPage
from resolverd.health.untrusted_json import parse_json

# b11434 counts in n_prompt_tokens what it has read of the prompt so far, and n_past is older.
_PROGRESS = ("n_decoded", "n_past", "n_prompt_tokens", "n_prompt_tokens_processed")


def read_slots(page: bytes) -> LoadPage | None:
    """What a list of slots tells; None where the page is none."""
    if page.lstrip()[:1] != b"[":
        return None
    slots = parse_json(page)
    if not isinstance(slots, list) or not slots:
        return None
    if not all(isinstance(slot, dict) and "id" in slot and "n_ctx" in slot for slot in slots):
        return None
    busy = [slot for slot in slots if _is_busy(slot)]
    work = {
        f"slot {str(slot['id'])[:20]} task {str(slot.get('id_task'))[:20]} {name}": value
        for slot in busy
        for name, value in _progress(slot)
    }
    return LoadPage("llama.cpp", running=float(len(busy)), work=work)


def _is_busy(slot: dict[str, Any]) -> bool:
    return slot.get("is_processing") is True or slot.get("state") == 1


def _progress(slot: dict[str, Any]) -> list[tuple[str, float]]:
    parts = [slot, slot.get("next_token")]
    if isinstance(parts[1], list):  # one element for each alternative that is generated
        parts[1:] = parts[1]
    return [
        (name, float(part[name]))
        for part in parts
        if isinstance(part, dict)
        for name in _PROGRESS
        if type(part.get(name)) is int and 0 <= part[name] < 1 << 50
    ]
