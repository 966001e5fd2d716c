"""Programs that talk to a Vena over the network as browsers and clients do, with whichever host and credential."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from vena_platform.isolation.errors import ProbeFailed

PATIENCE = 60.0  # seconds
Frame = dict[str, Any]


class Reply(NamedTuple):
    status: int
    location: str
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def in_words(self) -> str:
        return f"{self.status} to {self.location.partition('?')[0]}" if self.location else str(self.status)

    def without(self, *values: str) -> tuple[int, str, str]:
        """What can be compared with another reply: of pages the text is left out, since it holds nonces."""
        text = self.text if self.text[:1] in "{[" else ""
        return self.status, masked(self.location, values), masked(text, values)


def masked(text: str, values: tuple[str, ...]) -> str:
    for value in values:
        text = text.replace(value, "ID")
    return re.sub(r'"request_id": ?"[^"]*"', "", text)


@cache
def client(local_address: str | None = None) -> httpx2.Client:
    """One for all: what costs time is the making of one, not a request."""
    transport = httpx2.HTTPTransport(local_address=local_address)
    return httpx2.Client(timeout=PATIENCE, trust_env=False, follow_redirects=False, transport=transport)


class Browser:
    """`host` is what the request says; where it goes is `address`, and where it comes from `local_address`."""

    def __init__(
        self,
        address: str,
        host: str,
        *,
        cookies: dict[str, str] | None = None,
        key: str = "",
        local_address: str | None = None,
    ) -> None:
        self.address, self.host, self.key, self.local_address = address, host, key, local_address
        self.cookies = dict(cookies or {})

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """`files` and `data` as httpx takes them; anything else in `more` is a header."""
        parts: dict[str, Any] = {name: more.pop(name) for name in ("files", "data") if name in more}
        headers = self.headers() | {name.replace("_", "-"): value for name, value in more.items()}
        if body is not None:
            parts["json"] = body
        try:
            shared = client(self.local_address)
            shared.cookies.clear()  # it is everybody's
            response = shared.request(method, self.address + path, headers=headers, **parts)
        except httpx2.TransportError as error:
            raise ProbeFailed(detail=f"{method} {path}: {error!r}") from error
        for line in response.headers.get_list("set-cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return Reply(response.status_code, response.headers.get("location", ""), response.text)

    def headers(self) -> dict[str, str]:
        origin = f"{settings.VENA_SCHEME}://{self.host}"
        found = {"Host": self.host, "Origin": origin, "Referer": f"{origin}/"}
        found["X-Forwarded-Proto"] = settings.VENA_SCHEME
        if self.key:
            found["Authorization"] = f"Bearer {self.key}"
        if self.cookies:
            found["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            found["X-CSRFToken"] = self.cookies.get(settings.CSRF_COOKIE_NAME, "")
        return found

    def sign_in(self, email: str, password: str) -> bool:
        self.ask("GET", "/accounts/login/")
        token = self.cookies.get(settings.CSRF_COOKIE_NAME, "")
        form = {"login": email, "password": password, "csrfmiddlewaretoken": token}
        reply = self.ask("POST", "/accounts/login/", data=form)
        return reply.status == 302 and settings.SESSION_COOKIE_NAME in self.cookies


@contextmanager
def opened(browser: Browser, *, origin: str = "") -> Iterator[ClientConnection]:
    where = urlsplit(browser.address)
    line = socket.create_connection((where.hostname or "", where.port or 80), timeout=PATIENCE)
    headers = {name: value for name, value in browser.headers().items() if name in ("Authorization", "Cookie")}
    with connect(
        f"ws://{browser.host}/ws/chat/",
        sock=line,
        subprotocols=[Subprotocol("vena.v1")],
        additional_headers=headers,
        origin=Origin(origin or browser.headers()["Origin"]),
        open_timeout=PATIENCE,
        close_timeout=2,
    ) as one:
        yield one


def knocked(browser: Browser, *, origin: str = "") -> str:
    """What a socket's opening came to: `pong`, or how it was refused."""
    try:
        with opened(browser, origin=origin) as one:
            return heard_until_pong(one)[-1].get("code") or "pong"
    except InvalidStatus as error:
        return f"refused with {error.response.status_code}"
    except ConnectionClosed as error:
        return f"closed with {error.rcvd.code if error.rcvd else 'no word'}"


def heard_until_pong(one: ClientConnection, **frame: Any) -> list[Frame]:
    """Send a frame and a ping: frames are answered in order, so what is said to the first comes before the pong. Of
    somebody who is refused: what they are told."""
    if frame:
        one.send(json.dumps(frame))
    one.send(json.dumps({"type": "ping"}))
    frames: list[Frame] = []
    while not frames or (frames[-1]["type"] != "pong" and frames[-1].get("code") not in ("not_signed_in", "key_scope")):
        frames.append(json.loads(one.recv(timeout=PATIENCE)))
    return frames


def heard_until_done(one: ClientConnection, **frame: Any) -> list[Frame]:
    """All that is said to a question, up to the end of its answer or an error."""
    one.send(json.dumps(frame))
    frames: list[Frame] = []
    while not frames or frames[-1]["type"] not in ("done", "error"):
        frames.append(json.loads(one.recv(timeout=PATIENCE)))
    return frames
