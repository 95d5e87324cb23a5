"""`resolverd register`: what a deployment script knows of its regions, as a checked fragment.

It is given in files, or it is one endpoint that is asked who it is (`register_url`).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from resolverd.cli.console import complain, out
from resolverd.cli.options import UsageError, add_config, existing_config, verb
from resolverd.cli.output_file import write_output
from resolverd.cli.plan_options import MAX_GPUS, whole
from resolverd.cli.register_url import add_arguments, ask, file_name
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.registered import Dictionaries, fragment, left_out, traffic_csv
from resolverd.errors import ConfigError, ExitCode, Problem, ProblemsError
from resolverd.files.reading import Reads, key_of, read_file
from resolverd.files.replay import Replay
from resolverd.loop import run_loop
from resolverd.snapshot.inputs import load_inputs

_LARGEST = 16 << 20
_HINT = 'write JSON by region, such as {"us-east": "https://use.example", "us-west": "https://…"}'
_MODELS = (
    'give the model of each region too, in that file or another --from: {"us-east": '
    '"meta-llama/Llama-3.1-70B-Instruct"}'
)


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `register` and its options to `verbs`."""
    parser = verb(
        verbs,
        "register",
        "turn an endpoint, or a deployment's dictionaries of regions, into a fragment of the "
        "configuration",
        [
            "resolverd register http://192.0.2.10:8000 --region us-east --write",
            "resolverd register --from endpoints.json",
            "resolverd register --from endpoints.json --from models.json --write",
            "resolverd register --from traffic.json --traffic-csv traffic.csv",
        ],
        run,
        more="\nAn endpoint is asked who it is and has to serve the service's model, if any.\n"
        "Each file is JSON, a dictionary by region or an object of several: URLs are\n"
        "endpoints, other texts models, numbers shares of traffic, pairs of numbers coordinates.\n"
        "The fragment is checked with the configuration, and then printed or, with --write, put\n"
        "beside it.\n",
    )
    add_arguments(parser)
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        type=Path,
        metavar="JSON",
        help="a file of dictionaries by region; may be given again",
    )
    parser.add_argument("--service", metavar="NAME", help="the service (default: the first)")
    parser.add_argument("--gpu-model", default="", metavar="NAME", help="GPUs of new regions")
    parser.add_argument("--gpus", type=whole(MAX_GPUS), default=0, metavar="N", help="how many")
    parser.add_argument(
        "--usd-per-hour", type=float, default=0.0, metavar="USD", help="and the price of one"
    )
    parser.add_argument(
        "--write",
        nargs="?",
        const="",
        metavar="NAME",
        help="write it to NAME.toml beside the other fragments (default: registered, or the "
        "endpoint's region and host)",
    )
    parser.add_argument(
        "--traffic-csv", type=Path, metavar="FILE", help="write shares of traffic for `plan` there"
    )
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the fragment. Raises ProblemsError where it does not pass the checks."""
    path = existing_config(arguments)
    config = load_config(path, arguments.overrides).config
    service = arguments.service or next(iter(config.service), "chat")
    given, said = _given(arguments, config, service)
    try:
        text = fragment(given, config, service, _gpus(arguments))
        traffic = traffic_csv(given, config) if arguments.traffic_csv else ""
    except ValueError as error:
        raise UsageError(
            f"{error}: say it with --coordinates 50.1,8.7"
            if arguments.url
            else f'{error}: give a file with its coordinates, such as {{"REGION": [50.1, 8.7]}}'
        ) from error
    if said and text:
        text = f"# It says: {said}\n{text}"
    directory = path.with_suffix(".d")
    name = file_name(arguments) if arguments.url else "registered"
    target = directory / f"{arguments.write or name}.toml"
    if text:
        _check(path, arguments, text, target)
    if arguments.traffic_csv:
        write_output(arguments.traffic_csv, traffic)
    notes = [*left_out(given, config)]
    if given.traffic and not arguments.traffic_csv:
        notes.append("shares of traffic are no part of a fragment: write them with --traffic-csv")
    for note in notes:
        complain(f"note: {note}", "yellow")
    if text or not notes:
        _give(arguments, config, text, target)
    return ExitCode.OK


def _given(arguments: argparse.Namespace, config: Config, service: str) -> tuple[Dictionaries, str]:
    """What is to be registered, and what an endpoint that was asked says of itself."""
    if bool(arguments.url) == bool(arguments.sources):
        raise UsageError("give either an endpoint's URL with its --region, or files with --from")
    if arguments.url:
        return ask(arguments, config, service)
    if arguments.region or arguments.coordinates or arguments.model:
        raise UsageError("--region, --coordinates and --model belong to an endpoint's URL")
    return _read(arguments.sources), ""


def _give(arguments: argparse.Namespace, config: Config, text: str, target: Path) -> None:
    if not text:
        known = f"{len(config.region)} regions"
        out().print(f"nothing is new: the configuration has it all ({known})", markup=False)
    elif arguments.write is None:
        out().out(text, end="")
    else:
        write_output(target, text, make_directory=True)
        out().print(f"written: {target}; a running daemon adopts it", markup=False)


def _read(sources: list[Path]) -> Dictionaries:
    given = Dictionaries()
    problems = []
    for source in sources:
        try:
            document = json.loads(read_file(source, _LARGEST), object_pairs_hook=_object)
            json.dumps(document, ensure_ascii=False).encode()
            given.add(document)
        except (OSError, ValueError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
            column = error.colno if isinstance(error, json.JSONDecodeError) else 0
            problems.append(
                Problem(str(source), line, column, "register-file", _reason(error), _HINT)
            )
    if problems:
        raise ConfigError(problems)
    return given


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a key that is there twice (RFC 8259 §4)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{twice}" is there twice in one object')
    return found


def _reason(error: Exception) -> str:
    """What is wrong with a file, without the path, which is said before it."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, UnicodeEncodeError):
        return "it has half a surrogate pair, which is no character (RFC 8259 §8.2)"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error)


def _gpus(arguments: argparse.Namespace) -> dict[str, object]:
    if not arguments.gpus:
        if arguments.gpu_model or arguments.usd_per_hour:
            raise UsageError("say how many GPUs new regions have: --gpus N")
        return {}
    model, price = arguments.gpu_model, arguments.usd_per_hour
    return {"model": model, "count": arguments.gpus, "usd_per_hour": price}


def _check(path: Path, arguments: argparse.Namespace, text: str, target: Path) -> None:
    """Check it with all that is configured, over what the disk holds.

    Raises ProblemsError, and UsageError where its file is there already.
    """
    if arguments.write is not None and target.exists():
        raise UsageError(f"{target} is there already: give --write another name, or remove it")
    numbered = (target.with_stem(f"{target.stem}-{number}") for number in count(2))
    tried = next(file for file in chain([target], numbered) if not file.exists())
    content = text.encode()
    reads = Reads(replay=Replay(contents={key_of(tried): lambda: content}))
    try:
        run_loop(load_inputs(path, arguments.overrides, reads=reads, fragments=[tried]))
    except ProblemsError as error:
        raise ProblemsError([_told(each, tried) for each in error.problems]) from error


def _told(problem: Problem, tried: Path) -> Problem:
    """A problem, with what to give where the service is the fragment's own."""
    if problem.id == "config-vllm-model" and problem.file == str(tried):
        return replace(problem, hint=_MODELS)
    return problem
