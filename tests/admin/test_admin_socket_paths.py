"""Where the socket is, by setting and environment; and directories that cannot be trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolverd.admin.socket_paths import (
    DAEMON,
    SYSTEM,
    is_own,
    make_directory,
    own_directory,
    socket_of,
    sockets_of,
)

BASE = Path("/etc/resolverd")


@pytest.mark.parametrize(
    ("setting", "environ", "uid", "path"),
    [
        ("", {}, 0, None),
        ("admin.sock", {}, 0, BASE / "admin.sock"),
        ("/srv/a.sock", {"RUNTIME_DIRECTORY": "/run/x"}, 0, Path("/srv/a.sock")),
        ("auto", {"RUNTIME_DIRECTORY": "/run/x"}, 0, Path("/run/x/admin.sock")),
        ("auto", {"RUNTIME_DIRECTORY": "/run/x:/run/y"}, 7, Path("/run/x/admin.sock")),
        ("auto", {"XDG_RUNTIME_DIR": "/run/user/7"}, 0, SYSTEM),
        ("auto", {"XDG_RUNTIME_DIR": "/run/user/7"}, 7, Path("/run/user/7/resolverd.sock")),
    ],
)
def test_where_the_daemon_opens_it(
    setting: str,
    environ: dict[str, str],
    uid: int,
    path: Path | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert socket_of(setting, BASE, environ) == path
    assert sockets_of(setting, BASE, environ)[:1] == ([path] if path else [])


def test_a_user_without_a_session_has_a_directory_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if os.geteuid() == 0:
        own = DAEMON._replace(system=own_directory() / "admin.sock")
        monkeypatch.setattr("resolverd.admin.socket_paths.DAEMON", own)
    path = socket_of("auto", BASE, {})
    assert path == own_directory() / "admin.sock"
    make_directory(path)
    assert is_own(path.parent)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_verbs_also_look_where_a_service_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert SYSTEM in sockets_of("auto", BASE, {})


def test_a_directory_that_others_may_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    own_directory().mkdir()
    own_directory().chmod(0o777)
    with pytest.raises(PermissionError):
        make_directory(own_directory() / "admin.sock")


def test_a_root_where_nothing_can_be_written_has_a_path_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    assert own_directory() == Path(f"/tmp/resolverd-{os.geteuid()}")
    assert sockets_of("/var/lib/resolverd/admin.sock", BASE, {}) == [
        Path("/var/lib/resolverd/admin.sock")
    ]
