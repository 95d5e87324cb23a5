"""What holds because nobody wrote it: the defaults that a finding follows from, by name.

An operator who reads of a value that stands in none of the files looks for it in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from resolverd.config.declared import declaration, dotted
from resolverd.config.positions import Path as KeyPath
from resolverd.config.reference import unit_of
from resolverd.config.toml_values import toml_value


def unwritten(tree: Mapping[str, Any], paths: Iterable[KeyPath]) -> Iterator[str]:
    """For each path of an option with a default that `tree` does not have, that it is one.

    Nothing is said of an empty default, which turns something off, nor of whole tables.
    """
    for path in dict.fromkeys(paths):
        field = declaration(path).field
        if field is None or field.is_required() or is_written(tree, path):
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        if not isinstance(default, BaseModel) and default not in (None, "", (), {}):
            value = toml_value(default, seconds=unit_of(field) == "seconds")
            yield f"{dotted(path)} = {value} is the default: nobody wrote it"


def is_written(tree: Any, path: KeyPath) -> bool:
    """Whether `tree` has a value at `path`."""
    for part in path:
        if isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
            continue
        if not isinstance(tree, list) or not isinstance(part, int) or part >= len(tree):
            return False
        tree = tree[part]
    return True
