"""Text that nothing can be done with, wherever it stands: U+0000.

No file name, no name in DNS and no header has it, and what is given one fails far from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath


def check_text(_config: Config, tree: Tree) -> Iterator[Finding]:
    """A finding for each string of the tree that holds it; keys are names, which cannot."""
    yield from _within(tree, ())


def _within(node: Any, path: KeyPath) -> Iterator[Finding]:
    if isinstance(node, str) and "\0" in node:
        yield Finding(path, "config-nul", "this text holds U+0000", "delete \\u0000 from it")
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from _within(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _within(child, (*path, index))
