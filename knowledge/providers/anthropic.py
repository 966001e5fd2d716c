"""Anthropic's chat models."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from importlib.util import find_spec
from typing import Any, cast

import aiohttp
import anthropic
import anyio
import httpx2
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.failures import (
    filtered,
    garbage_refused,
    not_reached,
    once_more_if_refused,
    sorted_status,
    told_in_stream,
)
from knowledge.providers.guarded import guarded_client
from knowledge.providers.streams import (
    ONE_WORD,
    EventStream,
    Patience,
    PerLoop,
    estimate_tokens,
    estimate_usage,
    json_body,
)
from knowledge.types import ModelUsage, Prompt

HAS_AIOHTTP = find_spec("aiohttp") is not None  # a faster transport for the SDK, by a factor of three
UNREACHED = (
    anthropic.APIConnectionError,
    httpx2.RequestError,
    anyio.EndOfStream,
    aiohttp.ClientError,
    OSError,
)
# From Claude 5 on models think before they write, unless they are told not to, and how differs from model to model.
# For an answer from passages the first word counts; what little thinking is left must not eat the answer's tokens.
THINKING: tuple[tuple[re.Pattern[str], dict[str, Any]], ...] = (
    (re.compile(r"claude-sonnet-5-[5-9]"), {"thinking": {"type": "between_tools"}}),
    (re.compile(r"claude-(?:sonnet|opus)-5(?:-20\d+)?$|claude-haiku-5"), {"thinking": {"type": "disabled"}}),
    (re.compile(r"claude-(?:opus|fable|mythos)-5"), {"output_config": {"effort": "low"}}),
)
THINKING_ROOM = 2048  # tokens beside the answer's own, for models that can't be kept from thinking
LEAST_CACHED_TOKENS = 1024  # no model keeps less; one that asks for more ignores the mark, at no cost


@contextmanager
def translated_errors(provider: str) -> Iterator[None]:
    """Sort the SDK's failures into "try again, or elsewhere" and "this will never work"."""
    try:
        yield
    except anthropic.APIStatusError as error:
        kind, message = error.type or "", error.api_message or str(error)
        raise sorted_status(provider, error.status_code, kind, message, error.response.headers) from error
    except (
        anthropic.APIConnectionError,
        httpx2.RequestError,
        anyio.EndOfStream,
        aiohttp.ClientError,
        OSError,
    ) as error:
        # The SDK leaves some of it as it is: httpx2, anyio, aiohttp for what is no HTTP, OSError for TLS.
        raise not_reached(provider, error) from error


def thinking_of(model: str) -> dict[str, Any]:
    """What a request must say so that the model writes at once, as far as it lets itself be told."""
    return next((options for pattern, options in THINKING if pattern.match(model)), {})


def system_of(prompt: Prompt) -> dict[str, Any]:
    """The rules, to be kept by the provider for five minutes where they are long enough that it would.

    Writing them costs a quarter more than sending them, reading them a tenth: it pays from the second question on.
    """
    if not prompt.system:
        return {}
    if estimate_tokens(prompt.system) < LEAST_CACHED_TOKENS:
        return {"system": prompt.system}
    return {"system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}]}


class AnthropicChatModel:
    """A `ChatModel` over `POST /v1/messages`.

    Close the stream (`contextlib.aclosing`) or cancel the task that reads it: the HTTP connection closes at once.
    """

    def __init__(
        self,
        name: str,
        api_key: str,
        base_url: str | None = None,
        provider: str = "anthropic",
        *,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 20.0,
        silence_timeout: float = 15.0,
        temperature: float | None = None,
        is_guarded: bool = False,
    ) -> None:
        self.name = name
        self.provider = provider
        self._api_key = api_key
        self._base_url = base_url
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._silence_timeout = silence_timeout
        self._is_guarded = is_guarded
        self._options: dict[str, Any] = {
            **thinking_of(name),
            **({} if temperature is None else {"temperature": temperature}),
        }
        self._room = THINKING_ROOM if "output_config" in self._options else 0
        self._clients = PerLoop(self._make_client)

    def prepare(self) -> None:
        """Make the running loop's client now, so that the first question does not wait for it."""
        self._clients.get()

    async def close(self) -> None:
        """Close the running loop's connections."""
        if client := self._clients.drop():
            await client.close()

    def _make_client(self) -> AsyncAnthropic:
        timeout = httpx2.Timeout(connect=self._connect_timeout, read=None, write=30.0, pool=self._connect_timeout)
        http_client: httpx2.AsyncClient | None = DefaultAioHttpClient(timeout=timeout) if HAS_AIOHTTP else None
        if self._is_guarded:
            http_client = guarded_client(timeout)
        return AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=timeout,
            max_retries=0,
            http_client=http_client,
        )

    async def check_key(self, seconds: float) -> None:
        """A real call that costs nothing, or a token where the key may not ask for the list of models.

        Raises ProviderRefused or ProviderUnavailable.
        """
        try:
            with translated_errors(self.provider):
                await self._clients.get().models.list(timeout=seconds)
        except ProviderRefused as error:
            if error.http_status != 403:
                raise
            async with asyncio.timeout(seconds), aclosing(self.stream(ONE_WORD)) as stream:
                await anext(stream, None)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str | ModelUsage, None]:
        usage: ModelUsage | None = None
        written: list[str] = []
        stop_reason: str | None = None
        has_ended = False
        with translated_errors(self.provider):
            async with AsyncExitStack() as stack:
                patience = stack.enter_context(self._patience())
                events = await self._open(stack, prompt, patience)
                while (batch := await events.batch()) is not None:
                    for payload in batch:
                        with garbage_refused(self.provider):
                            text, told, reason = self._read(payload, usage, patience)
                        stop_reason = reason or stop_reason
                        has_ended = has_ended or payload.get("type") == "message_stop"
                        if text:
                            written.append(text)
                            yield text
                        if told:
                            usage = told
                            yield told
        self._check_end(has_ended, stop_reason)
        if usage is None or not usage.output_tokens:
            yield estimate_usage(self, prompt, "".join(written), usage)

    def _read(
        self, payload: dict[str, Any], before: ModelUsage | None, patience: Patience
    ) -> tuple[str, ModelUsage | None, str | None]:
        """Text, usage and stop reason of one event. Thinking is progress, but no text."""
        match payload.get("type"):
            case "content_block_delta":
                patience.progress()
                text = payload["delta"].get("text") or ""
                if not isinstance(text, str):
                    raise TypeError("text that is none")
                return text, None, None
            case "message_start":
                return "", self._told(payload["message"].get("usage") or {}, before), None
            case "message_delta":
                reason = (payload.get("delta") or {}).get("stop_reason")
                return "", self._told(payload.get("usage") or {}, before), reason
            case "error":
                error = payload.get("error") or {}
                raise told_in_stream(self.provider, error.get("type") or "", error.get("message") or "")
        return "", None, None

    def _patience(self) -> Patience:
        return Patience(self.provider, first=self._first_token_timeout, silence=self._silence_timeout)

    async def _open(self, stack: AsyncExitStack, prompt: Prompt, patience: Patience) -> EventStream:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": turn.role.value, "content": turn.text} for turn in prompt.turns],
            "max_tokens": prompt.max_output_tokens + self._room,
            "stream": True,
            **system_of(prompt),
            **self._options,
        }
        # `post` and not `messages.create`: the response as it comes, without a model object a chunk (bench/README.md).
        client, body = self._clients.get(), json_body(request)
        sending = once_more_if_refused(
            lambda: client.post(
                "/v1/messages", content=body, cast_to=httpx2.Response, stream=True, stream_cls=AsyncStream[Any]
            )
        )
        response = cast(httpx2.Response, await patience.wait(sending))
        stack.push_async_callback(response.aclose)
        return EventStream(response, patience)

    def _told(self, usage: dict[str, Any], before: ModelUsage | None) -> ModelUsage:
        """Counts are cumulative; `message_delta` may leave out what `message_start` has told."""
        input_tokens, cached = before.input_tokens if before else 0, before.cached_input_tokens if before else 0
        written = before.cache_write_tokens if before else 0
        if usage.get("input_tokens") is not None:
            cached = usage.get("cache_read_input_tokens") or 0
            written = usage.get("cache_creation_input_tokens") or 0
            input_tokens = usage["input_tokens"] + cached + written
        return ModelUsage(
            provider=self.provider,
            model=self.name,
            input_tokens=input_tokens,
            cached_input_tokens=cached,
            output_tokens=usage.get("output_tokens") or (before.output_tokens if before else 0),
            cache_write_tokens=written,
        )

    def _check_end(self, has_ended: bool, stop_reason: str | None) -> None:
        if not has_ended:
            raise ProviderUnavailable(detail=f"{self.provider}: the stream ended before the answer did")
        if stop_reason == "refusal":
            raise filtered(self.provider, stop_reason)
