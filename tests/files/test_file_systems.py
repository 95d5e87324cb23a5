"""Which files' times are relied on is told by the mount that they were opened through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolverd.files import file_systems
from resolverd.files.file_systems import kind_of, tells_of_writes


@pytest.mark.skipif(not Path("/dev/shm").is_mount(), reason="there is none")
def test_a_file_system_in_memory_does_not_tell_of_every_write() -> None:
    descriptor = os.open("/dev/shm", os.O_RDONLY)
    try:
        assert kind_of(descriptor) == "tmpfs"
        assert not tells_of_writes(descriptor)
    finally:
        os.close(descriptor)


def test_what_is_not_known_is_not_relied_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("resolverd.files.file_systems._PROC", tmp_path)
    assert (kind_of(0), tells_of_writes(0)) == ("", False)


MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 0:27 / /dev/shm rw - tmpfs tmpfs rw,size=24684096k
271 27 0:40 / /mnt/a\\040-\\040b rw,nosuid shared:3 master:1 - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("mount", "kind"), [("27", "ext4"), ("31", "tmpfs"), ("271", "fuse.sshfs"), ("2", ""), ("", "")]
)
def test_the_kind_of_a_file_system_is_that_of_the_mount(mount: str, kind: str) -> None:
    assert file_systems._kind(MOUNTS, mount) == kind
