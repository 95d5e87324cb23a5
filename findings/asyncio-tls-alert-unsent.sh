#!/bin/sh
# asyncio's TLS server closes a connection whose handshake it refuses without sending the alert.
#
# Expected: a server that wants a client's certificate and gets none says so by an alert
# (certificate_required, RFC 8446 §6.2), as one over blocking sockets does, and the client can tell
# "I have to show a certificate" from "the connection broke".
# Seen: OpenSSL makes the alert, and asyncio drops it with the transport. The client meets the end of
# the connection, or a reset, and nothing of TLS. A health check cannot say why it failed.
# Seen with the CPython of the machine; the certificate comes from openssl(1).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null

cat > try.py <<'PY'
import asyncio
import socket
import ssl
import sys
import threading


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain("cert.pem", "key.pem")
    made.load_verify_locations("cert.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def told(port: int) -> str:
    """What a client without a certificate is told: at the handshake, or by its first read."""
    client = ssl.create_default_context(cafile="cert.pem")
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with client.wrap_socket(plain, server_hostname="localhost") as tls:
                return repr(tls.recv(1))
    except ssl.SSLError as error:
        return error.reason or type(error).__name__
    except OSError as error:
        return type(error).__name__


def blocking() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            connection, _ = listener.accept()
            try:
                context().wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                pass
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        answer = told(listener.getsockname()[1])
        thread.join()
    return answer


async def with_asyncio() -> str:
    async def never(_reader, _writer) -> None:
        raise AssertionError("no client gets through")

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    server = await asyncio.start_server(never, "127.0.0.1", 0, ssl=context())
    answer = await asyncio.to_thread(told, server.sockets[0].getsockname()[1])
    server.close()
    return answer


print("python", sys.version.split()[0], ssl.OPENSSL_VERSION)
first, second = blocking(), asyncio.run(with_asyncio())
print("a server over blocking sockets tells the client:", first)
print("a server of asyncio tells the client:           ", second)
alert = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
sys.exit(0 if first == alert and second != alert else "this has changed")
PY
python3 try.py
