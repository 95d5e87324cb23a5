"""What each verb prints with `--json` is the document that is declared for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.cli_place import SERVER, SERVICES, write_place
from cli.command import resolverd
from cli.live import Live, live

from resolverd.cli.documents import VERBS

CHAT_NAME = "chat.inference.example"
# In this order: a verb may undo what one before it did.
COMMANDS = [
    ("state", ("state",)),
    ("state", ("state", "eu-west")),
    ("override", ("override", "us-west", "drain", "--why", "a test")),
    ("clear", ("clear", "us-west")),
    ("drain", ("drain", "us-east", "--why", "a test", "--no-wait", "--force")),
    ("spill", ("spill", "chat", "--region", "us-west", "30%", "--why", "a test")),
    ("explain", ("explain", CHAT_NAME, "1.2.3.0/24")),
    ("explain", ("explain", CHAT_NAME, "1.2.3.0/24", "--files")),
    ("check", ("check",)),
    ("check --import", ("check", "--import", "zones/inference.zone")),
    ("reload", ("reload",)),
    ("doctor", ("doctor", "--only", "config")),
    ("rtt --show", ("rtt", "--show")),
    ("geo lookup", ("geo", "lookup", "1.2.3.4", "--database", "city.mmdb")),
    ("template", ("template",)),
    ("plan", ("plan", "--traffic", "traffic.csv")),
    ("rtt --evaluate", ("rtt", "--evaluate", "rtt.csv", "--regions", "Bonn,Lyon", "--edges", "2")),
]
PLACES = (
    "id,city,country,latitude,longitude\n1,Bonn,DE,50.7,7.1\n2,Lyon,FR,45.8,4.8\n3,Graz,AT,47,15"
)
TIMES = "from,to,ms\n1,2,20\n3,1,15\n3,2,25\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A daemon whose regions are all well."""
    place = tmp_path_factory.mktemp("documents")
    write_place(place)
    (place / "traffic.csv").write_text("where,share\nDE,1\n1.2.3.0/24,1\n")
    (place / "places.csv").write_text(PLACES)
    (place / "rtt.csv").write_text(TIMES)
    with live(place, SERVICES, SERVER) as found:
        yield found


def _id(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else str(len(value))


@pytest.mark.parametrize(("verb", "command"), COMMANDS, ids=_id)
def test_a_verb_prints_its_document(served: Live, verb: str, command: tuple[str, ...]) -> None:
    ran = resolverd(*command, "--json", cwd=served.place)
    VERBS[verb][0].model_validate_json(ran.out, strict=True)


def test_a_reload_that_is_refused_prints_its_document(served: Live) -> None:
    path: Path = served.place / "resolverd.toml"
    good = path.read_text()
    path.write_text(good.replace("coordinates = [50.1, 8.7]", "coordinates = [500, 8.7]"))
    try:
        ran = resolverd("reload", "--json", cwd=served.place)
        checked = resolverd("check", "--json", cwd=served.place)
    finally:
        path.write_text(good)
        resolverd("reload", cwd=served.place)
    assert (ran.status, checked.status) == (1, 1)
    VERBS["reload"][1].model_validate_json(ran.out, strict=True)
    VERBS["check"][0].model_validate_json(checked.out, strict=True)


def test_every_verb_that_prints_json_has_a_document() -> None:
    tried = {verb for verb, _ in COMMANDS}
    # These take minutes, a cluster, or network namespaces, so that their own tests try their
    # documents.
    others = {"demo", "kube", "rollout", "rollout --dry-run"}
    others |= {verb for verb in VERBS if verb.split()[0] in ("anycast", "publish")}
    assert tried | others == VERBS.keys()
