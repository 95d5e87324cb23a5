"""What one connection to NATS is made with: whom this edge trusts, and how it shows who it is.

    fleet.urls           the address, and what stands before its @: user and password, or a token
    fleet.credentials    a user's JWT, and the key that signs what the server asks to be signed
    fleet.ca_file, client_certificate, client_key    TLS

Files are read for each connection: what was put in their place counts from the next one on.

A plain name is a file that systemd gave to the unit (LoadCredential=), or one beside the
configuration: the same line serves a unit, and root who runs a verb.

A tls:// URL means TLS. nats-py goes on without it where a server does not ask for it. So no secret
goes out before TLS has shown who the server is, and a connection without it is ended
(`Access.checked`).
"""

from __future__ import annotations

import math
import ssl
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from resolverd.certificates import verifying
from resolverd.config.fleet import Fleet
from resolverd.files.credentials import file_named
from resolverd.files.in_memory import file_in_memory
from resolverd.files.reading import MAX_CERTIFICATES, MAX_SECRET, SECRETS, key_of, read_regular
from resolverd.files.threads import Step
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.reasons import Shown
from resolverd.fleet.user_credentials import CredentialsError, UserCredentials, read_credentials


class Access(NamedTuple):
    """What a connection to the server at `url`, which holds no secret, is made with.

    `certificate_ends` is when the client certificate does (Unix seconds), None without one.
    """

    url: SplitResult
    user: str | None
    password: str | None
    credentials: UserCredentials | None
    context: ssl.SSLContext | None
    certificate_ends: float | None

    def __repr__(self) -> str:
        return f"Access({self.url.geturl()})"

    @property
    def host(self) -> str:
        """The server's name or address."""
        return self.url.hostname or ""

    @property
    def shown(self) -> Shown:
        """How this edge shows who it is."""
        return Shown(
            self.credentials is not None,
            self.user is not None,
            self.certificate_ends is not None,
            self._begun_tls,
        )

    @property
    def _begun_tls(self) -> bool:
        return self.context is not None and bool(self.context.session_stats()["connect_good"])

    def options(self) -> dict[str, Any]:
        """What nats-py's `connect` takes."""
        found: dict[str, Any] = {"servers": [self.url.geturl()]}
        if self.context is not None:
            found["tls"] = self.context
        if self.credentials is not None:
            found |= {"signature_cb": self._signature, "user_jwt_cb": self._jwt}
            # Where a server takes anybody as some user (no_auth_user) it asks nobody who they are,
            # and without a user of its own nats-py says nothing unasked. This one is not sent.
            found["user"] = self._user
        elif self.password is not None:
            found |= {"user": self._user, "password": self._password}
        elif self.user is not None:
            found["token"] = self._user
        return found

    def checked(self) -> None:
        """Raise FleetUnavailable where the URL wants TLS, and the server has begun none."""
        if self.url.scheme != "tls" or self._begun_tls:
            return
        raise FleetUnavailable(
            "the URL says tls://, and the server goes on without TLS: add tls { … } to its file, "
            f"or write nats://{self.url.netloc} where nobody else can be in between"
        )

    def ended(self) -> str:
        """What has ended by this host's clock, in words; empty where nothing has."""
        ends = {"fleet.client_certificate": self.certificate_ends or 0.0}
        if self.credentials is not None:
            ends["fleet.credentials"] = self.credentials.ends
        return "".join(
            f"; by this host's clock {name} ended at "
            f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            for name, at in ends.items()
            if 0 < at < time.time()
        )

    def _signature(self, nonce: str) -> bytes:
        self.checked()
        assert self.credentials is not None
        return self.credentials.sign(nonce)

    def _jwt(self) -> bytes:
        self.checked()
        assert self.credentials is not None
        return self.credentials.jwt.encode()

    def _user(self) -> str:
        self.checked()
        return self.user or ""

    def _password(self) -> str:
        self.checked()
        return self.password or ""


async def access_to(url: str, settings: Fleet, base: Path) -> Access:
    """What a connection to `url` is made with, its files relative to `base`, as they are now.

    Raises FleetUnavailable where one cannot be read, or is not what it should be.
    """
    parts = urlsplit(url)
    own, _, place = parts.netloc.rpartition("@")
    user, colon, password = own.partition(":")
    named = bool(settings.ca_file or settings.client_certificate)
    credentials = await _credentials(settings, base) if settings.credentials else None
    context, certificate_ends = (
        await _context(settings, base) if named or parts.scheme == "tls" else (None, None)
    )
    return Access(
        parts._replace(netloc=place),
        unquote(user) if own else None,
        unquote(password) if colon else None,
        credentials,
        context,
        certificate_ends,
    )


async def _credentials(settings: Fleet, base: Path) -> UserCredentials:
    content = await _read("credentials", settings.credentials, base, MAX_SECRET)
    try:
        return read_credentials(content)
    except CredentialsError as error:
        raise FleetUnavailable(f"fleet.credentials: {error}") from error


async def _context(settings: Fleet, base: Path) -> tuple[ssl.SSLContext, float | None]:
    """TLS, and when the client certificate ends."""
    files = {"ca_file": settings.ca_file, "client_certificate": settings.client_certificate}
    files["client_key"] = settings.client_key
    read = {
        option: await _read(option, name, base, MAX_CERTIFICATES)
        for option, name in files.items()
        if name
    }
    try:
        context = await SECRETS.call(lambda _: _made(read))
    except OSError as error:
        raise FleetUnavailable(f"TLS cannot be begun: {_in_words(error)}") from error
    return context, _end_of(read["client_certificate"]) if settings.client_certificate else None


def _end_of(certificate: bytes) -> float:
    """Of one that OpenSSL has read; infinite for one that only OpenSSL can."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()
    except ValueError:
        return math.inf


def _made(read: dict[str, bytes]) -> ssl.SSLContext:
    with ExitStack() as stack:
        paths = {name: stack.enter_context(file_in_memory(read[name])) for name in read}
        try:
            context = verifying(paths.get("ca_file"))
        except (OSError, ssl.SSLError) as error:
            raise FleetUnavailable(
                "fleet.ca_file: it holds no CA certificate in PEM: write the file of the CA that "
                "signed the server's"
            ) from error
        if certificate := paths.get("client_certificate"):
            try:
                # An encrypted key would have OpenSSL ask at the terminal.
                context.load_cert_chain(
                    certificate, paths.get("client_key", certificate), password=""
                )
            except (OSError, ssl.SSLError) as error:
                raise FleetUnavailable(
                    "fleet.client_certificate: it does not hold a certificate in PEM and, in it or "
                    "in fleet.client_key, its unencrypted key"
                ) from error
    return context


async def _read(option: str, name: str, base: Path, limit: int) -> bytes:
    """A file's content. Its name stays unsaid: somebody may have written the secret itself."""

    def read(step: Step) -> bytes:
        return read_regular(key_of(file_named(name, base)), limit, step)[1]

    try:
        return await SECRETS.call(read)
    except OSError as error:
        raise FleetUnavailable(
            f"fleet.{option}: the file cannot be read: {_in_words(error)}; {_mend(error)}"
        ) from error


def _in_words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _mend(error: OSError) -> str:
    if not isinstance(error, PermissionError):
        return "it has to be there, for the user that resolverd runs as"
    return (
        "it is closed to the user that resolverd runs as: let a group read it (chmod 0640) that "
        "SupplementaryGroups= gives the units, as docs/fleet.md has it"
    )
