"""The TLS context of one target's probes: whom it trusts, and which client certificate it shows.

Files are read again when they change, so that a renewed certificate is used by the next probe.
While their file system does not answer, the context made last is used.
"""

from __future__ import annotations

import os
import ssl
from contextlib import ExitStack

from resolverd.certificates import verifying
from resolverd.files.in_memory import file_in_memory
from resolverd.files.reading import MAX_CERTIFICATES, SECRETS, key_of, read_regular
from resolverd.files.signatures import Signature, signature_of
from resolverd.files.threads import HangingError, Step
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.probes.credential import CredentialError, credential_path


class TlsSettings:
    """What of the probe's settings is about TLS, as aiohttp takes it."""

    def __init__(self, settings: HttpSettings) -> None:
        self._verify = settings.verify_tls
        self._ca = settings.ca
        self._certificate = settings.client_certificate
        self._key = settings.client_key or settings.client_certificate
        self._seen: dict[str, Signature] = {}
        self._context: ssl.SSLContext | None = None

    @property
    def named(self) -> bool:
        """Whether there are files to be read."""
        return bool(self._ca or self._certificate or self._key)

    async def context(self) -> ssl.SSLContext | bool:
        """The context, or whether to verify where nothing else is asked for.

        Raises CredentialError where a file cannot be read, or is not what it should be.
        """
        names = [name for name in (self._ca, self._certificate, self._key) if name]
        if not names:
            return self._verify
        try:
            return await SECRETS.call(lambda step: self._refresh(names, step))
        except HangingError as error:
            if self._context is not None:
                return self._context
            raise CredentialError(f"{error.filename}: {error.strerror}") from error

    def _refresh(self, names: list[str], step: Step) -> ssl.SSLContext:
        if self._context is None or any(
            _mark(name, step) != self._seen.get(name) for name in names
        ):
            read = {name: _read(name, step) for name in names}
            self._context = self._load({name: content for name, (_, content) in read.items()})
            self._seen = {name: mark for name, (mark, _) in read.items()}
        return self._context

    def _load(self, contents: dict[str, bytes]) -> ssl.SSLContext:
        """Raises CredentialError where the contents are not what they should be."""
        with ExitStack() as files:
            paths = {n: files.enter_context(file_in_memory(c)) for n, c in contents.items()}
            try:
                context = verifying(paths.get(self._ca))
                context.set_alpn_protocols(("http/1.1",))
                if not self._verify:
                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
            except (OSError, ssl.SSLError) as error:
                raise CredentialError(f'ca "{self._ca}": it holds no CA certificate') from error
            if self._certificate:
                try:
                    # An encrypted key would have OpenSSL ask at the terminal.
                    context.load_cert_chain(paths[self._certificate], paths[self._key], password="")
                except (OSError, ssl.SSLError) as error:
                    raise CredentialError(
                        f'client_certificate "{self._certificate}": it does not hold a certificate '
                        "and, in it or in client_key, its unencrypted key"
                    ) from error
        return context


def _mark(name: str, step: Step) -> Signature:
    path = key_of(credential_path(name))
    try:
        step(path)
        return signature_of(os.stat(path))  # noqa: PTH116
    except OSError as error:
        raise _unreadable(name, error) from error


def _read(name: str, step: Step) -> tuple[Signature, bytes]:
    try:
        return read_regular(key_of(credential_path(name)), MAX_CERTIFICATES, step)
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> OSError | CredentialError:
    if isinstance(error, HangingError):
        return error
    reason = (error.strerror or type(error).__name__).lower()
    return CredentialError(f'"{name}": {reason}')
