"""The value types that options are declared with: durations, prefixes, coordinates, listeners.

Each is an `Annotated` alias that pydantic validates; what it raises becomes the text of a
`Problem`, so every message says what was expected.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, Strict

from resolverd.config.countries import country, one_country
from resolverd.config.groups import group
from resolverd.config.hours import parse_span
from resolverd.config.secrets import shown_url
from resolverd.dns.embedded_v4 import NAT64_LENGTHS
from resolverd.dns.hostnames import normal_host
from resolverd.dns.prefix import Prefix, host_prefix, parse_prefix

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)"
"""A number and its unit, of which a duration that is written as a text is made."""

_DURATION, _DURATIONS = re.compile(DURATION_PART), re.compile(f"(?:{DURATION_PART})+")
_PORT = re.compile(r"[0-9]{1,9}")
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Listener(NamedTuple):
    """An address and port to listen on; port 0 lets the kernel choose."""

    address: str
    port: int

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else f"{self.address}:{self.port}"
        )


def parse_duration(value: Any) -> float:
    """Seconds from ``"250ms"``, ``"5s"``, ``"1h30m"`` or a plain number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('expected a duration such as "5s"')
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            raise ValueError("no duration is that long") from None
    # Whole first: to look for parts in many digits takes the square of them.
    if not _DURATIONS.fullmatch(value):
        raise ValueError(f'"{value}" is not a duration like "250ms", "5s" or "1h30m"')
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))


def parse_listener(value: Any) -> Listener:
    """``"0.0.0.0:53"`` or ``"[::]:53"`` as a `Listener`."""
    text = str(value)
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        address = None
    bracketed = bare != host
    if (
        not colon
        or address is None
        or bracketed != (address.version == 6)
        or not _PORT.fullmatch(port)
    ):
        raise ValueError(
            f'"{text}" is not ADDRESS:PORT, such as "192.0.2.1:53" or "[2001:db8::1]:53"'
        )
    if int(port) > 65535:
        raise ValueError(f"port {port} is over 65535")
    return Listener(str(address), int(port))


def _optional_listener(value: Any) -> Listener | None:
    return parse_listener(value) if value != "" else None


def _coordinates(value: Any) -> tuple[float, float]:
    numbers = value if isinstance(value, list | tuple) else ()
    if len(numbers) != 2 or not all(
        isinstance(n, int | float) and not isinstance(n, bool) for n in numbers
    ):
        raise ValueError("expected [latitude, longitude] in degrees, such as [50.1, 8.7]")
    latitude, longitude = numbers
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        turned = -90 <= longitude <= 90 and -180 <= latitude <= 180
        raise ValueError(
            "latitude lies in -90…90 and longitude in -180…180 degrees"
            + (
                f"; write coordinates = [{longitude:g}, {latitude:g}]: latitude comes first"
                if turned
                else ""
            )
        )
    return float(latitude), float(longitude)


def _subnet(value: Any) -> Prefix:
    try:
        return parse_prefix(str(value))
    except ValueError as error:
        raise ValueError(f'{error}; write "198.51.100.0/24", or another network') from error


def _nat64(value: Any) -> Prefix:
    """A NAT64 prefix (RFC 6052 §2.2): of one of six lengths, bits 64 to 71 zero."""
    try:
        prefix = parse_prefix(str(value))
    except ValueError as error:
        raise ValueError(f'{error}; write "2001:db8:64::/96", or another NAT64 prefix') from error
    if prefix.bits == 32 or prefix.length not in NAT64_LENGTHS:
        raise ValueError(
            f'"{prefix}" is not a NAT64 prefix, an IPv6 one of /32, /40, /48, /56, /64 or /96'
            '; write "2001:db8:64::/96", or the prefix of your NAT64 as it is'
        )
    if prefix.address >> 56 & 0xFF:
        raise ValueError(
            f'"{prefix}" has bits 64 to 71 set, which are zero in every NAT64 address (RFC 6052 '
            "§2.2); write the prefix of your NAT64 as it is"
        )
    return prefix


def _address(value: Any) -> str:
    try:
        return str(host_prefix(str(value)).host())
    except ValueError as error:
        raise ValueError(f'"{value}" is not an IPv4 or IPv6 address') from error


def _hostname(value: str) -> str:
    labels = value.removesuffix(".").split(".")
    if len(value) > 253 or not all(_HOSTNAME.fullmatch(label) for label in labels):
        raise ValueError(f'"{value}" is not a hostname')
    return value.removesuffix(".").lower()


def _a_labels(value: str) -> str:
    """A hostname in A-labels (RFC 5891), without a dot at its end."""
    return _hostname(normal_host(value))


def _resolved_hostname(value: str) -> str:
    """A hostname to look up, in its normal form; a dot at its end keeps it from being searched."""
    form = normal_host(value)
    return _hostname(form) + ("." if form.endswith(".") else "")


def is_url_host(host: str) -> bool:
    """Whether the host of a URL is an address, with or without its zone, or a hostname."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return is_hostname(host)
    return True


def is_hostname(host: str) -> bool:
    """Whether it is a hostname, in A-labels or not; an IPv4 address is one by its letters."""
    try:
        _resolved_hostname(host)
    except ValueError:
        return False
    return True


def _continent(value: str) -> str:
    if value not in {"AF", "AN", "AS", "EU", "NA", "OC", "SA"}:
        raise ValueError(
            f'no continent has the code "{value}"; write "EU", or AF, AN, AS, NA, OC, SA'
        )
    return value


def is_word(name: str) -> bool:
    """Whether an operator may give it as a name."""
    return _WORD.fullmatch(name) is not None


def _word(value: str) -> str:
    if not is_word(value):
        raise ValueError(f'"{value}" is not a name: letters, digits, "-", "_" and "." only')
    return value


def lower_scheme(url: str) -> str:
    """`url` with its scheme in small letters, which it may have in any (RFC 3986 §3.1)."""
    scheme, mark, rest = url.partition("://")
    return scheme.lower() + mark + rest if mark else url


def _probed_url(written: str) -> str:
    url = lower_scheme(written)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # What is wrong quotes a part of it, which may be a password.
        raise ValueError(f'url "{shown_url(url)}" cannot be read as a URL') from error
    known = parts.scheme in {"http", "https"} or (parts.scheme == "tcp" and port is not None)
    if not known or not parts.hostname:
        raise ValueError(f'url "{shown_url(url)}" is not http://…, https://… or tcp://HOST:PORT')
    if not is_url_host(parts.hostname):
        raise ValueError(
            f'url "{shown_url(url)}" has a host that is neither a hostname nor an address'
            '; write it like "http://gpu1.example:8000"'
        )
    # RFC 6874 writes an address's zone after %25, and a socket takes it after %.
    return re.sub(r"(//(?:[^/@]*@)?\[[^\]%]*)%25", r"\1%", url, count=1)


def _metrics_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(f'"{shown_url(value)}" is not an http:// or https:// URL')
    return lower_scheme(value)


def _span(value: str) -> str:
    parse_span(value)
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(value, available_timezones(), 1)
        hint = f'; write time_zone = "{near[0]}"' if near else ""
        raise ValueError(f'"{value}" is not a time zone such as "Asia/Tokyo"{hint}') from error
    return value


Duration = Annotated[float, BeforeValidator(parse_duration)]
Coordinates = Annotated[tuple[float, float], PlainValidator(_coordinates)]
ListenAddress = Annotated[Listener, PlainValidator(parse_listener)]
OptionalListener = Annotated[Listener | None, PlainValidator(_optional_listener)]
Subnet = Annotated[Prefix, PlainValidator(_subnet)]
Nat64 = Annotated[Prefix, PlainValidator(_nat64)]
Asn = Annotated[int, Strict(), Field(ge=1, le=4_294_967_294)]
Address = Annotated[str, BeforeValidator(_address)]
Hostname = Annotated[str, AfterValidator(_a_labels)]
ResolvedHostname = Annotated[str, AfterValidator(_resolved_hostname)]
Country = Annotated[str, AfterValidator(country)]
OneCountry = Annotated[str, AfterValidator(one_country)]
GroupName = Annotated[str, AfterValidator(group)]
Continent = Annotated[str, AfterValidator(_continent)]
UrlText = Annotated[str, AfterValidator(lower_scheme)]
ProbedUrl = Annotated[str, AfterValidator(_probed_url)]
MetricsUrl = Annotated[str, AfterValidator(_metrics_url)]
SpanText = Annotated[str, AfterValidator(_span)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Word = Annotated[str, AfterValidator(_word)]
