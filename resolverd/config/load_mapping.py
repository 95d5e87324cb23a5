"""`load` of `[probe]`: which metric of a page tells what; checked when the file is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

KEYS = ("running", "waiting", "kv_usage", "kv_usage_percent", "tokens", "work")

_METRIC = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"([^"\\]*)"\s*')


def parse_metric(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Name and labels of ``name`` or ``name{label="value", …}``. Raises ValueError."""
    match = _METRIC.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is not a metric; write name or name{{label="value"}}')
    labels = []
    for part in (match[2] or "").split(",") if match[2] else ():
        label = _LABEL.fullmatch(part)
        if label is None:
            raise ValueError(f'"{part.strip()}" is not a label; write label="value"')
        labels.append((label[1], label[2]))
    return match[1], tuple(labels)


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raises ValueError that says what is wrong with it."""
    for key, metric in mapping.items():
        if key not in KEYS:
            raise ValueError(f'load has no "{key}"; write one of {", ".join(KEYS)}')
        parse_metric(metric)
    if {"kv_usage", "kv_usage_percent"} <= mapping.keys():
        raise ValueError(
            "load has both kv_usage and kv_usage_percent; write kv_usage alone, or kv_usage_percent"
        )
