"""The files of a configuration merged into one tree that remembers where each key was written.

`Sources.tree` is plain dicts and lists as TOML and JSON give them; `Sources.problem(path, …)` turns
a key path of that tree into a `Problem` with file, line, column and the line's text. Where keys
were written is looked for once somebody asks: of a thousand regions it takes as long as the rest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from resolverd.config import json_text
from resolverd.config.declared import dotted
from resolverd.config.defaults import is_written, unwritten
from resolverd.config.option_keys import key_parts
from resolverd.config.positions import KeyPosition, Position, locate
from resolverd.config.positions import Path as KeyPath
from resolverd.config.secrets import is_secret, shown_json_line, shown_line, shown_text
from resolverd.config.toml_errors import explain_toml
from resolverd.config.toml_text import taken
from resolverd.errors import Problem, Severity
from resolverd.files.matching import match
from resolverd.files.reading import MAX_CONFIG, read_file
from resolverd.files.writing import why_not

FRAGMENT_TABLES = ("region", "service", "place", "pin")
FRAGMENTS = ("*.toml", "*.json")
_Parsed = tuple[dict[str, Any], Callable[[], Mapping[KeyPath, KeyPosition]]]
# The lists that add up: `[region.NAME]` `endpoint` and `[service.NAME]` `regions`.
_ADDS_UP = {("region", "endpoint"), ("service", "regions")}


class Origin(NamedTuple):
    """Where a key and its value were written, in a line of a file.

    `position` is that of the key, `value` of its value; None of a table that dotted keys make.
    `secret` tells that the line is known to hold one, `json` that it is JSON and not TOML.
    """

    file: str
    position: Position
    line: str
    value: Position | None = None
    secret: bool = False
    json: bool = False

    @property
    def source(self) -> str:
        """The line's text as a problem shows it: each letter of a secret is a `*`."""
        shown = shown_json_line if self.json else shown_line
        return shown(self.line, secret=self.secret)


class Sources:
    """Every file of one configuration, merged; problems met on the way are in `problems`.

    `misplaced` are tables that stand in a fragment and are not taken from one.
    """

    def __init__(self, main: Path) -> None:
        self.main = main
        self.tree: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.misplaced: set[str] = set()
        self.files: tuple[Path, ...] = ()
        self._known: dict[KeyPath, Origin] = {}
        # What is still to be done to `_known`, in order.
        self._later: list[Callable[[dict[KeyPath, Origin]], None]] = []

    def problem(
        self,
        path: KeyPath,
        check: str,
        message: str,
        hint: str = "",
        severity: Severity = "error",
        at: Literal["value", "key"] = "value",
        because: tuple[KeyPath, ...] = (),
    ) -> Problem:
        """A finding about the key at `path`, or about its nearest written ancestor; see `Finding`.

        What it follows from and nobody wrote is said: the defaults of `path` and of `because`.
        """
        about = next((written for written in (path, *because) if self._located(written)), path)
        origin = self._origin(about)
        position = origin.position if at == "key" else origin.value or origin.position
        defaults = unwritten(self.tree, (path, *because))
        return Problem(
            origin.file,
            *position,
            check,
            "; ".join([shown_text(message), *defaults]),
            hint,
            severity,
            source=origin.source,
        )

    def is_written(self, path: KeyPath) -> bool:
        """Whether some file, or an override, has a value at `path`."""
        return is_written(self.tree, path)

    def override(self, key: str, value: Any) -> None:
        """Set a dotted key, such as ``server.listen``, over what the files say."""
        node: Any = self.tree
        path: KeyPath = ()
        try:
            *tables, last = key_parts(key)
            for part in tables:
                step = _step(node, part)
                node = node[step] if isinstance(step, int) else node.setdefault(step, {})
                path = (*path, step)
            path = (*path, _step(node, last))
            node[path[-1]] = value
        except (AttributeError, IndexError, TypeError, ValueError):
            self.problems.append(
                Problem(
                    "--set", 1, 1, "config-override", f"{key} is no place where a value can be",
                    "name tables, and elements of lists by number, counted from 0; a name that "
                    "has a dot stands in quotes",
                    source=shown_line(f"{key}={value}"),
                )
            )  # fmt: skip
            return
        value_at = Position(1, len(key) + 2)
        said = Origin("--set", Position(1, 1), f"{key}={value}", value_at)
        self._later.append(partial(_said_instead, path, said))

    def rename(self, path: KeyPath, to: KeyPath) -> None:
        """Have the table at `path` at `to`, in the same table of the root, unless one is there."""
        around: list[Any] = [self.tree]
        for part in path[:-1]:
            around.append(around[-1][part])
        moved = around[-1].pop(path[-1])
        for depth in range(len(path) - 2, 0, -1):
            if not around[depth + 1]:
                del around[depth][path[depth]]
        if to[-1] not in around[1]:
            around[1][to[-1]] = moved
            self._later.append(partial(_renamed, path, to))

    def add(self, file: Path, *, fragment: bool) -> None:
        """Read one file and merge it; what cannot be read or merged becomes a problem."""
        self.files = (*self.files, file)
        text = self._text(file)
        if text is not None:
            # What some editors write before a file; TOML 1.1 says to pass over it.
            text = text.removeprefix("\ufeff")
        read = self._parsed(file, text) if text is not None else None
        if text is None or read is None:
            return
        tree, written = read[0], _Written(file, text, read[1])
        if fragment:
            for table in [key for key in tree if key not in FRAGMENT_TABLES]:
                origin = written.origins[(table,)]
                self.problems.append(
                    Problem(
                        str(file), *origin.position, "config-fragment-table",
                        f"[{table}] may not stand in a fragment",
                        f"move it to {self.main.name}; fragments add regions, services, places "
                        "and pins",
                        source=origin.source,
                    )
                )  # fmt: skip
                self.misplaced.add(table)
                del tree[table]
        self._merge(self.tree, tree, (), (), written)

    def merge(self, other: Sources, *, without: Collection[str] = ()) -> None:
        """Merge what other files say, less the tables `without`; their problems become these."""
        self.files = (*self.files, *other.files)
        self.problems += other.problems
        tree = {key: value for key, value in other.tree.items() if key not in without}
        self._merge(self.tree, tree, (), (), other)

    @property
    def origins(self) -> Mapping[KeyPath, Origin]:
        """Where each key was written."""
        return self._origins

    def _merge(
        self,
        into: dict[str, Any],
        tree: Mapping[str, Any],
        at: KeyPath,
        read_at: KeyPath,
        written: _Locates,
    ) -> None:
        for key, value in tree.items():
            path, read = (*at, key), (*read_at, key)
            if key not in into:
                into[key] = value
                self._adopt(path, read, written)
            elif isinstance(value, dict) and isinstance(into[key], dict):
                self._merge(into[key], value, path, read, written)
            elif isinstance(value, list) and _adds_up(path):
                for index, element in enumerate(value):
                    self._adopt((*path, len(into[key])), (*read, index), written)
                    into[key] = [*into[key], element]
            else:
                self._said_twice(path, written.origins[read])

    def _said_twice(self, path: KeyPath, origin: Origin) -> None:
        first = self._origin(path)
        self.problems.append(
            Problem(
                origin.file, *(origin.value or origin.position), "config-said-twice",
                f"{dotted(path)} is set already, at {first.file}:{first.position.line}",
                "remove it here or there: no file wins over another", source=origin.source,
            )
        )  # fmt: skip

    def _adopt(self, path: KeyPath, read: KeyPath, written: _Locates) -> None:
        self._later.append(partial(_adopted, path, read, written))

    @property
    def _origins(self) -> Mapping[KeyPath, Origin]:
        """Where each key was written."""
        if later := self._later:
            # A copy, for another thread may ask meanwhile: it does the same.
            known = dict(self._known)
            for change in later:
                change(known)
            self._known, self._later = known, []
        return self._known

    def _located(self, path: KeyPath) -> bool:
        """Whether the option or a table that it would be in is written."""
        return any(path[:length] in self._origins for length in range(1, len(path) + 1))

    def _origin(self, path: KeyPath) -> Origin:
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                return self._origins[path[:length]]
        return Origin(str(self.main), Position(1, 1), "")

    def _text(self, file: Path) -> str | None:
        try:
            return read_file(file, MAX_CONFIG).decode("utf-8")
        except OSError as error:
            reason, hint = error.strerror, "name an existing, readable file with --config"
        except UnicodeDecodeError as error:
            reason, hint = f"octet {error.start + 1} is not UTF-8", "save it as UTF-8"
        self.problems.append(
            Problem(str(file), 0, 0, "config-unreadable", f"cannot be read: {reason}", hint)
        )
        return None

    def _parsed(self, file: Path, text: str) -> _Parsed | None:
        if file.suffix == ".json":
            return self._parsed_json(file, text)
        try:
            return taken(text), partial(locate, text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            lines = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
            line, column = (int(at[1]), int(at[2])) if at else (len(lines), len(lines[-1]) + 1)
            said = explain_toml(text, line, str(error).split(" (at ")[0])
            line, column = said.line or line, said.column or column
            self.problems.append(
                Problem(
                    str(file), line, column, "config-syntax", said.message, said.hint,
                    source=shown_line(lines[line - 1], parsed=False) if line <= len(lines) else "",
                )
            )  # fmt: skip
            return None

    def _parsed_json(self, file: Path, text: str) -> _Parsed | None:
        try:
            tree, found = json_text.parse(text)
            return tree, lambda: found
        except json_text.JsonError as error:
            line = [*text.split("\n"), ""][error.at.line - 1].rstrip("\r")
            self.problems.append(
                Problem(
                    str(file), *error.at, "config-syntax", error.message, error.hint,
                    source=shown_json_line(line, secret=True),
                )
            )  # fmt: skip
            return None


def read_sources(main: Path, more: Sequence[Path] = (), without: Collection[Path] = ()) -> Sources:
    """The main file, the fragments of the directory beside it by name, then `more` fragments.

    Those of the directory that are `without` are passed over.
    """
    sources = Sources(main)
    sources.add(main, fragment=False)
    directory = main.with_suffix(".d")
    paths: list[str] = []
    for pattern in FRAGMENTS:
        try:
            fragments = match(directory, pattern)
        except OSError as error:
            sources.problems.append(_unlisted(str(directory), error))
            return sources
        unlisted = [_unlisted(path, error) for path, error in fragments.unlisted.items()]
        sources.problems += [each for each in unlisted if each not in sources.problems]
        paths += fragments.paths
    beside = [path for path in map(Path, sorted(paths)) if path not in without]
    for fragment in (*beside, *more):
        sources.add(fragment, fragment=True)
    return sources


def _unlisted(directory: str, error: OSError) -> Problem:
    return Problem(
        directory, 0, 0, "config-unreadable", f"cannot be listed: {why_not(error)}",
        "see that its file system answers, and that the daemon's user may list it",
    )  # fmt: skip


class _Locates(Protocol):
    """Where keys were written, of one file or of several."""

    @property
    def origins(self) -> Mapping[KeyPath, Origin]:
        """By key path."""


class _Written:
    """A file's keys, and where they stand once that is asked."""

    def __init__(
        self, file: Path, text: str, located: Callable[[], Mapping[KeyPath, KeyPosition]]
    ) -> None:
        self._file, self._text, self._located = file, text, located

    @cached_property
    def origins(self) -> Mapping[KeyPath, Origin]:
        return _origins(self._file, self._text, self._located())


def _step(node: Any, part: str) -> int | str:
    """The key of a table, or the index in a list, that a part of a dotted key names."""
    if not isinstance(node, list):
        return part
    if not part.isdecimal():
        raise ValueError(f"{part} is no index")
    return int(part)


def _adds_up(path: KeyPath) -> bool:
    return len(path) == 3 and (path[0], path[2]) in _ADDS_UP


def _adopted(
    path: KeyPath, read: KeyPath, written: _Locates, origins: dict[KeyPath, Origin]
) -> None:
    """What was read at `read` of a file stands at `path` of the tree."""
    for known, origin in written.origins.items():
        if known[: len(read)] == read:
            origins[(*path, *known[len(read) :])] = origin


def _renamed(path: KeyPath, to: KeyPath, origins: dict[KeyPath, Origin]) -> None:
    """What was read at `path` stands at `to` of the tree."""
    for known in [known for known in origins if known[: len(path)] == path]:
        origins[(*to, *known[len(path) :])] = origins.pop(known)


def _said_instead(path: KeyPath, said: Origin, origins: dict[KeyPath, Origin]) -> None:
    """What is at `path` was said on top of the files."""
    for known in [known for known in origins if known[: len(path)] == path]:
        del origins[known]
    origins[path] = said


def _origins(file: Path, text: str, found: Mapping[KeyPath, KeyPosition]) -> dict[KeyPath, Origin]:
    secret = {at.key.line for path, at in found.items() if is_secret(path)}
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return {
        path: Origin(
            str(file),
            at.key,
            lines[at.key.line - 1],
            at.value,
            at.key.line in secret,
            file.suffix == ".json",
        )
        for path, at in found.items()
    }
