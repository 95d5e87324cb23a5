"""`resolverd rtt`: times that a region or an edge measured, and policies judged by them."""

from __future__ import annotations

import argparse

from resolverd.cli import rtt_evaluate, rtt_measure, rtt_show
from resolverd.cli.options import UsageError, add_config, add_json, verb


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `rtt` with its ways of use, each an option of its own."""
    parser = verb(
        verbs,
        "rtt",
        "measure round-trip times, show those that were, or judge policies by them",
        [
            "resolverd rtt --measure --region eu-west --port 443 --listen 127.0.0.1:9091",
            "resolverd rtt --show >> edges.csv",
            *rtt_evaluate.EXAMPLES,
        ],
        run,
        more=rtt_evaluate.MORE,
    )
    uses = parser.add_mutually_exclusive_group()
    add_config(parser, may_be_gone=True)
    add_json(parser)
    rtt_show.add_arguments(parser, uses)
    rtt_measure.add_arguments(parser, uses)
    rtt_evaluate.add_arguments(parser, uses)


def run(arguments: argparse.Namespace) -> int:
    """Do what the option asks for. Raises UsageError where there is none."""
    if arguments.measure:
        return rtt_measure.run(arguments)
    if arguments.show:
        return rtt_show.run(arguments)
    if arguments.evaluate is not None:
        return rtt_evaluate.run(arguments)
    raise UsageError("say what to do: --measure, --show or --evaluate; see resolverd rtt --help")
