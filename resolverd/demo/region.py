"""One simulated region as a program: ``python -m resolverd.demo.region --name us-east``.

It announces itself on standard output with one JSON line, ``{"name", "port", "pid",
"control"}``, once it listens; `region_server` says what the second port, `control`, is for. With
``--with-parent`` it ends when its standard input does, which the kernel brings about however
the parent died.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from resolverd.demo.engine import EXECUTE_SECONDS
from resolverd.demo.faults import Fault, fault_named
from resolverd.demo.region_server import RegionServer
from resolverd.demo.vllm import VERSION, SimulatedServer
from resolverd.errors import ExitCode

MODEL = "meta-llama/Llama-3.1-70B-Instruct"


async def serve(arguments: argparse.Namespace) -> int:
    """Serve until a signal, or the end of standard input where that was asked for."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if arguments.with_parent:
        loop.add_reader(sys.stdin.fileno(), _on_input, stopping)
    server = SimulatedServer(
        arguments.name,
        arguments.model,
        version=arguments.version,
        api_key=arguments.api_key,
        execute_seconds=arguments.execute_seconds,
    )
    region_server = RegionServer(server, arguments.port, arguments.address)
    try:
        async with region_server:
            server.set_fault(arguments.fault)
            announcement = {
                "port": region_server.port,
                "pid": os.getpid(),
                "control": region_server.control_port,
            }
            print(json.dumps({"name": arguments.name} | announcement), flush=True)
            await region_server.serve(stopping)
    except OSError as error:
        address = f"{arguments.address}:{arguments.port}"
        print(f"{arguments.name}: cannot listen on {address}: {error.strerror}", file=sys.stderr)
        return ExitCode.UNAVAILABLE
    return ExitCode.OK


def _on_input(stopping: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stopping.set()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def main() -> int:
    """Run the program; returns its exit code."""
    known = "\n".join(f"  {fault:<14} {fault.meaning}" for fault in Fault)
    parser = argparse.ArgumentParser(
        prog="python -m resolverd.demo.region",
        description="A simulated region: speaks vLLM's HTTP API on loopback.",
        epilog=f"faults:\n{known}\n\nWhile it runs: curl -X POST 127.0.0.1:CONTROL/fault/hung",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="the region's name")
    parser.add_argument(
        "--address", default="127.0.0.1", help="IPv4, where its API is (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any (default: %(default)s)")
    parser.add_argument("--model", default=MODEL, help="the model served (default: %(default)s)")
    parser.add_argument("--fault", type=_fault, metavar="NAME", help="what is wrong from the start")
    parser.add_argument("--version", default=VERSION, help="vLLM's (default: %(default)s)")
    parser.add_argument("--api-key", default="", metavar="KEY", help="wanted as bearer token")
    parser.add_argument(
        "--execute-seconds",
        type=float,
        default=EXECUTE_SECONDS,
        metavar="S",
        help="after which a hung worker is given up (default: %(default)s)",
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input comes to its end"
    )
    return asyncio.run(serve(parser.parse_args()))


def _fault(text: str) -> Fault:
    try:
        return fault_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
