"""What is read of a .creds file, and what is said of one that is not what it should be."""

from __future__ import annotations

import base64
import contextlib

import pytest
from harness.nats_users import ACCOUNT, Identity, Operator
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.user_credentials import CredentialsError, read_credentials

OPERATOR = Operator()
USER, OTHER = OPERATOR.user(), OPERATOR.user()
ENDING = OPERATOR.user(seconds=3600)


def test_a_user_is_read_and_signs_as_its_public_key_says() -> None:
    read = read_credentials(USER.creds.encode())
    assert (read.jwt, read.ends) == (USER.jwt, 0.0)
    key = USER.identity.key.public_key()
    key.verify(base64.b64decode(read.sign("a nonce")), b"a nonce")
    assert USER.identity.seed not in repr(read)
    assert USER.jwt not in repr(read)


def test_when_a_user_ends_is_read() -> None:
    assert read_credentials(ENDING.creds.encode()).ends > 1e9


@pytest.mark.parametrize(
    "change", [str.strip, lambda text: text.replace("\n", "\r\n")], ids=["none", "CRLF"]
)
def test_white_space_changes_nothing(change) -> None:  # type: ignore[no-untyped-def]
    assert read_credentials(change(USER.creds).encode()).jwt == USER.jwt


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no user's JWT"),
        (USER.jwt, "no user's JWT"),
        (USER.identity.seed, "no user's JWT"),
        (USER.creds[: USER.creds.index("-----BEGIN USER")], "no seed"),
        (USER.creds[:-30], "no seed"),
        (USER.creds.replace(USER.identity.seed, USER.identity.seed[:-1]), "is no user's"),
        (USER.creds.replace(USER.identity.seed, Identity(ACCOUNT).seed), "is no user's"),
        (USER.creds.replace(USER.identity.seed, OTHER.identity.seed), "not that of the user"),
        (USER.creds.replace(USER.jwt, USER.jwt[:40]), "cut short"),
        (USER.creds.replace(USER.jwt, "a.bnVsbA.c"), "cut short"),
        (USER.creds.replace(USER.jwt, "a.e30.c"), "cut short"),
    ],
    ids=[
        "empty",
        "a JWT alone",
        "a seed alone",
        "no seed",
        "cut",
        "a damaged seed",
        "an account's seed",
        "another's seed",
        "a cut JWT",
        "null",
        "no claims",
    ],
)
def test_what_is_wrong_is_said_without_the_secret(content: str, says: str) -> None:
    with pytest.raises(CredentialsError, match=says) as refused:
        read_credentials(content.encode())
    assert USER.identity.seed not in str(refused.value)


@given(st.integers(0, len(USER.creds) - 1), st.binary(max_size=3))
def test_no_change_of_a_file_does_more_than_refuse_it(at: int, octets: bytes) -> None:
    content = USER.creds.encode()
    with contextlib.suppress(CredentialsError):
        read_credentials(content[:at] + octets + content[at + len(octets) + 1 :])
