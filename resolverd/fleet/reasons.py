"""Why NATS cannot be used, in one line without a secret; where somebody can mend it, how; pure."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from nats.errors import Error as NatsError

from resolverd.config.fleet import Fleet
from resolverd.config.secrets import shown_text


class Shown(NamedTuple):
    """How this edge has shown who it is: by `credentials`, what stands in its URL, a certificate.

    `tls` tells that TLS was begun, as far as this end knows.
    """

    credentials: bool
    in_url: bool
    certificate: bool
    tls: bool


# OpenSSL's verification results (X509_V_ERR_…, openssl-verification-options(1)).
_NOT_YET_VALID, _EXPIRED, _OTHER_NAMES = 9, 10, frozenset({62, 64})
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})


def in_words(error: BaseException) -> str:
    """What went wrong."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS: {error.reason.replace('_', ' ').lower()}"
    return shown_text(" ".join(str(error).split())) or type(error).__name__


def with_mend(error: BaseException, settings: Fleet, host: str, shown: Shown) -> str:
    """The same, and what to do about it where that is known; `host` is the server's."""
    words = in_words(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        mend = _certificate(error.verify_code, settings, host)
    elif isinstance(error, ssl.SSLError):
        mend = _alert((error.reason or "").upper(), shown)
    elif isinstance(error, NatsError):
        mend = _refusal(words.lower(), shown)
    elif isinstance(error, ConnectionError) and shown.tls:
        mend = _left(shown)
    else:
        mend = ""
    return f"{words}: {mend}" if mend else words


def _certificate(code: int, settings: Fleet, host: str) -> str:
    if code == _EXPIRED:
        return "have the server's certificate renewed"
    if code == _NOT_YET_VALID:
        return "set this host's clock, or the server's"
    if code in _OTHER_NAMES:
        return (
            f"write into fleet.urls a name that the server's certificate is for, or have one made "
            f"for {host}"
        )
    if code in _UNKNOWN_AUTHORITY:
        known = f"in {settings.ca_file}" if settings.ca_file else "among this host's CAs"
        return (
            f"who signed the server's certificate is not {known}: write the file of its CA into "
            "fleet.ca_file"
        )
    return "have another certificate made for the server"


def _alert(reason: str, shown: Shown) -> str:
    """For an alert by which the server ended TLS (RFC 8446 §6.2)."""
    if "ALERT" not in reason:
        return ""
    if not shown.certificate:
        return (
            "the server asks for a client certificate: write fleet.client_certificate and "
            "fleet.client_key"
        )
    if "EXPIRED" in reason:
        return "fleet.client_certificate has expired: put a new one in its place"
    return (
        "the server refuses fleet.client_certificate: have it signed by a CA that the server's tls "
        "block names"
    )


def _left(shown: Shown) -> str:
    """For a server that closed at once, so that its alert may have been lost on the way."""
    if shown.certificate:
        return (
            "TLS was begun and the server left, as one does that refuses fleet.client_certificate: "
            "have it signed by a CA that the server's tls block names"
        )
    return (
        "TLS was begun and the server left, as one does that asks for a client certificate: write "
        "fleet.client_certificate and fleet.client_key if it does"
    )


def _refusal(words: str, shown: Shown) -> str:
    """For an -ERR of NATS about who this edge is."""
    if "authentication expired" in words:
        return "put new credentials in the place of fleet.credentials; they are read at once"
    if "authentication revoked" in words:
        return "the user of fleet.credentials was revoked: put another's in that file"
    if "authorization" not in words and "authentication" not in words:
        return ""
    if shown.credentials:
        return (
            "the server does not take the user of fleet.credentials: it is unknown there, was "
            "revoked, or has ended; put what NATS' operator gives you in that file"
        )
    if shown.in_url:
        return "the server does not take the user or password in fleet.urls: write those it has"
    if shown.certificate:
        return "the server does not know the user of fleet.client_certificate"
    return "the server asks who this edge is: write fleet.credentials"
