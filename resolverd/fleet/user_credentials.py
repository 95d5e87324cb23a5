"""What a .creds file holds: a NATS user's JWT, and the seed of the key that it was made for; pure.

NATS writes them in blocks between lines of dashes (`nsc generate creds`)::

    -----BEGIN NATS USER JWT-----
    eyJ….eyJ….…
    ------END NATS USER JWT------

    -----BEGIN USER NKEY SEED-----
    SUA…
    ------END USER NKEY SEED------

A seed is base32 of two octets that say whose it is, 32 of an Ed25519 key, and a CRC-16 of both
(nats-io/nkeys). A public key is the same with one octet before it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from resolverd.health.untrusted_json import parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_BLOCK = re.compile(
    r"-{3,} *BEGIN ([A-Z ]+?) *-{3,}\s+([\w.=-]+?)\s+-{3,} *END \1 *-{3,}", re.ASCII
)
_JWT, _SEED = "NATS USER JWT", "USER NKEY SEED"

# Octets before the key: "SU" of a user's seed, and "U" of its public key.
_SEED_PREFIX, _PUBLIC_PREFIX = b"\x95\x00", b"\xa0"
_KEY_OCTETS, _CRC_OCTETS = 32, 2


class CredentialsError(ValueError):
    """The file is not what it should be; the message says what to do."""


class UserCredentials(NamedTuple):
    """A user's `jwt`, the `key` that it names, and when it ends (Unix seconds; 0: never)."""

    jwt: str
    key: Ed25519PrivateKey
    ends: float

    def sign(self, nonce: str) -> bytes:
        """A server's nonce signed, in base64, as CONNECT has it."""
        return base64.b64encode(self.key.sign(nonce.encode()))

    def __repr__(self) -> str:
        return "UserCredentials(…)"


def read_credentials(content: bytes) -> UserCredentials:
    """What such a file holds. Raises CredentialsError."""
    blocks = dict(_BLOCK.findall(content.decode("ascii", "replace")))
    if _JWT not in blocks:
        raise CredentialsError(
            "it holds no user's JWT: write what `nsc generate creds` gives, with its lines of "
            "dashes"
        )
    if _SEED not in blocks:
        raise CredentialsError(
            "it holds a user's JWT and no seed: write both, as `nsc generate creds` gives them"
        )
    key = _key_of(blocks[_SEED])
    subject, ends = _claims(blocks[_JWT])
    if subject != _public(key):
        raise CredentialsError(
            "its seed is not that of the user whose JWT it holds: take both from one user"
        )
    return UserCredentials(blocks[_JWT], key, ends)


def _key_of(seed: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    octets = _unarmoured(seed)
    if octets is None or octets[:2] != _SEED_PREFIX or len(octets) != 2 + _KEY_OCTETS:
        raise CredentialsError('its seed is no user\'s: one begins with "SU", and has 58 letters')
    return Ed25519PrivateKey.from_private_bytes(octets[2:])


def _claims(jwt: str) -> tuple[str, float]:
    """Whom a JWT is for, and when it ends; who signed it, the server knows."""
    try:
        _, claims, _ = jwt.split(".")
        document = parse_json(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return str(document["sub"]), float(document.get("exp") or 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CredentialsError("its JWT cannot be read: it was cut short, or changed") from error


def _public(key: Ed25519PrivateKey) -> str:
    octets = _PUBLIC_PREFIX + key.public_key().public_bytes_raw()
    return base64.b32encode(octets + _crc(octets)).decode().rstrip("=")


def _unarmoured(text: str) -> bytes | None:
    """The octets that `text` stands for, without their CRC; None where it is wrong."""
    try:
        octets = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        return None
    known, crc = octets[:-_CRC_OCTETS], octets[-_CRC_OCTETS:]
    return known if crc == _crc(known) else None


def _crc(octets: bytes) -> bytes:
    """CRC-16/XMODEM, the lower octet first."""
    return binascii.crc_hqx(octets, 0).to_bytes(_CRC_OCTETS, "little")
