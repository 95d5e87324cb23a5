"""Types of IANA's registry that dnspython knows no text form of, so that each can be written.

Most are obsolete, and stand in zones that are older than their servers. A type here is a list of
fields; its names are sent as they are written, uncompressed (RFC 3597 §4). The forms are those of
RFC 1035 §3.3 (MB, MD, MF, MG, MINFO, MR), RFC 2535 §5 (NXT), RFC 2874 §3 (A6), and of BIND 9's own
reader. UINFO, UID, GID, UNSPEC and NULL have none but RFC 3597's. Importing this module registers
them with dnspython.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import dns.exception
import dns.immutable
import dns.ipv6
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.dnskeybase
import dns.rdtypes.dsbase
import dns.rdtypes.txtbase
import dns.tokenizer
import dns.wire
from dns.name import Name

MAX_STRING = 255
"""Octets of a character-string (RFC 1035 §3.3)."""

_NXT_TYPES = 128
_TYPE_OCTETS = 65_536 // 8  # of bits that stand for all types there can be
_A6_BITS = 128


class _Field(NamedTuple):
    """How one field is read from text and wire, and written to both; values are hashable."""

    read: Callable[[Any, Name | None], Any]
    parse: Callable[[dns.wire.Parser, Name | None], Any]
    wire: Callable[[Any], bytes]
    text: Callable[[Any, Name | None, bool], str]


def _plain_text(value: Any, origin: Name | None, relativize: bool) -> str:
    return str(value)


def _unsigned(octets: int) -> _Field:
    def read(tok: Any, origin: Name | None) -> int:
        text = tok.get_string()
        if not text.isascii() or not text.isdigit() or int(text) >= 256**octets:
            raise dns.exception.SyntaxError(f'"{text}" is no number below {256**octets}')  # type: ignore[no-untyped-call]
        return int(text)

    return _Field(
        read,
        lambda parser, origin: int.from_bytes(parser.get_bytes(octets), "big"),
        lambda value: value.to_bytes(octets, "big"),
        _plain_text,
    )


def _encoded(decode: Callable[[str], bytes], encode: Callable[[bytes], str]) -> _Field:
    """All words that are left, as one encoded string."""

    def read(tok: Any, origin: Name | None) -> bytes:
        try:
            return decode(tok.concatenate_remaining_identifiers())
        except (binascii.Error, ValueError) as error:
            raise dns.exception.SyntaxError(str(error)) from error  # type: ignore[no-untyped-call]

    return _Field(
        read,
        lambda parser, origin: parser.get_remaining(),
        bytes,
        lambda value, origin, relativize: encode(value),
    )


def _read_types(tok: Any, origin: Name | None) -> tuple[int, ...]:
    codes = []
    for token in tok.get_remaining():
        code = int(dns.rdatatype.from_text(token.unescape().value))
        if not 0 < code < _NXT_TYPES:
            raise dns.exception.SyntaxError(f"{token.value} is no type that NXT can list")  # type: ignore[no-untyped-call]
        codes.append(code)
    return tuple(sorted(set(codes)))


def _type_bits(codes: tuple[int, ...]) -> bytes:
    bits = bytearray(max(codes, default=0) // 8 + 1)
    for code in codes:
        bits[code // 8] |= 0x80 >> code % 8
    return bytes(bits)


def _parse_types(parser: dns.wire.Parser, origin: Name | None) -> tuple[int, ...]:
    bits = parser.get_remaining()
    if len(bits) > _TYPE_OCTETS:
        raise dns.exception.FormError("there are not so many types")  # type: ignore[no-untyped-call]
    return tuple(n for n in range(len(bits) * 8) if bits[n // 8] & 0x80 >> n % 8)


def _types_text(value: Any, origin: Name | None, relativize: bool) -> str:
    return " ".join(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(code)) for code in value)


def _read_atma(tok: Any, origin: Name | None) -> bytes:
    text: str = tok.get_string()
    if text.startswith("+"):
        digits = text[1:].replace(".", "")
        if not digits.isascii() or not digits.isdigit():
            raise dns.exception.SyntaxError(f'"{text}" is no E.164 number')  # type: ignore[no-untyped-call]
        return b"\1" + digits.encode()
    try:
        return b"\0" + bytes.fromhex(text.replace(".", ""))
    except ValueError as error:
        raise dns.exception.SyntaxError(f'"{text}" is not hexadecimal') from error  # type: ignore[no-untyped-call]


def _atma_text(value: bytes, origin: Name | None, relativize: bool) -> str:
    if value[:1] != b"\1":
        return value[1:].hex()
    # In the form of RFC 3597 any octets may stand for digits.
    return f"+{value[1:].decode('ascii', 'backslashreplace')}"


def _read_string(tok: Any, origin: Name | None) -> bytes:
    token = tok.get()
    if not (token.is_identifier() or token.is_quoted_string()):
        raise dns.exception.SyntaxError("a string is expected")  # type: ignore[no-untyped-call]
    value: bytes = token.unescape_to_bytes().value
    if len(value) > MAX_STRING:
        raise dns.exception.SyntaxError(f"a string here has at most {MAX_STRING} octets")  # type: ignore[no-untyped-call]
    return value


def escaped(value: bytes) -> str:
    """Octets as a quoted string of a master file has them (RFC 1035 §5.1)."""
    return "".join(
        f"\\{chr(octet)}"
        if octet in b'"\\'
        else chr(octet)
        if 0x20 <= octet < 0x7F
        else f"\\{octet:03d}"
        for octet in value
    )


_NAME = _Field(
    lambda tok, origin: tok.get_name(origin, False),
    lambda parser, origin: parser.get_name(origin),
    lambda value: value.to_wire() or b"",
    lambda value, origin, relativize: str(value.choose_relativity(origin, relativize)),
)
_HEX = _encoded(bytes.fromhex, bytes.hex)
_BASE64 = _encoded(
    lambda text: base64.b64decode(text, validate=True),
    lambda value: base64.b64encode(value).decode(),
)
_TYPES = _Field(_read_types, _parse_types, _type_bits, _types_text)
_ATMA = _Field(_read_atma, lambda parser, origin: parser.get_remaining(), bytes, _atma_text)
_STRING = _Field(
    _read_string,
    lambda parser, origin: parser.get_counted_bytes(),
    lambda value: bytes([len(value)]) + value,
    lambda value, origin, relativize: f'"{escaped(value)}"',
)
_OCTET, _SHORT, _LONG = _unsigned(1), _unsigned(2), _unsigned(4)


@dns.immutable.immutable
class Fielded(dns.rdata.Rdata):
    """RDATA that is a row of fields; a subclass says which in `fields`."""

    __slots__ = ["values"]

    fields: tuple[_Field, ...] = ()
    values: tuple[Any, ...]

    def __init__(
        self, rdclass: dns.rdataclass.RdataClass, rdtype: dns.rdatatype.RdataType, *values: Any
    ) -> None:
        """`values` are those of the fields, in their order."""
        super().__init__(rdclass, rdtype)
        self.values = values

    def to_text(
        self, origin: Name | None = None, relativize: bool = True, style: Any = None, **kw: Any
    ) -> str:
        """The fields, as a master file has them."""
        pairs = zip(self.fields, self.values, strict=True)
        return " ".join(field.text(value, origin, relativize) for field, value in pairs)

    def to_styled_text(self, style: Any) -> str:
        """The same as `to_text`, by the names' style."""
        return self.to_text(style.origin, style.relativize)

    @classmethod
    def from_text(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        tok: dns.tokenizer.Tokenizer,
        origin: Name | None = None,
        relativize: bool = True,
        relativize_to: Name | None = None,
    ) -> Fielded:
        """Read the fields. Raises dns.exception.SyntaxError."""
        return cls(rdclass, rdtype, *(field.read(tok, origin) for field in cls.fields))

    def _to_wire(
        self,
        file: Any,
        compress: Any = None,
        origin: Name | None = None,
        canonicalize: bool = False,
    ) -> None:
        for field, value in zip(self.fields, self.values, strict=True):
            name = isinstance(value, Name) and canonicalize
            file.write(field.wire(value.canonicalize() if name else value))

    @classmethod
    def from_wire_parser(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        parser: dns.wire.Parser,
        origin: Name | None = None,
    ) -> Fielded:
        """Read the fields from the wire."""
        return cls(rdclass, rdtype, *(field.parse(parser, origin) for field in cls.fields))


def _fielded(name: str, *fields: _Field) -> type[dns.rdata.Rdata]:
    return type(name, (Fielded,), {"__slots__": [], "fields": fields})


@dns.immutable.immutable
class A6(Fielded):
    """An address whose first bits are another name's; values are the bits' number and the rest."""

    __slots__: list[str] = []
    fields = (_OCTET,)

    @classmethod
    def from_text(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        tok: dns.tokenizer.Tokenizer,
        origin: Name | None = None,
        relativize: bool = True,
        relativize_to: Name | None = None,
    ) -> A6:
        """Read ``BITS [ADDRESS] [NAME]``. Raises dns.exception.SyntaxError."""
        bits, address, name = _OCTET.read(tok, origin), b"", None
        if bits > _A6_BITS:
            raise dns.exception.SyntaxError(f"{bits} bits are over {_A6_BITS}")  # type: ignore[no-untyped-call]
        if bits < _A6_BITS:
            whole = int.from_bytes(dns.ipv6.inet_aton(tok.get_string()), "big")
            length = (_A6_BITS - bits + 7) // 8
            address = (whole & (1 << _A6_BITS - bits) - 1).to_bytes(length, "big")
        if bits:
            name = tok.get_name(origin, False)
        return cls(rdclass, rdtype, bits, address, name)

    def to_text(
        self, origin: Name | None = None, relativize: bool = True, style: Any = None, **kw: Any
    ) -> str:
        """BITS [ADDRESS] [NAME] (RFC 2874 §3.1.2), as a master file has it."""
        bits, address, name = self.values
        words = [str(bits)]
        if bits < _A6_BITS:
            words.append(dns.ipv6.inet_ntoa(address.rjust(16, b"\0")))
        if name is not None:
            words.append(str(name.choose_relativity(origin, relativize)))
        return " ".join(words)

    def _to_wire(
        self,
        file: Any,
        compress: Any = None,
        origin: Name | None = None,
        canonicalize: bool = False,
    ) -> None:
        bits, address, name = self.values
        file.write(bytes([bits]) + address)
        if name is not None:
            name.to_wire(file, None, origin, canonicalize)

    @classmethod
    def from_wire_parser(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        parser: dns.wire.Parser,
        origin: Name | None = None,
    ) -> A6:
        """Read it from the wire. Raises dns.exception.FormError."""
        bits = parser.get_uint8()
        if bits > _A6_BITS:
            raise dns.exception.FormError(f"{bits} bits are over {_A6_BITS}")  # type: ignore[no-untyped-call]
        address = parser.get_bytes((_A6_BITS - bits + 7) // 8)
        return cls(rdclass, rdtype, bits, address, parser.get_name(origin) if bits else None)


@dns.immutable.immutable
class CLA(dns.rdtypes.txtbase.TXTBase):
    """Character-strings, as TXT."""


@dns.immutable.immutable
class RKEY(dns.rdtypes.dnskeybase.DNSKEYBase):
    """Flags, protocol, algorithm and a key, as DNSKEY."""


@dns.immutable.immutable
class TA(dns.rdtypes.dsbase.DSBase):
    """A trust anchor, as DS."""


_FORMS: Mapping[tuple[int, str], type[dns.rdata.Rdata] | None] = {
    (3, "MD"): _fielded("MD", _NAME),
    (4, "MF"): _fielded("MF", _NAME),
    (7, "MB"): _fielded("MB", _NAME),
    (8, "MG"): _fielded("MG", _NAME),
    (9, "MR"): _fielded("MR", _NAME),
    (14, "MINFO"): _fielded("MINFO", _NAME, _NAME),
    (30, "NXT"): _fielded("NXT", _NAME, _TYPES),
    (31, "EID"): _fielded("EID", _HEX),
    (32, "NIMLOC"): _fielded("NIMLOC", _HEX),
    (34, "ATMA"): _fielded("ATMA", _ATMA),
    (38, "A6"): A6,
    (40, "SINK"): _fielded("SINK", _OCTET, _OCTET, _OCTET, _BASE64),
    (57, "RKEY"): RKEY,
    (58, "TALINK"): _fielded("TALINK", _NAME, _NAME),
    (100, "UINFO"): None,
    (101, "UID"): None,
    (102, "GID"): None,
    (259, "DOA"): _fielded("DOA", _LONG, _LONG, _OCTET, _STRING, _BASE64),
    (263, "CLA"): CLA,
    (264, "IPN"): _fielded("IPN", _unsigned(8)),
    (32768, "TA"): TA,
}

for (_code, _text), _form in _FORMS.items():
    dns.rdata.register_type(_form or dns.rdata.GenericRdata, _code, _text)
    # A member that was made before its type had a name has none; made again now, it has.
    dns.rdatatype.register_type(dns.rdatatype.RdataType.make(_code), _text)
NAMED = frozenset(text for _, text in _FORMS)
"""The mnemonics that are registered here."""
