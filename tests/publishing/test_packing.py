"""Sets as octets: the same files are the same set, and nothing else is taken for one."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.publishing.packing import PackingError, digest_of_set, is_inside, pack, unpack

FILES = {"resolverd.toml": b"[server]\n", "zones/a.zone": b"\xff\x00", "zones/empty.zone": b""}


def archive_of(*members: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return gzip.compress(file.getvalue())


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def test_a_set_comes_back_as_it_was() -> None:
    assert unpack(pack(FILES), digest_of_set(FILES)) == FILES


def test_the_digest_is_what_sha256sum_would_say_of_the_list() -> None:
    lines = "".join(f"{hashlib.sha256(FILES[n]).hexdigest()}  {n}\n" for n in sorted(FILES))
    assert digest_of_set(FILES) == hashlib.sha256(lines.encode()).hexdigest()


def test_neither_order_nor_time_changes_the_archive() -> None:
    assert pack(dict(reversed(FILES.items()))) == pack(FILES)


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,150}){0,2}", fullmatch=True), st.binary())
)
def test_any_set_comes_back(files: dict[str, bytes]) -> None:
    names = [n for n in files if not any(o.startswith(f"{n}/") for o in files)]
    plain = {name: files[name] for name in names}
    assert unpack(pack(plain), digest_of_set(plain)) == plain


REFUSED = {
    "empty": b"",
    "no archive": b"no archive",
    "cut short": pack(FILES)[:-20],
    "no tar": gzip.compress(b"no tar" * 200),
    "a parent": archive_of(member("../up")),
    "absolute": archive_of(member("/etc/resolverd.toml")),
    "not normal": archive_of(member("a/./b")),
    "a link": archive_of(member("link", tarfile.SYMTYPE)),
    "a hard link": archive_of(member("hard", tarfile.LNKTYPE)),
    "a FIFO": archive_of(member("fifo", tarfile.FIFOTYPE)),
    "a directory": archive_of(member("directory", tarfile.DIRTYPE)),
}


# By name: the octets of gzip have a time in them, and workers have to collect the same tests.
@pytest.mark.parametrize("archive", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_set_is_refused(archive: bytes) -> None:
    with pytest.raises(PackingError):
        unpack(archive, digest_of_set(FILES))


def test_a_file_of_holes_is_refused_before_it_is_read() -> None:
    """A kilobyte that says it is a file of 2 TiB."""
    holes = member("zones/a.zone", tarfile.GNUTYPE_SPARSE)
    header = bytearray(holes.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80" + (1 << 41).to_bytes(11, "big")
    header[148:156] = b"%06o\0 " % sum(header[:148] + b" " * 8 + header[156:512])
    with pytest.raises(PackingError, match="no file of a set"):
        unpack(gzip.compress(bytes(header) + bytes(1024)), digest_of_set(FILES))


def test_another_set_is_refused_by_its_digest() -> None:
    with pytest.raises(PackingError, match="was published"):
        unpack(pack({**FILES, "zones/a.zone": b"another"}), digest_of_set(FILES))


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a//b", "a/", "a\0b", "./a"])
def test_names_that_are_not_plain_are_outside(name: str) -> None:
    assert not is_inside(name)
