"""The TLS context of one target's probes: whom it trusts, and which client certificate it shows.

Files are read again when they change, so that a renewed certificate is used by the next probe.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from resolverd.config.probe import Probe
from resolverd.health.probes.credential import CredentialError, credential_path

_Stamp = tuple[tuple[str, int, int, int], ...]


class TlsSettings:
    """What of the probe's settings is about TLS, as aiohttp takes it."""

    def __init__(self, settings: Probe) -> None:
        self._verify = settings.verify_tls
        self._ca = settings.ca
        self._certificate = settings.client_certificate
        self._key = settings.client_key or settings.client_certificate
        self._stamp: _Stamp = ()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext | bool:
        """The context, or whether to verify where nothing else is asked for.

        Raises CredentialError where a file cannot be read, or is not what it should be.
        """
        if not self._ca and not self._certificate:
            return self._verify
        stamp = tuple(_stamp(name) for name in (self._ca, self._certificate, self._key) if name)
        if self._context is None or stamp != self._stamp:
            self._context, self._stamp = self._load(), stamp
        return self._context

    def _load(self) -> ssl.SSLContext:
        ca = credential_path(self._ca) if self._ca else None
        try:
            context = ssl.create_default_context(cafile=ca)
            context.set_alpn_protocols(("http/1.1",))
            if not self._verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        except (OSError, ssl.SSLError) as error:
            raise CredentialError(f'ca "{self._ca}": it holds no CA certificate') from error
        if self._certificate:
            try:
                # An encrypted key would have OpenSSL ask at the terminal.
                context.load_cert_chain(
                    credential_path(self._certificate), credential_path(self._key), password=""
                )
            except (OSError, ssl.SSLError) as error:
                raise CredentialError(
                    f'client_certificate "{self._certificate}": it does not hold a certificate '
                    "and, in it or in client_key, its unencrypted key"
                ) from error
        return context


def _stamp(name: str) -> tuple[str, int, int, int]:
    path: Path = credential_path(name)
    try:
        about = path.stat()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CredentialError(f'"{name}": {reason}') from error
    return name, about.st_mtime_ns, about.st_size, about.st_ino
