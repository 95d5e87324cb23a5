"""Short words for the errors of aiohttp, TLS and the operating system.

They stand in logs, metrics and the console, so they name the cause and nothing else: no
addresses, no object reprs, no two spellings of one thing.
"""

from __future__ import annotations

import errno
import os
import ssl

import aiohttp

_LONGEST = 120

# Errors that this host makes up by itself when nothing came back from the far end.
_UNHEARD = frozenset(
    {
        errno.EACCES, errno.EADDRNOTAVAIL, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EMFILE,
        errno.ENETDOWN, errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS, errno.EPERM,
        errno.ETIMEDOUT,
    }
)  # fmt: skip

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


def heard_by(error: BaseException) -> bool:
    """Whether anything came back from the far end: a refusal, a reset, or part of an answer."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return False
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return True
        case aiohttp.ClientConnectorError():
            return heard_by(error.os_error)
        case OSError():
            return error.errno is not None and error.errno not in _UNHEARD
        case _:
            return True


def _words(error: BaseException) -> str:
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
    reason = getattr(error, "reason", None)
    return reason.replace("_", " ").lower() if isinstance(reason, str) else _first_line(str(error))


def _system(error: OSError) -> str:
    if error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""
