"""Plain sockets on the event loop: one descriptor of its own stands for thousands of them.

The event loop watches one epoll instance, which watches the sockets. A socket costs it two system
calls in its life, to be entered and to be taken out, and events come in batches.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from resolverd.health.probes.polling import MAX_TURN, Polling

# What `callback` is called with; a system without epoll has none of them, and no poller.
READABLE, WRITABLE = getattr(select, "EPOLLIN", 0), getattr(select, "EPOLLOUT", 0)
FAILED = getattr(select, "EPOLLERR", 0) | getattr(select, "EPOLLHUP", 0)
ENDING = FAILED | getattr(select, "EPOLLRDHUP", 0)
# Sockets whose events are fetched at once: each takes some 30 microseconds, but that of a page of
# metrics ten times as much, and then they are few.
_MOST, _FEW = 64, 8


class Poller(Polling):
    """To be made and closed inside one running event loop. Raises OSError where it cannot be.

    `now` is the reading of the monotonic clock at which the events of this turn were fetched.
    """

    def __init__(self) -> None:
        self.now = time.monotonic()
        self._epoll, self._at_once = select.epoll(), _MOST
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._left: set[int] = set()  # descriptors that were removed in this turn
        super().__init__(self._epoll.fileno())

    @staticmethod
    def available() -> bool:
        """Whether this system has what it takes."""
        return hasattr(select, "epoll")

    def add(self, descriptor: int, callback: Callable[[int], None]) -> None:
        """Call `callback` with the events of `descriptor`, once for each change (EPOLLET)."""
        events = READABLE | WRITABLE | select.EPOLLRDHUP | select.EPOLLET
        self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback

    def hand_on(self, descriptor: int, callback: Callable[[int], None]) -> None:
        """Have `callback` called instead from now on."""
        self._callbacks[descriptor] = callback

    def remove(self, descriptor: int) -> None:
        """Forget `descriptor`, which is about to be closed.

        epoll would forget it by that, but not while a fork has the socket too (epoll(7)): the
        standby has it until it has closed what it does not need, and the number is used again.
        """
        if self._callbacks.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            self._left.add(descriptor)

    def close(self) -> None:
        """Watch nothing any more."""
        super().close()
        self._callbacks.clear()
        self._epoll.close()

    def look(self, descriptor: int) -> None:
        """See to what has come on one of them, out of turn; not to be called by a callback."""
        callback, own = self._callbacks.get(descriptor), select.poll()
        if callback is not None:
            own.register(descriptor, READABLE | WRITABLE | select.EPOLLRDHUP)
            for _, events in own.poll(0):
                self.now = time.monotonic()
                callback(events)

    def _see_to_some(self) -> bool:
        """See to so many; whether there may be more."""
        self._left.clear()
        most = self._at_once
        ready = self._epoll.poll(0, most)
        self.now = time.monotonic()
        for descriptor, events in ready:
            callback = self._callbacks.get(descriptor)
            # One of that number that was opened in this very turn is another's.
            if callback is None or descriptor in self._left:
                continue
            try:
                callback(events)
            except Exception as defect:  # noqa: BLE001 - of ours: it costs that probe alone
                self._report(defect)
        slow = time.monotonic() - self.now > MAX_TURN
        self._at_once = _FEW if slow else min(_MOST, 2 * most)
        return len(ready) == most
