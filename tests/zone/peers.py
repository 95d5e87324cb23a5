"""What other servers read of a zone file: BIND's, NSD's and Knot's own programs say it.

A record is (owner, type, TTL, RDATA in the form of RFC 3597): what each prints is read back line
by line, so that two spellings of one record are one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest

from resolverd.zone.model import Zone

Records = set[tuple[str, str, int, str]]


def peer(name: str, package: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} of the Debian package {package} is not installed")
    return path


def compiled(program: str, zone: str, file: Path, style: str = "full") -> str:
    """The zone as named-compilezone writes it; AssertionError where it refuses it."""
    lax = ["-k", "ignore", "-n", "ignore", "-i", "none"]
    command = [program, "-q", *lax, "-F", "text", "-s", style, "-o", "-", zone, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{file.read_text()}"
    return done.stdout


def printed(program: str, zone: str, file: Path) -> str:
    """The zone as nsd-checkzone prints it; AssertionError where it refuses it."""
    command = [program, "-p", zone, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{file.read_text()}"
    return "".join(
        line for line in done.stdout.splitlines(keepends=True) if not line.endswith("is ok\n")
    )


def accepted(program: str, zone: str, file: Path) -> bool:
    """Whether kzonecheck takes the zone; it prints none."""
    command = [program, "-o", zone, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60)
    return done.returncode == 0


def has_ttls_that_differ(program: str, zone: str, file: Path) -> bool:
    """Whether kzonecheck notices an RRset of two TTLs, as which it tells what one inherited."""
    command = [program, "-v", "-o", zone, file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return "TTL mismatch" in f"{done.stdout}{done.stderr}"


def parsed(text: str, origin: str) -> Records:
    """The records of a zone that a peer wrote."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    return {
        (str(name).lower(), dns.rdatatype.to_text(rdata.rdtype), ttl, _generic(rdata))
        for name, ttl, rdata in zone.iterate_rdatas()
    }


def read(zone: Zone) -> Records:
    """The records of a zone that was loaded."""
    return {
        (str(rrset.owner).lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, _generic(rdata))
        for rrsets in zone.rrsets.values()
        for rrset in rrsets.values()
        for rdata in rrset.rdatas
    }


def _generic(rdata: dns.rdata.Rdata) -> str:
    return str(rdata.to_generic())
