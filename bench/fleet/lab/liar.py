"""A program that lies in an edge's name: all is down, or all is up, whatever is so.

    python -m bench.fleet.lab.liar --url nats://… --edge e5 --as e4 --state down

It hears what another edge tells of its targets and tells the same of its own, but for each state;
with `up` each target has had a canary answered just now. So it is in time, and well-formed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

import nats
from nats.aio.msg import Msg

_SUBJECT = "resolverd.lab.observations.{}"


async def lie(url: str, edge: str, heard: str, state: str) -> None:
    """For ever."""
    client = await nats.connect(url, name=edge)

    async def tell(message: Msg) -> None:
        said = json.loads(message.data)
        await client.publish(
            _SUBJECT.format(edge),
            json.dumps(lied(said, edge, state), separators=(",", ":")).encode(),
        )

    await client.subscribe(_SUBJECT.format(heard), cb=tell)
    await asyncio.Event().wait()


def lied(said: dict[str, Any], edge: str, state: str) -> dict[str, Any]:
    """The message in another edge's name, with that state of each target; targets stand last."""
    targets = said.pop("targets")
    for target in targets.values():
        target["state"] = state
        target.pop("reason", None)
        if state == "up":
            target["asked"] = said["clock"]
        else:
            target["reason"] = "it lies"
    return {**said, "edge": edge, "run": f"{said['run']}-{edge}", "targets": targets}


def main() -> int:
    """Lie until it is killed."""
    parser = argparse.ArgumentParser(description="lie in an edge's name")
    parser.add_argument("--url", required=True)
    parser.add_argument("--edge", required=True, help="whose name it uses")
    parser.add_argument("--as", dest="heard", required=True, help="whose targets it tells of")
    parser.add_argument("--state", choices=("up", "down"), required=True)
    asked = parser.parse_args()
    asyncio.run(lie(asked.url, asked.edge, asked.heard, asked.state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
