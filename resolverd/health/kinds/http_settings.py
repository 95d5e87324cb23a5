"""Options of all kinds that ask over HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from resolverd.config.field_text import FieldName, FieldValue, HostField
from resolverd.config.options import contradiction, option
from resolverd.config.probe import Probe
from resolverd.config.secrets import secrets_of
from resolverd.config.types import Hostname


class HttpSettings(Probe):
    """How a request is sent, and over which TLS; whoever derives from it declares `path`."""

    path: str = option("/health", "Path of the request.")
    headers: dict[FieldName, FieldValue] = option(
        factory=dict, doc="Headers added to the HTTP request."
    )
    host: HostField = option("", "Host header; empty takes the URL's own.")
    sni: Hostname | Literal[""] = option(
        "", "TLS server name (SNI, and the name verified); empty takes the URL's own."
    )
    verify_tls: bool = option(True, "Whether the certificate must be valid for the server name.")
    ca: str = option(
        "",
        "File with the CA certificates that may have signed the server's, in PEM; an absolute "
        "path, or a name that systemd's LoadCredential= gave it. Empty takes this host's.",
    )
    client_certificate: str = option(
        "",
        "File with the certificate, in PEM, that is shown to a server that asks for one; named as "
        "`ca` is, and read again when it changes.",
    )
    client_key: str = option(
        "", "File with its unencrypted key; empty looks for that in `client_certificate`."
    )
    credential: str = option(
        "",
        "File with the bearer token that HTTP requests carry; an absolute path, or a name that "
        "systemd's LoadCredential= gave it.",
    )

    def secrets(self, url: str) -> tuple[str, ...]:
        """Those in the URL, the path and the headers."""
        return secrets_of(url, self.headers, "", self.path)

    @model_validator(mode="after")
    def _credentials_are_files(self) -> HttpSettings:
        for name in ("credential", "ca", "client_certificate", "client_key"):
            file = getattr(self, name)
            if "/" in file and not file.startswith("/"):
                raise contradiction(
                    f"{name} is neither an absolute path nor a plain name",
                    f'write {name} = "/etc/resolverd/{name}", the path from the root',
                    name,
                )
        if self.client_key and not self.client_certificate:
            raise contradiction(
                "client_key is set without client_certificate",
                'write client_certificate = "/etc/resolverd/probe.pem" beside it',
                *("client_key", "client_certificate"),
            )
        return self
