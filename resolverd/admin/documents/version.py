"""The version that every JSON document carries, of the API and of each verb's `--json`.

A key that is added raises no version; one that goes, or means something else, does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 1


def versioned(document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with its version in front, which it may have already."""
    return {"schema_version": SCHEMA_VERSION, **document}
