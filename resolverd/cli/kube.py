"""`resolverd kube`: the entry points of a Kubernetes cluster, followed into a checked fragment."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from resolverd import log
from resolverd.cli.console import complain, count, out, report, show_json
from resolverd.cli.options import (
    UsageError,
    add_config,
    add_json,
    add_log,
    coordinates,
    existing_config,
    verb,
)
from resolverd.config.secrets import shown_text
from resolverd.errors import ExitCode
from resolverd.kube.api import Api
from resolverd.kube.client import Access
from resolverd.kube.run import Following
from resolverd.kube.watch import Watched
from resolverd.kube.writing import Outcome, Purpose, Writer
from resolverd.loop import run_loop
from resolverd.signals import PROCESS
from resolverd.systemd import Supervisor

_IN_CLUSTER = "in-cluster"
_LOOKS = ("--once", "--dry-run", "--yes", "--json")
_SERVICE_HOST = "KUBERNETES_SERVICE_HOST"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MORE = """
An object is ours by the annotation resolverd/service, on an HTTPRoute, its InferencePool or
Service, or on a Service of type LoadBalancer; or where a hostname of it has a DYNA record in
a zone. See docs/kubernetes.md for all annotations, and for what may be read of the cluster.
"""


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `kube` and its options to `verbs`."""
    parser = verb(
        verbs,
        "kube",
        "follow a Kubernetes cluster's Gateways and load balancers into a fragment of the "
        "configuration",
        [
            "resolverd kube --region eu-west --dry-run",
            "resolverd kube --region eu-west --context eu --coordinates 53.3,-6.3",
            "resolverd kube --region eu-west --kubeconfig in-cluster --namespace inference",
            "resolverd kube --region eu-west --once --yes",
        ],
        run,
        more=_MORE,
    )
    parser.add_argument(
        "--region",
        action="append",
        required=True,
        dest="regions",
        type=_name,
        metavar="NAME",
        help="the region that the cluster is; may be given again, with others at the same place "
        "that annotations may name",
    )
    parser.add_argument(
        "--coordinates",
        type=coordinates,
        metavar="LATITUDE,LONGITUDE",
        help="where the cluster stands, in degrees; for regions that no other file has",
    )
    parser.add_argument(
        "--kubeconfig",
        default="",
        metavar="FILE",
        help=f"how the API server is reached, or {_IN_CLUSTER} (default: $KUBECONFIG, or "
        "~/.kube/config, or in a pod its service account)",
    )
    parser.add_argument("--context", default="", metavar="NAME", help="the kubeconfig's context")
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        type=_namespace,
        metavar="NAME",
        help="read this namespace alone (default: all); may be given again",
    )
    parser.add_argument(
        "--selector",
        default="",
        metavar="LABELS",
        help="only HTTPRoutes and Services with these labels, such as 'tier=edge,env in (prod)'",
    )
    parser.add_argument(
        "--hostname",
        action="append",
        default=[],
        type=_mapped,
        metavar="HOSTNAME=SERVICE",
        help="the service of a hostname, where no zone here has it; may be given again",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the fragment (default: kube-REGION.json among those of the configuration)",
    )
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.add_argument(
        "--dry-run", action="store_true", help="look once, check, and print what would be written"
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="with --once, write a fragment that loses all its endpoints",
    )
    add_log(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Follow the cluster until a signal, or look once.

    Raises UsageError; and KubeError or FragmentError for one look.
    """
    writer = Writer(_purpose(arguments))
    if arguments.once or arguments.dry_run:
        return run_loop(_once(arguments, writer))
    if arguments.yes:
        raise UsageError("--yes is for one look: say --once too")
    log.in_background(arguments.log)
    with PROCESS.obeyed(), log.everything():
        return int(run_loop(_follow(arguments, writer)))


async def _once(arguments: argparse.Namespace, writer: Writer) -> int:
    async with Api(_access(arguments)) as api:
        watched = Watched(api, arguments.namespace, arguments.selector)
        await watched.list()
    outcome = await writer.take(watched.cluster, insist=arguments.yes, dry=arguments.dry_run)
    if arguments.json:
        show_json(_document(outcome, arguments))
    else:
        _show(outcome, arguments)
    bad = outcome.state in ("held", "refused")
    return ExitCode.PROBLEMS if bad else ExitCode.OK


async def _follow(arguments: argparse.Namespace, writer: Writer) -> int:
    def tell(outcome: Outcome) -> None:
        if arguments.json:
            show_json(_document(outcome, arguments))

    async with Api(_access(arguments)) as api:
        watched = Watched(api, arguments.namespace, arguments.selector)
        return await Following(watched, writer, tell).run(Supervisor.adopt())


def _show(outcome: Outcome, arguments: argparse.Namespace) -> None:
    for each in outcome.left_out:
        hint = f"; {each.hint}" if each.hint else ""
        complain(f"left out: {each.object}: {each.reason}{hint}", "yellow")
    for problem in outcome.problems:
        report(problem)
    fragment, target = outcome.fragment, _target(arguments)
    if fragment is None:
        return
    if arguments.dry_run and outcome.state in ("checked", "unchanged"):
        out().out(fragment.text, end="")
        return
    known = count(len(fragment.endpoints), "endpoint")
    texts = {
        "written": f"written: {target}, with {known}; a running daemon adopts it",
        "unchanged": f"nothing is new: {target} has it all ({known})",
        "held": f"held: {target} is as it was",
        "refused": f"refused: {target} is as it was",
    }
    out().print(texts[outcome.state], markup=False)


def _document(outcome: Outcome, arguments: argparse.Namespace) -> dict[str, Any]:
    fragment = outcome.fragment
    return {
        "state": outcome.state,
        "file": str(_target(arguments)),
        "fragment": None if fragment is None else json.loads(fragment.text),
        "left_out": [each._asdict() for each in outcome.left_out],
        "problems": [asdict(each) for each in outcome.problems],
    }


def _purpose(arguments: argparse.Namespace) -> Purpose:
    return Purpose(
        existing_config(arguments),
        arguments.overrides,
        _target(arguments),
        arguments.regions,
        arguments.coordinates,
        dict(arguments.hostname),
        _insisting(arguments),
    )


def _insisting(arguments: argparse.Namespace) -> str:
    """The command that does as this one, once, and writes a fragment that loses everything."""
    words = [word for word in arguments.words if not _is_look(word)]
    return shown_text(shlex.join(["resolverd", *words, "--once", "--yes"]))


def _is_look(word: str) -> bool:
    """Whether it is one of the options that say what comes of a look, which may be cut short."""
    return len(word) > len("--") and any(option.startswith(word) for option in _LOOKS)


def _target(arguments: argparse.Namespace) -> Path:
    beside: Path = arguments.config.with_suffix(".d") / f"kube-{arguments.regions[0]}.json"
    target: Path = arguments.output or beside
    if target.suffix != ".json":
        raise UsageError(f"{target} is to be JSON: give it a name that ends in .json")
    return target


def _access(arguments: argparse.Namespace) -> Access:
    """A kubeconfig, unless there is none and this is a pod, or that is asked for."""
    kubeconfig = arguments.kubeconfig
    if kubeconfig == _IN_CLUSTER:
        return Access(in_cluster=True)
    wanted = kubeconfig or os.environ.get("KUBECONFIG") or arguments.context
    default = Path("~/.kube/config").expanduser()
    if not wanted and _SERVICE_HOST in os.environ and not default.exists():
        return Access(in_cluster=True)
    return Access(kubeconfig, arguments.context)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a region\'s name, such as eu-west')
    return text


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a namespace, such as inference')
    return text


def _mapped(text: str) -> tuple[str, str]:
    hostname, equals, service = text.partition("=")
    if not equals or not hostname or not _NAME.fullmatch(service):
        raise argparse.ArgumentTypeError(
            f'"{text}" is not HOSTNAME=SERVICE, such as chat.inference.example=chat'
        )
    return hostname, service
