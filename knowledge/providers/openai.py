"""OpenAI's chat models, and every server that speaks its API (Ollama, llama.cpp, vLLM)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, cast

import aiohttp
import anyio
import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.failures import (
    filtered,
    garbage_refused,
    not_reached,
    once_more_if_refused,
    seconds_asked_for,
    sorted_status,
    told_in_stream,
)
from knowledge.providers.guarded import guarded_client
from knowledge.providers.streams import ONE_WORD, EventStream, Patience, PerLoop, estimate_usage, json_body
from knowledge.types import ModelUsage, Prompt

VENDOR_URL = "https://api.openai.com/v1"
HAS_AIOHTTP = find_spec("aiohttp") is not None  # a faster transport for the SDK, by a factor of three
__all__ = ["OpenAIChatModel", "make_client", "raise_error_in", "seconds_asked_for", "translated_errors"]


@contextmanager
def translated_errors(provider: str) -> Iterator[None]:
    """Sort the SDK's failures into "try again, or elsewhere" and "this will never work"."""
    try:
        yield
    except openai.APIStatusError as error:
        kind = error.code or error.type or ""
        raise sorted_status(provider, error.status_code, kind, error.message, error.response.headers) from error
    except (openai.APIConnectionError, httpx2.RequestError, anyio.EndOfStream, aiohttp.ClientError, OSError) as error:
        # The SDK leaves some of it as it is: httpx2, anyio, aiohttp for what is no HTTP, OSError for TLS.
        raise not_reached(provider, error) from error


def make_client(
    *,
    api_key: str,
    base_url: str | None,
    connect_timeout: float,
    read_timeout: float | None,
    is_guarded: bool = False,
) -> AsyncOpenAI:
    """An SDK client that never repeats a call by itself: the retry policy is ours.

    `is_guarded`: the address was typed by an organisation, so it must not lead into our own network.
    """
    timeout = httpx2.Timeout(connect=connect_timeout, read=read_timeout, write=30.0, pool=connect_timeout)
    http_client: httpx2.AsyncClient | None = DefaultAioHttpClient(timeout=timeout) if HAS_AIOHTTP else None
    if is_guarded:
        http_client = guarded_client(timeout)
    return AsyncOpenAI(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0, http_client=http_client)


@dataclass(slots=True)
class Told:
    """What came in one read of the network. The more is waiting there, the fewer steps a piece of text costs."""

    text: str = ""
    is_alive: bool = False
    finish_reason: str | None = None
    usage: ModelUsage | None = None
    problem: ProviderRefused | ProviderUnavailable | None = None  # what came before it is good


class OpenAIChatModel:
    """A `ChatModel` over `POST /chat/completions`.

    Close the stream (`contextlib.aclosing`) or cancel the task that reads it: the HTTP connection closes at once.
    """

    def __init__(
        self,
        name: str,
        api_key: str,
        base_url: str | None = None,
        provider: str = "openai",
        *,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 20.0,
        silence_timeout: float = 15.0,
        temperature: float | None = None,
        is_guarded: bool = False,
    ) -> None:
        self.name = name
        self.provider = provider
        self._first_token_timeout = first_token_timeout
        self._silence_timeout = silence_timeout
        self._options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
        # OpenAI's newer models refuse `max_tokens`; many other servers know nothing else.
        is_openai = base_url in (None, VENDOR_URL)
        self._limit_name = "max_completion_tokens" if is_openai else "max_tokens"
        self._takes_prefix_key = is_openai  # other servers may refuse what they do not know
        self._clients = PerLoop(
            lambda: make_client(
                api_key=api_key,
                base_url=base_url,
                connect_timeout=connect_timeout,
                read_timeout=None,
                is_guarded=is_guarded,
            )
        )

    def prepare(self) -> None:
        """Make the running loop's client now, so that the first question does not wait for it."""
        self._clients.get()

    async def close(self) -> None:
        """Close the running loop's connections."""
        if client := self._clients.drop():
            await client.close()

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
        written: list[str] = []
        usage: ModelUsage | None = None
        finish_reason: str | None = None
        with translated_errors(self.provider):
            async with AsyncExitStack() as stack:
                patience = stack.enter_context(self._patience())
                events = await self._open(stack, prompt, patience)
                while (batch := await events.batch()) is not None:
                    told = self._told(batch)
                    finish_reason = told.finish_reason or finish_reason
                    if told.is_alive:
                        patience.progress()
                    if told.text:
                        written.append(told.text)
                        yield told.text
                    if told.usage:
                        usage = told.usage
                        yield usage
                    if told.problem:
                        raise told.problem
        self._check_end(finish_reason)
        if usage is None:
            yield estimate_usage(self, prompt, "".join(written))

    def _told(self, batch: list[dict[str, Any]]) -> Told:
        told = Told()
        try:
            for payload in batch:
                with garbage_refused(self.provider):
                    raise_error_in(payload, self.provider)
                    text, is_thinking, reason = _piece_of(payload)
                    usage = self._usage_of(payload)
                told.text += text
                told.is_alive = told.is_alive or is_thinking or bool(text)
                told.finish_reason = reason or told.finish_reason
                told.usage = usage or told.usage
        except (ProviderRefused, ProviderUnavailable) as problem:
            told.problem = problem
        return told

    def _patience(self) -> Patience:
        return Patience(self.provider, first=self._first_token_timeout, silence=self._silence_timeout)

    async def _open(self, stack: AsyncExitStack, prompt: Prompt, patience: Patience) -> EventStream:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": _messages(prompt),
            "stream": True,
            "stream_options": {"include_usage": True},
            self._limit_name: prompt.max_output_tokens,
            **self._options,
        }
        if self._takes_prefix_key and prompt.prefix_key:
            request["prompt_cache_key"] = prompt.prefix_key  # prompts that begin alike go where that is kept
        # `post` and not `chat.completions.create`: the same request without 2 ms of typed copying, and the response as
        # it comes instead of a model object a chunk (bench/README.md).
        client, body = self._clients.get(), json_body(request)
        sending = once_more_if_refused(
            lambda: client.post(
                "/chat/completions", content=body, cast_to=httpx2.Response, stream=True, stream_cls=AsyncStream[Any]
            )
        )
        response = cast(httpx2.Response, await patience.wait(sending))
        stack.push_async_callback(response.aclose)
        return EventStream(response, patience)

    def _usage_of(self, payload: dict[str, Any]) -> ModelUsage | None:
        usage = payload.get("usage")
        if not usage:
            return None
        return ModelUsage(
            provider=self.provider,
            model=self.name,
            input_tokens=usage.get("prompt_tokens") or 0,
            cached_input_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
            output_tokens=usage.get("completion_tokens") or 0,
        )

    def _check_end(self, finish_reason: str | None) -> None:
        if finish_reason is None:
            raise ProviderUnavailable(detail=f"{self.provider}: the stream ended before the answer did")
        if finish_reason == "content_filter":
            raise filtered(self.provider, finish_reason)


def raise_error_in(payload: dict[str, Any], provider: str) -> None:
    """An error that comes as an event, after the headers said 200."""
    error = payload.get("error")
    if not error:
        return
    kind, message = (error.get("type") or "", error.get("message") or "") if isinstance(error, dict) else ("", error)
    raise told_in_stream(provider, kind, message)


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    turns = [{"role": turn.role.value, "content": turn.text} for turn in prompt.turns]
    return [{"role": "system", "content": prompt.system}, *turns] if prompt.system else turns


def _piece_of(payload: dict[str, Any]) -> tuple[str, bool, str | None]:
    """Text, whether the model is thinking aloud elsewhere, and the finish reason of one chunk."""
    choices = payload.get("choices")
    if not choices:
        return "", False, None
    delta = choices[0].get("delta") or {}
    text = delta.get("content") or delta.get("refusal") or ""
    if not isinstance(text, str):
        raise TypeError("text that is none")
    is_thinking = bool(delta.get("reasoning_content") or delta.get("reasoning"))
    return text, is_thinking, choices[0].get("finish_reason")
