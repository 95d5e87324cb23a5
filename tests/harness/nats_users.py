"""An operator of NATS with accounts and users, as nsc makes them: JWTs, seeds and .creds files.

A JWT of NATS is signed by an Ed25519 key that its issuer's name is made of (ADR-14); `nsc` has to
be had from elsewhere, so this writes the same. What a server takes, `configuration` has: a resolver
to which changed accounts are pushed while it runs, as `nsc push` does.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

# nats-io/nkeys: the octet before a public key, by whose it is.
OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
_SEED = 18 << 3

_UNLIMITED = {
    **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1),
    "wildcards": True,
}
_JETSTREAM = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)


class Identity:
    """A key pair of an operator, account or user."""

    def __init__(self, kind: int) -> None:
        self._kind, self.key = kind, Ed25519PrivateKey.generate()

    @property
    def name(self) -> str:
        """The public key, by which NATS knows it."""
        return _armoured(bytes((self._kind,)) + self.key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """The private key."""
        head = bytes((_SEED | self._kind >> 5, (self._kind & 31) << 3))
        return _armoured(head + self.key.private_bytes_raw())

    def jwt(self, subject: str, name: str, claims: dict[str, Any], **more: Any) -> str:
        """A JWT about `subject`, issued by this one."""
        document = {
            "jti": uuid.uuid4().hex,
            "iat": int(time.time()),
            "iss": self.name,
            "name": name,
            "sub": subject,
            "nats": {**claims, "version": 2},
            **more,
        }
        signed = ".".join(
            _url_safe(json.dumps(part).encode())
            for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, document)
        )
        return f"{signed}.{_url_safe(self.key.sign(signed.encode()))}"


@dataclass
class User:
    """A user with its JWT, and the .creds file's text."""

    identity: Identity
    jwt: str

    @property
    def creds(self) -> str:
        """As `nsc generate creds` writes it."""
        return (
            f"-----BEGIN NATS USER JWT-----\n{self.jwt}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            "NKEY Seed printed below can be used to sign and prove identity.\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{self.identity.seed}\n"
            "------END USER NKEY SEED------\n"
        )


@dataclass
class Operator:
    """An operator with a system account and one account `edges`, whose users are made here."""

    identity: Identity = field(default_factory=lambda: Identity(OPERATOR))
    system: Identity = field(default_factory=lambda: Identity(ACCOUNT))
    edges: Identity = field(default_factory=lambda: Identity(ACCOUNT))
    revoked: dict[str, int] = field(default_factory=dict)

    def configuration(self, folder: Path) -> str:
        """What a nats-server's file says of them."""
        claims = {"type": "operator", "system_account": self.system.name}
        own = self.identity.jwt(self.identity.name, "operator", claims)
        accounts = {
            self.system.name: self._account(self.system, "SYS", _UNLIMITED),
            self.edges.name: self.account(),
        }
        preload = "\n".join(f"  {name}: {jwt}" for name, jwt in accounts.items())
        return (
            f"operator: {own}\nsystem_account: {self.system.name}\n"
            f'resolver: {{ type: full, dir: "{folder}/accounts" }}\n'
            f"resolver_preload: {{\n{preload}\n}}\n"
        )

    def account(self) -> str:
        """The account's JWT, as it is now."""
        revoked = {"revocations": self.revoked} if self.revoked else {}
        return self._account(self.edges, "EDGES", {**_UNLIMITED, **_JETSTREAM}, revoked)

    def user(self, *, seconds: float = 0, denied: str = "", of: Identity | None = None) -> User:
        """One of the account, or `of` another; for so many `seconds`, or for ever.

        It may not publish to subjects that are `denied`.
        """
        identity = Identity(USER)
        claims: dict[str, Any] = {
            "type": "user",
            "pub": {"deny": [denied]} if denied else {},
            "sub": {},
            **dict.fromkeys(("subs", "data", "payload"), -1),
        }
        ends = {"exp": int(time.time() + seconds)} if seconds else {}
        return User(identity, (of or self.edges).jwt(identity.name, "edge", claims, **ends))

    async def revoke(self, user: User, url: str) -> None:
        """Have the running server at `url` turn it away."""
        self.revoked[user.identity.name] = int(time.time()) + 1
        admin = self.user(of=self.system)
        client = Client()
        # nats-py asks for a package of its own to read a .creds file.
        await client.connect(
            url,
            allow_reconnect=False,
            token=lambda: "",
            user_jwt_cb=lambda: bytearray(admin.jwt.encode()),
            signature_cb=lambda nonce: base64.b64encode(admin.identity.key.sign(nonce.encode())),
        )
        try:
            subject = f"$SYS.REQ.ACCOUNT.{self.edges.name}.CLAIMS.UPDATE"
            reply = await client.request(subject, self.account().encode(), timeout=10)
            assert json.loads(reply.data)["data"]["code"] == 200, reply.data
        finally:
            await client.close()

    def _account(
        self,
        account: Identity,
        name: str,
        limits: dict[str, Any],
        more: dict[str, Any] | None = None,
    ) -> str:
        claims = {"type": "account", "limits": limits, **(more or {})}
        return self.identity.jwt(account.name, name, claims)


def _armoured(octets: bytes) -> str:
    crc = binascii.crc_hqx(octets, 0).to_bytes(2, "little")
    return base64.b32encode(octets + crc).decode().rstrip("=")


def _url_safe(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
