"""A bearer token in a file: read when the file changes, and never shown.

While the file system does not answer, the token that was read last is used.

It is named by an absolute path, or by the name that systemd's LoadCredential= gave it
(systemd.exec(5)), which is a file in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import os
from pathlib import Path

from resolverd.errors import ResolverdError
from resolverd.files.credentials import credentials_directory
from resolverd.files.reading import MAX_SECRET, SECRETS, key_of, read_regular
from resolverd.files.signatures import Signature, signature_of
from resolverd.files.threads import HangingError, Step

_LONGEST = 8192


class CredentialError(ResolverdError):
    """The file cannot be read, or holds no token."""


def credential_path(name: str) -> Path:
    """The file that `name` names: an absolute path, or a name in $CREDENTIALS_DIRECTORY.

    Raises CredentialError where there is no such directory.
    """
    path = Path(name)
    if path.is_absolute():
        return path
    directory = credentials_directory()
    if directory is None:
        raise CredentialError(f'credential "{name}": $CREDENTIALS_DIRECTORY is not set')
    return directory / name


class Credential:
    """The token in the file that `name` names; an empty name stands for none."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: Signature | None = None
        self._token = ""

    @property
    def named(self) -> bool:
        """Whether there is one to be read."""
        return bool(self._name)

    def __repr__(self) -> str:
        return f"Credential({self._name!r})"

    async def header(self) -> dict[str, str]:
        """The header that carries it. Raises CredentialError."""
        if not self._name:
            return {}
        path = credential_path(self._name)
        try:
            await SECRETS.call(lambda step: self._refresh(key_of(path), step))
        except OSError as error:
            if isinstance(error, HangingError) and self._token:
                return {"Authorization": f"Bearer {self._token}"}
            self._seen = None
            reason = (error.strerror or type(error).__name__).lower()
            raise CredentialError(f'credential "{self._name}": {reason}') from error
        return {"Authorization": f"Bearer {self._token}"}

    def hide(self, text: str) -> str:
        """`text` without the token, which a server may have repeated."""
        return text.replace(self._token, "…") if self._token else text

    def _refresh(self, path: str, step: Step) -> None:
        step(path)
        if signature_of(os.stat(path)) == self._seen:  # noqa: PTH116
            return
        mark, content = read_regular(path, MAX_SECRET, step)
        self._token, self._seen = self._checked(content), mark

    def _checked(self, content: bytes) -> str:
        raw = content.strip()
        # Visible ASCII, as a header can carry it.
        if not raw or len(raw) > _LONGEST or not all(0x21 <= octet <= 0x7E for octet in raw):
            raise CredentialError(f'credential "{self._name}": the file holds no token')
        return raw.decode("ascii")
