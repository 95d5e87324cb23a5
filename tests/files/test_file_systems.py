"""Which files' times are relied on is told by the mount that they were opened through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolverd.files import file_systems
from resolverd.files.file_systems import tells_of_writes


@pytest.mark.skipif(not Path("/dev/shm").is_mount(), reason="there is none")
def test_a_file_system_in_memory_does_not_tell_of_every_write() -> None:
    descriptor = os.open("/dev/shm", os.O_RDONLY)
    try:
        assert not tells_of_writes(descriptor)
    finally:
        os.close(descriptor)


def test_the_mount_is_that_of_the_descriptor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(file_systems, "_PROC", tmp_path)
    (tmp_path / "fdinfo").mkdir()
    (tmp_path / "fdinfo/0").write_text("pos:\t0\nflags:\t0100000\nmnt_id:\t31\nino:\t7\n")
    (tmp_path / "fdinfo/1").write_text("pos:\t0\nflags:\t0100000\nmnt_id:\t27\nino:\t7\n")
    assert not tells_of_writes(1), "it is not known"
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert [tells_of_writes(descriptor) for descriptor in (0, 1, 2)] == [False, True, False]


MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 254:0 /etc /etc ro,relatime - ext4 /dev/vda rw,discard
31 27 0:27 / /dev/shm rw - tmpfs tmpfs rw,size=24684096k
271 27 0:40 / /mnt/a\\040-\\040b rw,nosuid shared:3 master:1 - fuse.sshfs host:/ rw
32 27 254:1 / /mnt/line\x85break rw - xfs /dev/vdb rw
33 27 7:0 / /mnt/image rw - ext4 /dev/loop0 rw
34 27 254:2 / /mnt/still ro,relatime shared:1 - ext4 /dev/vdc ro,discard
35 27 0:41 / /mnt/over rw - overlay overlay rw,lowerdir=/a
36 27 0:42 / /mnt/nfs rw - nfs4 host:/ rw
"""


@pytest.mark.parametrize(
    ("mount", "tells"),
    [
        pytest.param("27", True, id="a local disk"),
        pytest.param("28", True, id="one that a unit may not write to"),
        pytest.param("31", False, id="memory"),
        pytest.param("271", False, id="a program"),
        pytest.param("32", True, id="a mount point with what may end a line"),
        pytest.param("33", False, id="an image, in which anybody set the times"),
        pytest.param("34", False, id="read-only, so perhaps an image as well"),
        pytest.param("35", False, id="an overlay"),
        pytest.param("36", False, id="a network"),
        pytest.param("2", False, id="unknown"),
        pytest.param("", False, id="none"),
    ],
)
def test_times_are_relied_on_that_the_kernel_keeps_itself(mount: str, tells: bool) -> None:
    assert file_systems._tells(MOUNTS, mount) is tells
