"""Anthropic's chat models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, cast

import anthropic
import anyio
import httpx2
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient

from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.streams import EventStream, Patience, PerLoop, estimate_usage
from knowledge.types import ModelUsage, Prompt

HAS_AIOHTTP = find_spec("aiohttp") is not None  # a faster transport for the SDK, by a factor of three
RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
REFUSALS_IN_STREAM = frozenset({"invalid_request_error", "authentication_error", "permission_error", "not_found_error"})
FILTERED = "The AI provider's content filter stopped this answer. Ask in other words."
DETAIL_LIMIT = 300


@contextmanager
def translated_errors(provider: str) -> Iterator[None]:
    """Sort the SDK's failures into "try again, or elsewhere" and "this will never work"."""
    try:
        yield
    except anthropic.APIStatusError as error:
        detail = f"{provider}: {error.status_code} {error.type or ''}: {error.api_message or error}"[:DETAIL_LIMIT]
        if error.status_code in RETRYABLE_STATUS or error.status_code >= 500:
            raise ProviderUnavailable(detail=detail) from error
        raise ProviderRefused(detail=detail) from error
    except (anthropic.APIConnectionError, httpx2.RequestError, anyio.EndOfStream, OSError) as error:
        # The SDK leaves what breaks after the headers as it is: httpx2, anyio, or OSError for TLS.
        raise ProviderUnavailable(detail=f"{provider}: {type(error).__name__} {error}"[:DETAIL_LIMIT]) from error


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
    ) -> None:
        self.name = name
        self.provider = provider
        self._api_key = api_key
        self._base_url = base_url
        self._connect_timeout = connect_timeout
        self._first_token_timeout = first_token_timeout
        self._silence_timeout = silence_timeout
        self._options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
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
        http_client = DefaultAioHttpClient(timeout=timeout) if HAS_AIOHTTP else None
        return AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=timeout,
            max_retries=0,
            http_client=http_client,
        )

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
                        match payload.get("type"):
                            case "content_block_delta":
                                patience.progress()
                                if text := payload["delta"].get("text"):
                                    written.append(text)
                                    yield text
                            case "message_start":
                                usage = self._told(payload["message"].get("usage") or {}, usage)
                                yield usage
                            case "message_delta":
                                stop_reason = (payload.get("delta") or {}).get("stop_reason") or stop_reason
                                usage = self._told(payload.get("usage") or {}, usage)
                                yield usage
                            case "message_stop":
                                has_ended = True
                            case "error":
                                self._raise(payload.get("error") or {})
        self._check_end(has_ended, stop_reason)
        if usage is None or not usage.output_tokens:
            yield estimate_usage(self, prompt, "".join(written), usage)

    def _patience(self) -> Patience:
        return Patience(self.provider, first=self._first_token_timeout, silence=self._silence_timeout)

    async def _open(self, stack: AsyncExitStack, prompt: Prompt, patience: Patience) -> EventStream:
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": turn.role.value, "content": turn.text} for turn in prompt.turns],
            "max_tokens": prompt.max_output_tokens,
            "stream": True,
            **({"system": prompt.system} if prompt.system else {}),
            **self._options,
        }
        # `post` and not `messages.create`: the response as it comes, without a model object a chunk (bench/README.md).
        sending = self._clients.get().post(
            "/v1/messages", body=request, cast_to=httpx2.Response, stream=True, stream_cls=AsyncStream[Any]
        )
        response = cast(httpx2.Response, await patience.wait(sending))
        stack.push_async_callback(response.aclose)
        return EventStream(response, patience)

    def _told(self, usage: dict[str, Any], before: ModelUsage | None) -> ModelUsage:
        """Counts are cumulative; `message_delta` may leave out what `message_start` has told."""
        input_tokens, cached = before.input_tokens if before else 0, before.cached_input_tokens if before else 0
        if usage.get("input_tokens") is not None:
            cached = usage.get("cache_read_input_tokens") or 0
            input_tokens = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
        return ModelUsage(
            provider=self.provider,
            model=self.name,
            input_tokens=input_tokens,
            cached_input_tokens=cached,
            output_tokens=usage.get("output_tokens") or (before.output_tokens if before else 0),
        )

    def _raise(self, error: dict[str, Any]) -> None:
        """An error that comes as an event, after the headers said 200."""
        kind = error.get("type") or ""
        detail = f"{self.provider}: in the stream: {kind}: {error.get('message', '')}"[:DETAIL_LIMIT]
        raise (ProviderRefused if kind in REFUSALS_IN_STREAM else ProviderUnavailable)(detail=detail)

    def _check_end(self, has_ended: bool, stop_reason: str | None) -> None:
        if not has_ended:
            raise ProviderUnavailable(detail=f"{self.provider}: the stream ended before the answer did")
        if stop_reason == "refusal":
            raise ProviderRefused(FILTERED, detail=f"{self.provider}: refusal")
