"""One record of a master file: ``[owner] [TTL] [class] type RDATA`` (RFC 1035 §5.1).

dnspython reads the RDATA, so every type that it or `rrtypes` knows can be written, and every
other in the form of RFC 3597. Whatever is wrong is raised as an `EntryError` that knows its place.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.L64
import dns.rdtypes.ANY.NID
import dns.ttl
from dns.tokenizer import Token

from resolverd.dns.names import Key, key_of
from resolverd.errors import ResolverdError
from resolverd.zone import gdnsd, powerdns
from resolverd.zone.dyna import DYNA
from resolverd.zone.gdnsd import hint_of_resource, hint_of_ttl
from resolverd.zone.lexer import Lexer, LexicalError, class_of, looks_like_ttl, name_of
from resolverd.zone.misread import hint_of_name
from resolverd.zone.rrtypes import MAX_STRING, NAMED
from resolverd.zone.targets import TARGETS

_SENT_AS_READ = frozenset({*TARGETS, dns.rdatatype.A, dns.rdatatype.PTR, dns.rdatatype.TXT})
_IN_GENERIC_FORM = r"\#"  # RFC 3597 §5
_LOCATORS = frozenset({dns.rdatatype.NID, dns.rdatatype.L64})
MAX_TTL = 2**31 - 1  # seconds (RFC 2181 §8)
_TYPES = frozenset(
    {
        *(t.name for t in dns.rdatatype.RdataType if not dns.rdatatype.is_metatype(t)),
        *NAMED,
        dns.rdatatype.to_text(DYNA),
    }
)
_EXAMPLES = {
    **{rdtype.name: target.example for rdtype, target in TARGETS.items()},
    "A": "A 192.0.2.1",
    "AAAA": "AAAA 2001:db8::1",
    "CAA": 'CAA 0 issue "ca.example"',
    "DYNA": "DYNA service",
    "DS": "DS 60485 13 2 " + 32 * "2b",
    "HINFO": 'HINFO "RFC8482" ""',
    "L64": "L64 10 2001:db8:1140:1000",
    "NID": "NID 10 14:4fff:ff20:ee64",
    "PTR": "PTR host",
    "SOA": "SOA ns1 hostmaster 2026010100 7200 900 1209600 300",
    "SSHFP": "SSHFP 4 2 " + 32 * "2b",
    "TLSA": "TLSA 3 1 1 " + 32 * "2b",
    "TXT": 'TXT "text"',
    "URI": 'URI 10 1 "https://www.example.com/"',
}
"""One record's type and data each, which may stand in any zone as it is."""
_GENERIC = r"\# 2 0a0b"  # RFC 3597 §5


class EntryError(ResolverdError):
    """Why an entry cannot be read; `offset` is that of what is to blame."""

    def __init__(self, id_: str, offset: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.id, self.offset, self.message, self.hint = id_, offset, message, hint


@dataclass(slots=True)
class RecordFields:
    """A record's fields, set as they are read, so that a failure tells how far it got.

    `blank` means that the line leaves its owner out; `owner` (with its key) and `ttl` are None
    when they are not written. A record that was read whole is not changed any more.
    """

    blank: bool = False
    owner: dns.name.Name | None = None
    key: Key | None = None
    ttl: int | None = None
    rdtype: dns.rdatatype.RdataType | None = None
    rdata: dns.rdata.Rdata | None = None

    def set_owner(self, owner: dns.name.Name) -> None:
        """Set `owner` and the key that goes with it."""
        self.owner, self.key = owner, key_of(owner)


def read_record(first: Token, lexer: Lexer, origin: dns.name.Name, fields: RecordFields) -> bool:
    """Fill `fields` from the entry that begins with `first`; False when its line is empty.

    Raises EntryError and LexicalError.
    """
    fields.blank = first.is_whitespace()
    if fields.blank:
        token = lexer.get()
        if token.is_eol_or_eof():
            return False
        _read_head(token, lexer, fields)
    else:
        fields.set_owner(read_name(first, lexer, origin))
        _read_named_head(first, lexer, fields)
    assert fields.rdtype is not None
    fields.rdata = _read_rdata(fields.rdtype, lexer, origin)
    return True


def read_name(token: Token, lexer: Lexer, origin: dns.name.Name) -> dns.name.Name:
    """The name that `token` writes. Raises EntryError."""
    if token.is_identifier():
        try:
            return name_of(token.value, origin)
        except (dns.exception.DNSException, ValueError) as error:
            reason = f'"{token.value}" is no domain name: {error}'
            hint = hint_of_name(token.value) or (
                "write labels of 1 to 63 octets with single dots between, as in www.example.com."
            )
            raise EntryError("zone-syntax", lexer.start, reason, hint) from error
    if token.is_eol_or_eof():
        hint = "write one, with its final dot, as in $ORIGIN example.com."
        raise EntryError("zone-syntax", lexer.end, "a domain name is expected", hint)
    hint = "write it without quotes"
    raise EntryError("zone-syntax", lexer.start, "a domain name is expected", hint)


def read_ttl(token: Token, lexer: Lexer) -> int:
    """Seconds from ``3600`` or ``1h30m``. Raises EntryError."""
    hint = "write seconds such as 3600, or units as in 1h30m"
    if not token.is_identifier():
        offset = lexer.end if token.is_eol_or_eof() else lexer.start
        raise EntryError("zone-bad-ttl", offset, "a TTL is expected", hint)
    try:
        ttl = dns.ttl.from_text(token.value)
    except (dns.exception.DNSException, ValueError) as error:
        hint = hint_of_ttl(token.value) or hint
        raise EntryError("zone-bad-ttl", lexer.start, f'"{token.value}" is no TTL', hint) from error
    if ttl > MAX_TTL:
        raise EntryError(
            "zone-bad-ttl",
            lexer.start,
            f"a TTL of {ttl} is over {MAX_TTL} (RFC 2181 §8)",
            "write 86400, a day, or less",
        )
    return ttl


def _read_named_head(owner: Token, lexer: Lexer, fields: RecordFields) -> None:
    """As `_read_head`, and see whether what stands as the owner was meant to be one."""
    try:
        _read_head(lexer.get(), lexer, fields)
    except EntryError as error:
        # Types are written in capitals, and hosts are not: an owner "mx" is an owner.
        if owner.value not in _TYPES and not (owner.value.isupper() and class_of(owner.value)):
            raise
        fields.owner, fields.key, fields.blank = None, None, True
        error.message += f'; "{owner.value}" in the first column was read as the owner'
        error.hint = "begin the line with a blank to repeat the owner before it"
        raise


def _read_head(token: Token, lexer: Lexer, fields: RecordFields) -> None:
    """Read TTL, class and type; the first two may be absent, and come in either order."""
    while token.is_identifier():
        if fields.ttl is None and looks_like_ttl(token.value):
            fields.ttl = read_ttl(token, lexer)
        elif (ours := class_of(token.value)) is None:
            fields.rdtype = _type_of(token.value, lexer)
            return
        elif not ours:
            raise EntryError(
                "zone-class",
                lexer.start,
                f"class {token.value.upper()} is not served",
                "write IN, or no class",
            )
        token = lexer.get()
    offset = lexer.end if token.is_eol_or_eof() else lexer.start
    raise EntryError("zone-syntax", offset, "the record has no type", "write OWNER TTL TYPE RDATA")


def _type_of(text: str, lexer: Lexer) -> dns.rdatatype.RdataType:
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise EntryError(
            "zone-unknown-type", lexer.start, f'"{text}" is no record type', _nearest_type(text)
        ) from error
    if rdtype == dns.rdatatype.NONE or dns.rdatatype.is_metatype(rdtype):
        raise EntryError(
            "zone-unknown-type",
            lexer.start,
            f"{dns.rdatatype.to_text(rdtype)} is for questions and messages, not for zones",
            "remove the record",
        )
    return rdtype


@lru_cache(maxsize=64)
def _nearest_type(text: str) -> str:
    if hint := gdnsd.hint_of_type(text) or powerdns.hint_of_type(text):
        return hint
    near = difflib.get_close_matches(text.upper(), _TYPES, 1)
    if near and near[0] in {"A", "AAAA"}:
        return "did you mean A or AAAA?"
    return f"did you mean {near[0]}?" if near else "an unlisted type is written TYPE12345"


def _read_rdata(
    rdtype: dns.rdatatype.RdataType, lexer: Lexer, origin: dns.name.Name
) -> dns.rdata.Rdata:
    generic = lexer.get()
    lexer.unget(generic)
    first = lexer.start
    try:
        if rdtype in _LOCATORS and generic.value != _IN_GENERIC_FORM:
            return _read_locator(rdtype, lexer)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, lexer, origin, False)
    except LexicalError:
        raise
    except Exception as error:  # whatever a type's reader raises is about what is written here
        offset, reason = _blame(error, lexer, first)
        raise _bad_rdata(rdtype, generic.value, offset, reason) from error
    if rdtype not in _SENT_AS_READ:
        try:
            rdata.to_wire()
        except Exception as error:  # such as the altitude of a LOC that 32 bits do not hold
            reason = f"it cannot be sent: {error}"
            raise _bad_rdata(rdtype, generic.value, first, reason) from error
    return rdata


def _bad_rdata(
    rdtype: dns.rdatatype.RdataType, first_word: str, offset: int, reason: str
) -> EntryError:
    text = dns.rdatatype.to_text(rdtype)
    hint = f"write it like {_EXAMPLES.get(text) or f'{text} {_GENERIC}'}"
    if rdtype == DYNA:
        hint = hint_of_resource(first_word) or hint
    if first_word == _IN_GENERIC_FORM:
        like = f"or like {_EXAMPLES[text]}" if text in _EXAMPLES else f"as in {text} {_GENERIC}"
        hint = f"write the number of octets, then all those that {text} has, {like}"
        reason = reason.replace("DNS message is malformed.", "these octets are not its data")
    if reason.endswith("string too long"):
        reason = f"a string has at most {MAX_STRING} octets (RFC 1035 §3.3)"
        hint = f'split it: {text} "the first {MAX_STRING}" "the rest"'
    return EntryError("zone-bad-rdata", offset, f"{text} data cannot be read: {reason}", hint)


def _read_locator(rdtype: dns.rdatatype.RdataType, lexer: Lexer) -> dns.rdata.Rdata:
    """NID or L64, whose four groups of digits may leave zeros out; dnspython wants them all."""
    preference, text = lexer.get_uint16(), lexer.get_identifier()
    groups = ":".join(group.zfill(4) for group in text.split(":"))
    kind = dns.rdtypes.ANY.NID.NID if rdtype == dns.rdatatype.NID else dns.rdtypes.ANY.L64.L64
    rdata: dns.rdata.Rdata = kind(dns.rdataclass.IN, rdtype, preference, groups)
    lexer.get_eol_as_token()  # only now: what comes before it is to blame for an error above
    return rdata


def _blame(error: Exception, lexer: Lexer, first: int) -> tuple[int, str]:
    """The offset of the token that dnspython refused, by how far it had read, and the reason."""
    if lexer.finished and lexer.ungotten_token is None:
        return lexer.end, "it ends too early"
    token = lexer.text[lexer.start : lexer.end]
    reason = str(error)
    if lexer.finished:
        # It took all tokens and then refused them together.
        return first, reason
    if reason.startswith("expected EOL"):
        return lexer.start, f"{token} is too much"
    if not reason or reason == dns.exception.SyntaxError.__doc__ or "malformed" in reason:
        return lexer.start, f"{token} does not fit"
    return lexer.start, reason if token in reason else f"{token}: {reason}"
