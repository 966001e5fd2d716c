"""Identity providers of other people's making, run as processes of their own over loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.server import REPOSITORY, free_port

HERE = Path(__file__).parent


def node() -> str:
    found = shutil.which("node") or str(REPOSITORY / ".venv" / "node" / "bin" / "node")
    if not Path(found).exists() or not (REPOSITORY / "node_modules").exists():
        pytest.skip("the identity providers need Node and node_modules")
    return found


@contextmanager
def identity_provider(script: str, *arguments: str) -> Iterator[str]:
    """Where it listens."""
    port = free_port()
    with subprocess.Popen(
        [node(), str(HERE / script), str(port), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line)
                if line.strip() == "ready":
                    break
            else:
                pytest.fail(f"{script} did not start: {''.join(told)}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def signed_in_at(url: str, back: str, login: str) -> str:
    """Follow a sign-in through the provider's own pages; the address it sends the person back to."""
    with httpx.Client() as browser:
        response = browser.get(url)
        for _ in range(20):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if url.startswith(back):
                    return url
                response = browser.get(url)
                continue
            action = re.search(r'<form[^>]*action="([^"]+)"', response.text)
            assert action, response.text[:2000]
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.text))
            form = {**fields, "login": login, "password": "any"}
            response = browser.post(urljoin(str(response.url), unescape(action.group(1))), data=form)
    raise AssertionError(f"the provider never sent anybody back: {response.url}")
