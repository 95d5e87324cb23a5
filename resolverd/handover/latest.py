"""The latest Steering, and who may answer from it, where forked processes find both after a kill.

Two slots and a head, each a file in memory: a Steering goes into the slot that the head does not
name, and then the head names it, with the number of the one standby that holds its Plan. So what
the head names is whole at any moment and one standby's alone, the writer waits for nobody, and
nobody wakes up to read what is never needed.
"""

from __future__ import annotations

import os
import pickle
import struct
from dataclasses import replace

from resolverd.snapshot.model import Steering

# Standby, slot, octets.
_HEAD = struct.Struct("<QQQ")


class Latest:
    """What `write` was last given; `read` is for a process forked since this was made."""

    def __init__(self) -> None:
        """Make the files. Raises OSError."""
        made: list[int] = []
        try:
            for part in ("head", "0", "1"):
                descriptor = os.memfd_create(f"steering-{part}", os.MFD_CLOEXEC)
                made.append(descriptor)
        except OSError:
            for each in made:
                os.close(each)
            raise
        self._head, *self._slots = made
        self._next = 0

    @property
    def descriptors(self) -> list[int]:
        """To be kept open by the process that reads."""
        return [self._head, *self._slots]

    def write(self, standby: int, steering: Steering) -> None:
        """Have the standby of this number, and no other, answer from `steering`. Raises OSError.

        What only those who watch need is left out.
        """
        octets = pickle.dumps(
            replace(steering, regions={}, histories={}, cached={}, decided={}), protocol=5
        )
        slot = self._slots[self._next]
        written = 0
        while written < len(octets):
            written += os.pwrite(slot, octets[written:], written)
        os.pwrite(self._head, _HEAD.pack(standby, self._next, len(octets)), 0)
        self._next = 1 - self._next

    def read(self, standby: int) -> Steering | None:
        """What the standby of this number is to answer from; None where another is to answer."""
        head = os.pread(self._head, _HEAD.size, 0)
        if not head:
            return None
        named, slot, length = _HEAD.unpack(head)
        if named != standby:
            return None
        octets = b""
        while len(octets) < length:
            octets += os.pread(self._slots[slot], length - len(octets), len(octets))
        read: Steering = pickle.loads(octets)  # written by this very program
        return read

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self.descriptors:
            os.close(descriptor)
