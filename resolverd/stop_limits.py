"""Seconds that each part of a daemon's stop may take: together less than systemd gives it.

TimeoutStopSec= of the unit is ten, as is what `docker stop` gives. What waits for the same worker,
or for the same disk, waits together; what follows one another is added up here:

    REQUESTS       those of the admin API that are under way
    RESET          a published set that is being put in place: the one before is put back
    SETTLE         what is being published; beside it, the last good set for the next start
    until DISK_BY  what is kept for the next process; beside it, what the engine has counted
    ENGINE, KILL   the engine answers what it has read; workers that hang are killed
    NAMES          addresses of hostnames

What the others do not need is the disk's. A standby that is told to answer does so in milliseconds.
"""

from __future__ import annotations

REQUESTS = 1.0
RESET = 1.0
SETTLE = 2.0
COUNTS = 2.0
# Since the stop has begun.
DISK_BY = 5.0
ENGINE = 2.0
KILL = 0.5
NAMES = 0.5

WHOLE = max(DISK_BY, REQUESTS + RESET + SETTLE + COUNTS) + ENGINE + KILL + NAMES
"""What a stop takes at most, whichever of its workers and disks hang."""
