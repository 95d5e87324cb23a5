"""A token out of a file, as `kubectl` takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from resolverd.kube.api import Api
from resolverd.kube.client import Access, KubeError


@pytest.mark.parametrize(("written", "sent"), [("token\n", "Bearer token"), ("to\nken", "")])
async def test_the_line_feed_at_its_end_is_none_of_it(
    tmp_path: Path, written: str, sent: str
) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.json_response({"items": []})

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    (tmp_path / "token").write_text(written)
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"tokenFile": str(tmp_path / "token")}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    try:
        async with Api(Access(str(tmp_path / "kubeconfig"))) as api:
            if sent:
                await api.pages("/api/v1/services", "")
            else:
                with pytest.raises(KubeError):
                    await api.pages("/api/v1/services", "")
    finally:
        await runner.cleanup()
    assert seen == ([sent] if sent else [])
