"""What an operator wrote, without the secrets in it: for logs, state, problems and metrics.

A secret is the password of a URL, the query of a URL or path, a header's value, a body, and the
name of a credential's file, for somebody will write the token itself there. What is not surely
harmless is hidden: a URL that cannot be read, and a line whose key is not known to be
harmless. `***` stands for what is hidden; in a line of a file each letter does, so that a caret
still points at its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel

HIDDEN = "***"

# Options whose value is a secret.
_SECRET = frozenset({"headers", "body", "credential", "credentials"})
_SECRET_NAME = re.compile(r"key|token|secret|sig|pass|auth|cred|cookie|code\b|session", re.I)

# What repeats is possessive, else a line that does not match takes the square of its length, and
# `re` lets no other thread have a turn meanwhile.
_HEADER = re.compile(
    r"""\s*(?:\[\[?[ \t]*([A-Za-z]++)(?:[A-Za-z0-9_.\- \t]|(?<=\.)"[A-Za-z0-9_.\-]+\""""
    r"""|(?<=\.)'[A-Za-z0-9_.\-]+')*+\]\]?\s*)?(?:#.*)?"""
)
_WORD_OF_KEY = re.compile(r"[A-Za-z0-9_.\-]++")
_PART_OF_KEY = re.compile(r"""[A-Za-z0-9_.\-]++|"[^"]*"|'[^']*'""")
_EQUALS = re.compile(r"[ \t]*=")
_COLON = re.compile(r'"[ \t]*:[ \t]*(\{?)')
_BRACKETS = re.compile(r"[\s{}\[\],]*")
_WORD = re.compile(r"[^\s\[\]{}(),=\"'#]")
_CHUNK = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*(?:@|://)[^\s\"'<>]*")
_WITH_COLON = re.compile(r"(?<![^\s\"',])[^\s\"',]*:[^\s\"',]+")


def shown_url(url: str, *, may_be_no_url: bool = False) -> str:
    """`url`, with `***` for its password, or for a user that stands alone, and for its query."""
    scheme, mark, rest = url.partition("://") if url.count("://") == 1 else ("", "", url)
    at, query = rest.rfind("@"), re.search(r"[?#]", rest)
    hostless = at >= 0 and rest[at + 1 : at + 2] in ("", "/")
    if url.count("://") > 1 or (query and at > query.start()) or hostless:
        return scheme + mark + HIDDEN  # it could be read in two ways
    if at >= 0:
        user, colon, _ = rest[:at].partition(":")
        rest = (f"{user}:{HIDDEN}@" if colon else f"{HIDDEN}@") + rest[at + 1 :]
        at = rest.rfind("@")
        query = re.search(r"[?#]", rest)
    if query:
        rest = f"{rest[: query.start() + 1]}{HIDDEN}"
    place = rest[at + 1 :]
    return scheme + mark + rest[: at + 1] + (place if may_be_no_url else _without_bad_port(place))


def shown_text(text: str) -> str:
    """`text`, with each URL in it as `shown_url` has it."""
    return _CHUNK.sub(lambda found: shown_url(found.group(), may_be_no_url=True), text)


def is_secret(path: Sequence[str | int]) -> bool:
    """Whether the value at a key path is a secret, or part of one."""
    return not _SECRET.isdisjoint(path[1:])


def shown_line(line: str, *, secret: bool = False, parsed: bool = True) -> str:
    """A line of a TOML file, of the same length, each letter of a secret replaced by ``*``.

    `secret` tells that it is known to hold one. In a file that is not `parsed` it may also lie
    within a string of several lines, and what looks like a key may be a secret too.
    """
    header = _HEADER.fullmatch(line)
    if header is not None and (header[1] is None or header[1] in _options()):
        return line
    found = [*_assignments(line)]
    keys = [line[start:end] for start, end in found]
    begin = len(line) - len(line.lstrip())
    first = next((end for start, end in found if start == begin), None)
    if first is None or not (parsed or set(map(_last_part, keys)) <= _options()):
        return _masked(line)  # a part of a value, and nobody knows of which
    if not secret and all(map(_may_be_shown, keys)) and not _has_secret(line[first:]):
        return line
    return line[:first] + _masked(line[first:])


def shown_json_line(line: str, *, secret: bool = False) -> str:
    """A line of a file in JSON, as `shown_line` has one of TOML; all is hidden, or nothing."""
    keys = [*_members(line)]
    known = bool(keys) and all(opens == "{" or name in _options() for name, opens in keys)
    if _BRACKETS.fullmatch(line) or (known and not secret and not _has_secret(line)):
        return line
    return _masked(line)


def _assignments(line: str) -> Iterator[tuple[int, int]]:
    """Where each ``KEY =`` begins and ends; no place is looked at twice."""
    seen, start = set[int](), 0
    while start < len(line):
        at, end = start, None
        while at not in seen and (part := _PART_OF_KEY.match(line, at)):
            seen.add(at)
            at = part.end()
            if equals := _EQUALS.match(line, at):
                end = equals.end()
        if end is not None:
            yield start, end
            start = end
        else:
            word = _WORD_OF_KEY.match(line, start)
            start = word.end() if word else start + 1


def _members(line: str) -> Iterator[tuple[str, str]]:
    """The name in each ``"NAME":``, and the brace behind it; no place is looked at twice."""
    closing, valued = _closing_quotes(line), set[int]()
    start = line.find('"')
    while start >= 0:
        end, found = closing[start + 1], None
        if end not in valued:
            valued.add(end)
            found = _COLON.match(line, end)
        if found:
            yield line[start + 1 : end], found[1]
        start = line.find('"', found.end() if found else start + 1)


def _closing_quotes(line: str) -> list[int]:
    """Where a string ends that has the letter at each place in it; in none, where the line does."""
    closing = [len(line)] * (len(line) + 2)
    for at in reversed(range(len(line))):
        escape = line[at] == "\\"
        closing[at] = at if line[at] == '"' else closing[at + 2 if escape else at + 1]
    return closing


def _may_be_shown(key: str) -> bool:
    return _last_part(key) in _options() and not _SECRET & {*_key_parts(key)}


def _last_part(key: str) -> str:
    return _key_parts(key)[-1]


def _key_parts(key: str) -> list[str]:
    return [part.strip("\"'") for part in key.rstrip("= \t").split(".")]


def _has_secret(value: str) -> bool:
    """Whether a URL or a path may have one. An escape may be any letter."""
    if "\\" in value or re.search(r"[\"'][^\"']*[?@]", value):
        return True
    return any(shown_url(text) != text for text in _WITH_COLON.findall(value))


def secrets_of(url: str, headers: Mapping[str, str], body: str, path: str) -> tuple[str, ...]:
    """Every secret among what a probe sends, the longest first, for `hide`."""
    rest = url.partition("://")[2]
    found = {*headers.values(), *_parts(rest.rpartition("@")[0]), body}
    for text in (rest, path):
        found |= {text.partition("?")[2], *_parts(text.partition("?")[2])}
    for value in headers.values():
        found.add(value.rpartition(" ")[2])
    found |= {unquote(text) for text in found}
    return tuple(sorted((secret for secret in found if len(secret) > 3), key=len, reverse=True))


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without any of these, which a server may have repeated."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def secret_parts(url: str) -> Iterator[str]:
    """In words, each part of `url` that looks as if it were a secret."""
    rest = url.partition("://")[2]
    if ":" in rest.rpartition("@")[0]:
        yield "a password"
    for pair in rest.partition("?")[2].partition("#")[0].split("&"):
        name, equals, value = pair.partition("=")
        if equals and value and _SECRET_NAME.search(name):
            yield f'"{name}"'


def names_a_secret(header: str) -> bool:
    """Whether a header of that name carries a secret as a rule."""
    return _SECRET_NAME.search(header) is not None


def _parts(text: str) -> Iterator[str]:
    """Passwords and values: what follows a colon or an equals sign."""
    yield text.partition(":")[2]
    for pair in text.split("&"):
        yield pair.partition("=")[2]


def _without_bad_port(rest: str) -> str:
    """What stands for a port and is none may be a password that lost its ``@``."""
    end = re.search(r"[/?#]", rest)
    host = rest[: end.start()] if end else rest
    name, colon, port = host.rpartition(":")
    if not colon or port.isdigit() or host.endswith("]") or not port:
        return rest
    return f"{name.partition(':')[0]}:{HIDDEN}"


def _masked(text: str) -> str:
    return _WORD.sub("*", text)


@cache
def _options() -> frozenset[str]:
    """The names of all options whose values are no secret as a whole."""
    from resolverd.config.model import Config

    found: set[str] = set()
    _gather(Config, found)
    return frozenset(found - _SECRET)


def _gather(section: type[BaseModel], found: set[str]) -> None:
    for name, field in section.model_fields.items():
        found.add(name)
        for inner in _sections(field.annotation):
            _gather(inner, found)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _sections(part)
