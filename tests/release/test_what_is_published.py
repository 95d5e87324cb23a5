"""A release: its files are the same whoever builds them, and whoever has them can check them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
from packaging import tags

from release import checksums, packaged
from release.sdist import settle
from release.targets import GLIBC, TARGETS, named

ROOT = Path(__file__).parents[2]


def packed(path: Path, *, when: int, user: str, names: list[str], mode: int) -> Path:
    """A source distribution as somebody's machine makes it."""
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.mtime, member.uname, member.mode, member.size = when, user, mode, len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return path


def test_source_distributions_of_two_machines_are_the_same_octets(tmp_path: Path) -> None:
    one = packed(tmp_path / "a", when=1, user="ann", names=["b", "a"], mode=0o600)
    other = packed(tmp_path / "b", when=999, user="bob", names=["a", "b"], mode=0o664)
    assert one.read_bytes() != other.read_bytes()
    for path in (one, other):
        settle(path, 1_700_000_000)
    assert one.read_bytes() == other.read_bytes()


def test_a_settled_source_distribution_has_what_it_had(tmp_path: Path) -> None:
    path = packed(tmp_path / "a", when=1, user="ann", names=["run", "a"], mode=0o755)
    settle(path, 1_700_000_000)
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        texts = [archive.extractfile(member) for member in members]
        assert [text.read() for text in texts if text] == [b"a", b"run"]
    assert {member.mtime for member in members} == {1_700_000_000}
    assert {member.mode for member in members} == {0o755}  # a program stays one
    assert {member.uname for member in members} == {""}


def test_sha256sum_takes_the_checksums_and_finds_a_changed_file(tmp_path: Path) -> None:
    files = [tmp_path / "b.whl", tmp_path / "a.tar.gz"]
    for file in files:
        file.write_text(file.name)
    sums = checksums.write(tmp_path, files)
    check = ["sha256sum", "--check", "--strict", sums.name]
    said = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "a.tar.gz: OK\nb.whl: OK\n")
    files[0].write_text("another")
    said = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert "b.whl: FAILED" in said.stdout


def test_checksums_are_of_all_that_lies_there_of_one_version(tmp_path: Path) -> None:
    published = [
        "resolverd-0.2.0rc1-py3-none-manylinux_2_28_x86_64.whl",
        "resolverd-0.2.0rc1.cdx.json",
        "resolverd-0.2.0rc1.tar.gz",
        "resolverd-common_0.2.0~rc1+deb13_all.deb",
        "resolverd_0.2.0~rc1+deb12_amd64.deb",
    ]
    others = ["resolverd-0.2.0.tar.gz", "resolverd_0.2.0+deb12_amd64.deb", "SHA256SUMS", "notes"]
    for name in [*published, *others]:
        (tmp_path / name).write_text(name)
    assert [path.name for path in checksums.of_version(tmp_path, "0.2.0rc1")] == published
    assert checksums.of_version(tmp_path, "0.2") == []


def test_the_licence_is_named_alike_wherever_it_is_published() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    crate = tomllib.loads((ROOT / "native/Cargo.toml").read_text(encoding="utf-8"))["package"]
    assert project["license"] == crate["license"] == "Apache-2.0"
    assert f"License: {project['license']}\n" in packaged.COPYRIGHT
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_minisign_takes_the_signature_and_refuses_changed_checksums(tmp_path: Path) -> None:
    if shutil.which("minisign") is None:
        pytest.fail("minisign is not here: .ci/packages installs it")
    public, secret = tmp_path / "key.pub", tmp_path / "key"
    subprocess.run(["minisign", "-GW", "-p", str(public), "-s", str(secret)], check=True)
    file = tmp_path / "a.whl"
    file.write_text("a")
    sums = checksums.write(tmp_path, [file])
    signature = checksums.sign(sums, secret, "resolverd 1.2.3")
    assert signature.name == "SHA256SUMS.minisig"
    verify = ["minisign", "-V", "-p", str(public), "-m", str(sums)]
    said = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert said.returncode == 0
    assert "resolverd 1.2.3" in said.stdout
    sums.write_text(sums.read_text().replace("a.whl", "b.whl"))
    assert subprocess.run(verify, capture_output=True, check=False).returncode != 0


def test_pip_of_this_machine_takes_the_wheel_that_is_named_for_it() -> None:
    """PEP 425 and PEP 600, by the code that pip has too."""
    machine = os.uname().machine
    if machine not in {target.machine for target in TARGETS}:
        pytest.skip(f"nothing is published for {machine}")
    mine = tags.Tag("py3", "none", named(machine).platform)
    assert mine in set(tags.sys_tags())


def test_each_target_is_named_once_for_each_tool() -> None:
    assert {target.triple for target in TARGETS} == {
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
    }
    assert all(target.zig.endswith(f".{GLIBC[0]}.{GLIBC[1]}") for target in TARGETS)


def test_python_package_and_crate_are_of_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    crate = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())["package"]["version"]
    assert package == crate
