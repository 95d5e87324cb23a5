"""`DYNA <service>`: the record type whose addresses a service synthesises.

Its type code is 65348 (0xFF44, the D of DYNA), out of the range that RFC 6895 §3.1 leaves
for private use (65280-65534); ``TYPE65348 \\# …`` of RFC 3597 works too. The RDATA is the
service's name as one character-string (RFC 1035 §3.3). It is an instruction to this daemon
and never appears in an answer. Importing this module registers the type with dnspython.
"""

from __future__ import annotations

import re
from typing import Any

import dns.immutable
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.wire

NO_REGION = b"\x0a_no-region"
"""The label under an apex whose name has no address, for clients who can be given no region."""

_SERVICE = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9][A-Za-z0-9_.-]*(/core)?")


@dns.immutable.immutable
class Dyna(dns.rdata.Rdata):
    """The RDATA of a DYNA record: the name of a configured service, 1 to 255 characters.

    With ``/core`` behind it, what is meant is the core service behind that one.
    """

    __slots__ = ["service"]

    service: str

    def __init__(
        self,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        service: str,
    ) -> None:
        """Raises ValueError when `service` cannot name a service."""
        super().__init__(rdclass, rdtype)
        if not _SERVICE.fullmatch(service):
            raise ValueError(
                f'"{service}" cannot name a service: letters, digits, "-", "_" and "." only, and '
                '"/core" behind the name of an edge service'
            )
        self.service = service

    def to_text(
        self,
        origin: dns.name.Name | None = None,
        relativize: bool = True,
        style: dns.rdata.RdataStyle | None = None,
        **kw: Any,
    ) -> str:
        """The service's name, which needs no quotes or escapes."""
        return self.service

    def to_styled_text(self, style: dns.rdata.RdataStyle) -> str:
        """The same as `to_text`: there is nothing to style."""
        return self.service

    @classmethod
    def from_text(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        tok: dns.tokenizer.Tokenizer,
        origin: dns.name.Name | None = None,
        relativize: bool = True,
        relativize_to: dns.name.Name | None = None,
    ) -> Dyna:
        """Read the name of the service. Raises ValueError when it cannot be one."""
        return cls(rdclass, rdtype, tok.get_string())

    def _to_wire(
        self,
        file: Any,
        compress: dns.name.CompressType | None = None,
        origin: dns.name.Name | None = None,
        canonicalize: bool = False,
    ) -> None:
        file.write(bytes([len(self.service)]) + self.service.encode("ascii"))

    @classmethod
    def from_wire_parser(
        cls,
        rdclass: dns.rdataclass.RdataClass,
        rdtype: dns.rdatatype.RdataType,
        parser: dns.wire.Parser,
        origin: dns.name.Name | None = None,
    ) -> Dyna:
        """Read the one character-string. Raises dns.exception.FormError or ValueError."""
        return cls(rdclass, rdtype, parser.get_counted_bytes().decode("ascii", "replace"))


_CODE = 65348
dns.rdata.register_type(Dyna, _CODE, "DYNA")
# A type's member that was made before the type had a name is called TYPE65348 for good, and
# such a one is what register_type keeps; made again now, it is called DYNA.
DYNA = dns.rdatatype.RdataType.make(_CODE)
dns.rdatatype.register_type(DYNA, "DYNA")
