"""Short words for the errors of aiohttp, TLS and the operating system.

They stand in logs, metrics and the console, so they name the cause and nothing else: no
addresses, no object reprs, no two spellings of one thing.
"""

from __future__ import annotations

import errno
import os
import re
import ssl

import aiohttp

_LONGEST = 120

# Errors that this host makes up by itself when nothing came back from the far end.
_UNHEARD = frozenset(
    {
        errno.EACCES, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EHOSTDOWN, errno.EHOSTUNREACH,
        errno.EMFILE, errno.ENETDOWN, errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
        errno.ENOSPC, errno.EPERM, errno.ETIMEDOUT,
    }
)  # fmt: skip

# What OpenSSL makes of octets that are no TLS record.
_PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
_ALERT = re.compile(r"^(SSLV3|TLSV1|TLSV13)_ALERT_|^(TLSV1|TLSV13)_")

_BY_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EMFILE: "no file descriptor left on this host",
    errno.ENFILE: "no file descriptor left on this host",
}


def reason_of(error: BaseException) -> str:
    """What went wrong, in a few words."""
    return _words(error)[:_LONGEST]


def is_response(error: BaseException) -> bool:
    """Whether anything came back from the far end: a refusal, a reset, or part of an answer."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return False
        case OSError() if _tls_cause(error) is not None:
            return True
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return True
        case aiohttp.ClientConnectorError():
            return is_response(error.os_error)
        case OSError():
            return error.errno is not None and error.errno not in _UNHEARD
        case _:
            return True


def _tls_cause(error: BaseException) -> ssl.SSLError | None:
    """The TLS error that aiohttp has made an OSError of, whose errno is then OpenSSL's.

    In TLS 1.3 a server refuses a client's certificate only after the handshake (RFC 8446 §4.4.2.4),
    so the alert is met by whoever reads.
    """
    cause = error.__cause__
    return cause if isinstance(cause, ssl.SSLError) else None


def _words(error: BaseException) -> str:
    cause = _tls_cause(error) if isinstance(error, OSError) else None
    error = error if cause is None else cause
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"certificate: {_certificate(error.certificate_error)}"
        case ssl.SSLCertVerificationError():
            return f"certificate: {_certificate(error)}"
        case aiohttp.ClientConnectorDNSError():
            return f"name not resolved: {error.os_error}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS: {_tls(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return _words(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "connection closed without an answer"
        case aiohttp.ClientPayloadError():
            return "response cut short"
        case aiohttp.ClientResponseError():
            return f"malformed HTTP response: {_first_line(error.message)}"
        case aiohttp.InvalidURL():
            return "the URL cannot be asked"
        case ssl.SSLError():
            return f"TLS: {_tls(error)}"
        case OSError():
            return _system(error)
        case _:
            return f"{type(error).__name__}: {_first_line(str(error))}"


def _certificate(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    return _first_line(str(error))


def _tls(error: BaseException) -> str:
    """OpenSSL's reason in TLS's words: an alert is named as RFC 8446 §6.2 does."""
    reason = getattr(error, "reason", None)
    if not isinstance(reason, str):
        return _first_line(str(error))
    if reason in _PLAIN_TEXT:
        return "the server does not speak TLS"
    return _ALERT.sub("", reason).replace("_", " ").lower()


def _system(error: OSError) -> str:
    if error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""
