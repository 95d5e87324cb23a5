"""One simulated region as a program: ``python -m resolverd.demo.region --name us-east``.

It announces itself on standard output with one JSON line, ``{"name", "port", "pid"}``, once
it listens. With ``--with-parent`` it ends when its standard input does, which the kernel
brings about however the parent died.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys

from aiohttp import web

from resolverd.demo.vllm import SimulatedServer
from resolverd.errors import ExitCode

MODEL = "meta-llama/Llama-3.1-70B-Instruct"
_SHUTDOWN_SECONDS = 0.5


async def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal, or the end of standard input where that was asked for."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if arguments.with_parent:
        loop.add_reader(sys.stdin.fileno(), _on_input, stopping)
    application = SimulatedServer(arguments.name, arguments.model).application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        bound = socket.create_server(("127.0.0.1", arguments.port))
    except OSError as wrong:
        address = f"127.0.0.1:{arguments.port}"
        print(f"{arguments.name}: cannot listen on {address}: {wrong.strerror}", file=sys.stderr)
        await runner.cleanup()
        return ExitCode.UNAVAILABLE
    await web.SockSite(runner, bound).start()
    port = bound.getsockname()[1]
    print(json.dumps({"name": arguments.name, "port": port, "pid": os.getpid()}), flush=True)
    await stopping.wait()
    await runner.cleanup()
    return ExitCode.OK


def _on_input(stopping: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stopping.set()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def main() -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m resolverd.demo.region",
        description="A simulated region: speaks vLLM's HTTP API on loopback.",
    )
    parser.add_argument("--name", required=True, help="the region's name")
    parser.add_argument("--port", type=int, default=0, help="0 takes any (default: %(default)s)")
    parser.add_argument("--model", default=MODEL, help="the model served (default: %(default)s)")
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input comes to its end"
    )
    return asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
