"""CPU of a streamed answer on our side: the SDK as it comes, and our providers over the same SDK.

    python -m bench.stub_provider --port 9100 --token-delay 0.02 &
    python -m bench.provider_cpu --url http://127.0.0.1:9100

One number for the request and one for each chunk, from answers of 1 and of 101 tokens, ten at once, one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import anthropic
import openai
import uvloop

from knowledge.providers.anthropic import HAS_AIOHTTP, AnthropicChatModel
from knowledge.providers.openai import OpenAIChatModel
from knowledge.types import Prompt, Role, Turn

TEXT = "hello " * 200
AT_ONCE = 10
SHORT, LONG, USUAL = 1, 101, 60
Ask = Callable[[], Awaitable[None]]


def ours(model: OpenAIChatModel | AnthropicChatModel) -> Ask:
    prompt = Prompt("", (Turn(Role.USER, TEXT),), TEXT, ())

    async def ask() -> None:
        async with aclosing(model.stream(prompt)) as stream:
            async for _ in stream:
                pass

    return ask


def sdk(create: Callable[..., Any], **arguments: Any) -> Ask:
    async def ask() -> None:
        async for _ in await create(messages=[{"role": "user", "content": TEXT}], stream=True, **arguments):
            pass

    return ask


async def cpu_of(ask: Ask, rounds: int) -> float:
    """Microseconds an answer."""
    await asyncio.gather(*[ask() for _ in range(AT_ONCE)])
    started = time.thread_time()
    for _ in range(rounds):
        await asyncio.gather(*[ask() for _ in range(AT_ONCE)])
    return (time.thread_time() - started) / rounds / AT_ONCE * 1e6


async def run(url: str) -> None:
    openai_client = openai.AsyncOpenAI(api_key="key", base_url=f"{url}/v1", max_retries=0)
    anthropic_client = anthropic.AsyncAnthropic(api_key="key", base_url=url, max_retries=0)
    usage = {"stream_options": {"include_usage": True}}
    models: list[OpenAIChatModel | AnthropicChatModel] = []

    def kept(model: OpenAIChatModel | AnthropicChatModel) -> Ask:
        models.append(model)
        return ours(model)

    makers: dict[str, Callable[[str], Ask]] = {
        "openai, SDK as it comes": lambda name: sdk(openai_client.chat.completions.create, model=name, **usage),
        "openai, ours": lambda name: kept(OpenAIChatModel(name, "key", f"{url}/v1")),
        "anthropic, SDK as it comes": lambda name: sdk(anthropic_client.messages.create, model=name, max_tokens=200),
        "anthropic, ours": lambda name: kept(AnthropicChatModel(name, "key", url)),
    }
    print(f"our transport: {'aiohttp' if HAS_AIOHTTP else 'httpx2 (install aiohttp for the faster one)'}")
    print("| | request µs | chunk µs | 60 tokens ms |\n|---|---|---|---|")
    for name, make in makers.items():
        short = await cpu_of(make(f"m@tokens={SHORT}"), 10)
        long = await cpu_of(make(f"m@tokens={LONG}"), 3)
        chunk = (long - short) / (LONG - SHORT)
        request = short - chunk * SHORT
        print(f"| {name} | {request:.0f} | {chunk:.0f} | {(request + USUAL * chunk) / 1000:.1f} |", flush=True)
    for model in models:
        await model.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="the stub's address")
    uvloop.run(run(parser.parse_args().url))


if __name__ == "__main__":
    main()
