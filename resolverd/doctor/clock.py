"""Whether this host's clock is kept right."""

from __future__ import annotations

from resolverd.doctor.finding import Finding, untold


def clock(kernel: bool | None, timesync: bool, chrony: bool) -> Finding:
    """Ages of databases, ends of overrides, certificates of probes and logs hang on the clock.

    `kernel`: whether the kernel's clock is disciplined, None where that is unknown;
    `timesync`: whether systemd-timesyncd says so; `chrony`: whether chronyd runs, which tells
    the kernel only with ``rtcsync``.
    """
    if kernel or timesync:
        return Finding("clock", "ok", "the clock is synchronised")
    if chrony:
        seen = "chronyd runs, but the kernel does not know its clock as synchronised"
        return Finding("clock", "advice", seen, "chronyc tracking  # and rtcsync in chrony.conf")
    if kernel is None:
        return untold("clock", "adjtimex")
    seen = "nothing keeps the clock right: the kernel says that it is not synchronised"
    return Finding("clock", "warning", seen, "timedatectl set-ntp true  # or: apt install chrony")
