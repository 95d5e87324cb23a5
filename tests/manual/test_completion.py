"""TAB completes verbs, uses, options, choices and files, in a real bash, zsh and fish."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import environment, resolverd
from harness.programs import program
from shells import terminal

from resolverd.cli.completion import FILES, SHELLS

# What is typed before TAB, and what then stands there.
TYPED = [
    ("resolverd templ", "resolverd template "),
    ("resolverd geo loo", "resolverd geo lookup "),
    ("resolverd drain --no-w", "resolverd drain --no-wait "),
    ("resolverd template completion z", "resolverd template completion zsh "),
    ("resolverd template grafana fl", "resolverd template grafana fleet "),
    ("resolverd check --config only", "resolverd check --config only-here.toml "),
    ("resolverd geo fetch direc", "resolverd geo fetch directory"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one file and one directory in it, and the scripts in another."""
    place = tmp_path / "place"
    (place / "directory").mkdir(parents=True)
    (place / "only-here.toml").touch()
    (tmp_path / "scripts").mkdir()
    for shell in SHELLS:
        ran = resolverd("template", "completion", shell, cwd=place)
        assert (ran.status, ran.err) == (0, "")
        (tmp_path / "scripts" / FILES[shell]).write_text(ran.out)
    return place


# In zsh the first TAB shows what an option means where an argument could stand too.
@pytest.mark.parametrize(("shell", "tabs"), [("bash", "\t"), ("zsh", "\t\t")])
def test_tab_completes_at_a_terminal(shell: str, tabs: str, folder: Path) -> None:
    script = folder.with_name("scripts") / FILES[shell]
    with terminal(shell, script, folder) as shown:
        for typed, completed in TYPED:
            shown.type(typed + tabs)
            shown.until(completed)
            shown.type("\x15")


def test_fish_completes(folder: Path) -> None:
    script = folder.with_name("scripts") / FILES["fish"]
    for typed, completed in TYPED:
        ran = subprocess.run(
            [program("fish"), "--no-config", "-c", f"source {script}; complete -C '{typed}'"],
            cwd=folder, capture_output=True, text=True, timeout=60, check=True,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        offered = [line.partition("\t")[0].rstrip("/") for line in ran.stdout.splitlines()]
        assert completed.split()[-1] in offered, (typed, ran.stdout, ran.stderr)


def test_a_shell_that_is_not_known_is_refused(tmp_path: Path) -> None:
    ran = resolverd("template", "completion", "csh", cwd=tmp_path)
    assert ran.status == 2
    assert "'bash', 'zsh', 'fish'" in ran.err


LOADED = "import sys; sys.argv = ['resolverd', 'serve', '--config', 'nothing.toml']; \
from resolverd.cli import main; main(); print([m for m in sys.modules if 'shtab' in m or \
m.startswith('resolverd.monitoring')])"


def test_what_serves_does_not_load_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "there is no such file" in ran.stderr
    assert ran.stdout.strip() == "[]"
