"""Fields of an HTTP request as options give them: what no request could carry is refused.

A value may be a credential, so no message shows one.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# RFC 9110 §5.1: a token.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 §5.5: visible octets, spaces and tabs; an option is sent as UTF-8.
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 9110 §7.2: a host, perhaps with a port, in the octets that RFC 3986 §3.2 has for them.
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]{0,260}")


def _field_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of a header (RFC 9110 §5.1); write letters, digits and "
            '"-", such as "X-Probe"'
        )
    return name


def _field_value(value: str) -> str:
    if _NO_VALUE.search(value):
        raise ValueError(
            "no header can have this value: it holds a control character such as a line break "
            "(RFC 9110 §5.5); write it without"
        )
    return value


def _host_field(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError(
            f'{host!r} is not a Host header (RFC 9110 §7.2); write "gpu1.example" or '
            '"gpu1.example:8000", other scripts in A-labels'
        )
    return host


FieldName = Annotated[str, AfterValidator(_field_name)]
FieldValue = Annotated[str, AfterValidator(_field_value)]
HostField = Annotated[str, AfterValidator(_host_field)]
