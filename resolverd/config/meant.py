"""What was meant by a value that an option cannot have: the same, as the option takes it.

A hint that gives an example instead says to write another address, region or network than the
operator has. So what was written is tried in other forms, and none is said that the option would
not take.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import ConfigDict, TypeAdapter, ValidationError

from resolverd.config.declared import Declared, members, section_of
from resolverd.config.secrets import is_secret, shown_text
from resolverd.config.types import Listener
from resolverd.dns.hostnames import is_address

_DNS_PORT = 53
# No option has longer ones, and int() raises at 4,300 digits.
_NUMBER = re.compile(r"(?:AS)?[0-9]{1,18}|-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.IGNORECASE)
# From the first digit of a number on: from each of many it would take the square of them.
_DURATION = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_UNITS = {
    "ms": re.compile(r"ms(ecs?)?|milli[a-z]*"),
    "s": re.compile(r"s(ecs?|econds?)?"),
    "m": re.compile(r"m(ins?|inutes?)?"),
    "h": re.compile(r"h(rs?|ours?)?"),
    "d": re.compile(r"d(ays?)?"),
}
# What other servers write for an address of this host.
_HERE = {"localhost": "127.0.0.1", "*": "0.0.0.0", "": "0.0.0.0"}


def meant(declared: Declared, written: Any, tree: Mapping[str, Any]) -> Any:
    """`written` as the option takes it that is declared so; None where that cannot be told.

    `tree` has the other options of its table, none of which may contradict it.
    """
    if declared.kind is None or section_of(declared.kind) is not None or is_secret(declared.path):
        return None
    takes = _adapter(declared)
    for form in _forms(declared, written):
        if form == written or shown_text(str(form)) != str(form):
            continue
        try:
            takes.validate_python(form)
        except ValidationError:
            continue
        return form if _suits(declared, form, tree) else None
    return None


def _adapter(declared: Declared) -> TypeAdapter[Any]:
    """The option's type with its range, or that of an element."""
    field = declared.field
    kind = declared.kind if field is None else field.rebuild_annotation()
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def _suits(declared: Declared, form: Any, tree: Mapping[str, Any]) -> bool:
    """Whether no other option of the table contradicts it."""
    *path, key = declared.path
    table: Any = tree
    for part in path:
        table = table[part]
    if declared.table is None or not isinstance(table, dict):
        return True
    try:
        declared.table.model_validate({**table, key: form})
    except ValidationError as error:
        found = error.errors(include_url=False)
        return not any(key in one.get("ctx", {}).get("keys", ()) for one in found)
    return True


def _forms(declared: Declared, written: Any) -> Iterator[Any]:
    """What may have been meant, the likeliest first."""
    lists = [kind for kind in members(declared.kind) if get_origin(kind) is tuple]
    if isinstance(written, list) and len(written) == 1 and not lists:
        written = written[0]
        yield written
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return
    element = get_args(lists[0])[0] if lists else declared.kind
    forms = _forms_of_one(written, _port(declared), number=_is_number(element))
    if not lists:
        yield from forms
        return
    parts = [part.strip() for part in str(written).split(",") if part.strip()]
    if _is_number(element) and all(map(_NUMBER.fullmatch, parts)):
        yield [_number(part) for part in parts]
    # An element that may be any text is hardly one with commas; hours are.
    if len(parts) > 1 and element is str:
        yield parts
    yield from ([form] for form in forms)
    yield parts


def _port(declared: Declared) -> int:
    """The port that an address to listen on has by default."""
    default = None if declared.field is None else declared.field.default
    return default.port if isinstance(default, Listener) else _DNS_PORT


def _is_number(kind: Any) -> bool:
    return not {int, float}.isdisjoint(members(kind))


def _number(text: str) -> int | float:
    digits = text.upper().removeprefix("AS")
    return int(digits) if digits.isdecimal() else float(digits)


def _forms_of_one(written: str | float, port: int, *, number: bool) -> Iterator[Any]:
    if number and isinstance(written, str) and _NUMBER.fullmatch(written.strip()):
        yield _number(written.strip())
    yield written
    if isinstance(written, str):
        text = written.strip()
        yield text
        yield from _durations(text)
        yield from _networks(text)
        yield from _hosts(text)
        yield from _listeners(text, port)
        yield from (text.upper(), text.lower())
        if "://" not in text and not re.search(r"\s", text):
            yield from (f"http://{text}", f"nats://{text}")


def _durations(text: str) -> Iterator[str]:
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) == re.sub(r"[\s,]", "", text):
        yield "".join(number + _unit(unit.lower()) for number, unit in parts)


def _unit(word: str) -> str:
    return next((unit for unit, written in _UNITS.items() if written.fullmatch(word)), word)


def _networks(text: str) -> Iterator[str]:
    """The network around an address that has a length."""
    if "/" in text:
        try:
            yield str(ipaddress.ip_network(text, strict=False))
        except ValueError:
            return


def _hosts(text: str) -> Iterator[str]:
    """The address or hostname of what has a scheme, a port or a length as well."""
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        yield from _host_of_url(text)
        return
    network = interface.network
    if network.num_addresses == 1 or interface.ip != network.network_address:
        yield str(interface.ip)


def _host_of_url(text: str) -> Iterator[str]:
    # One host of a list, or of a network, would be written in the place of all.
    if re.search(r"[,;\s]", text):
        return
    network = re.search(r"/\d*$", text)
    if "://" not in text and (network or (text.count(":") > 1 and not text.startswith("["))):
        return
    try:
        yield urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return


def _listeners(text: str, port: int) -> Iterator[str]:
    """An address with `port` where none is written, or one that is written in another way."""
    text = re.sub("[#@]", ":", text)
    host, _, last = text.rpartition(":")
    number = int(last) if re.fullmatch(r"\d{1,5}", last) else 0
    if is_address(text.strip("[]")):
        # An IPv6 address may be one with its port, too, for want of brackets.
        if is_address(host) and (number == _DNS_PORT or 1024 <= number <= 65535):
            yield str(Listener(host, number))
        yield str(Listener(text.strip("[]"), port))
        return
    bare = (host if ":" in text else text).strip("[]").lower()
    bare = _HERE.get(bare, bare)
    if is_address(bare):
        yield str(Listener(bare, number if 0 < number <= 65535 else port))
