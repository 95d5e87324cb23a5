"""The HTTP sessions of probes: one connection for each request, and limits on what is sent back.

Nothing is decompressed, no cookie is kept, no proxy of the environment is used.
"""

from __future__ import annotations

import aiohttp
from aiohttp.abc import AbstractResolver

from resolverd.health.probes.connection import TracingConnector, TracingResponse

# curl's limits on what a server may send ahead of a body (lib/http.h, lib/headers.h).
MAX_HEADER_LINE = 100 * 1024
MAX_HEADERS = 5000

# The flow-control mark of a response's stream: reading pauses at twice this many bytes.
READ_BUFFER = 16 * 1024


def open_session(resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session that asks `resolver` for addresses, or this host's own; close it when done."""
    # No limits on connections: a limit would let probes that hang delay others. The monitor
    # bounds how many probes of one target can be in flight.
    session = aiohttp.ClientSession(
        connector=TracingConnector(
            limit=0,
            limit_per_host=0,
            resolver=resolver,
            use_dns_cache=False,
        ),
        response_class=TracingResponse,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=READ_BUFFER,
        max_line_size=MAX_HEADER_LINE,
        max_field_size=MAX_HEADER_LINE,
        max_headers=MAX_HEADERS,
        # `run` bounds the whole probe; aiohttp's own timers would only cost.
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
    # aiohttp asks twice by itself, and has no public switch for it: a probe asks once.
    session._retry_connection = False
    return session
