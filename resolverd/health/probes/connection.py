"""The TCP and TLS connections of probes: each request opens its own, as a new client would.

A kept connection proves nothing of what a new client meets: the listener may be closed, the name
moved, the certificate expired. What is learned of a connection on the way is noted in the `Trace`
of the probe, also where the probe then fails: that something responded, how long the handshake
took, when the certificate expires.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import partial
from typing import Any

import aiohappyeyeballs
import aiohttp
from aiohttp import client_proto, client_reqrep

from resolverd.certificates import trusting_this_host
from resolverd.health.probes.bounds import refuse_if_over
from resolverd.health.probes.certificate import expires_at
from resolverd.health.probes.protocol import FramedProtocol
from resolverd.health.probes.tls_meter import connect_tls
from resolverd.health.probes.trace import current_trace, note_connected


class TracingResponse(aiohttp.ClientResponse):
    """A response that notes in the trace that its head has come."""

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        """Read the status line and the headers. Raises aiohttp.ClientError."""
        started = await super().start(connection)
        current_trace().answered = True
        return started


class TracingConnector(aiohttp.TCPConnector):
    """A connector without keep-alive that notes in the trace what each connection shows.

    aiohttp does not say when the TCP handshake has ended, which here separates a far end that is
    reached from one that is not; so its one method that connects is replaced. `tests/health/
    test_responded.py` fails should aiohttp call it no more.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(force_close=True, ssl=trusting_this_host(), **options)
        self._factory: partial[Any] = partial(FramedProtocol, loop=self._loop)

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[aiohappyeyeballs.AddrInfoType],
        req: client_reqrep.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own parameter
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[asyncio.Transport, client_proto.ResponseHandler]:
        """A connected transport. Raises aiohttp.ClientConnectorError and its kinds."""
        trace, began = current_trace(), time.monotonic()
        refuse_if_over(trace)
        try:
            if len(addr_infos) == 1 and kwargs.get("ssl") is None:
                # Nothing to choose or to see on the way; half the cost.
                host, port = addr_infos[0][4][:2]
                made = await self._loop.create_connection(args[0], host, port)
                note_connected(began)
                return made
            sock = await aiohappyeyeballs.start_connection(
                addr_infos=addr_infos,
                happy_eyeballs_delay=self._happy_eyeballs_delay,
                interleave=self._interleave,
                loop=self._loop,
            )
            note_connected(began)
            if (context := kwargs.get("ssl")) is None:
                return await self._loop.create_connection(args[0], sock=sock)
            trace.in_tls = True
            made = await connect_tls(args[0], sock, context, kwargs["server_hostname"])
            trace.in_tls = False
            trace.certificate_expires = _expiry(made[0]) or trace.certificate_expires
            return made
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        except TimeoutError:
            raise
        except OSError as error:
            raise client_error(req.connection_key, error) from error


def _expiry(transport: asyncio.Transport) -> float | None:
    tls = transport.get_extra_info("ssl_object")
    return None if tls is None else expires_at(tls)
