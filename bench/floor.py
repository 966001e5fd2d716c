"""The same load straight on the stub: what client and provider cost without Vena between them.

python -m bench.floor --stub http://127.0.0.1:9100 --users 1,10,50,200 --seconds 8
"""

from __future__ import annotations

import argparse
import asyncio
import time

import aiohttp
import uvloop

from bench.chat_load import StubControl, per, percentile

COLUMNS = ("users", "answered", "first text p50 ms", "p95 ms", "answers/s", "client CPU ms an answer")


async def answer(session: aiohttp.ClientSession, url: str) -> float:
    """Seconds to the first token; reads to the end."""
    body = {"model": "stub-model", "stream": True, "messages": [{"role": "user", "content": "How many days?"}]}
    asked, first = time.perf_counter(), 0.0
    async with session.post(url, json=body) as response:
        async for piece in response.content.iter_any():
            if not first and b'"content":"' in piece.replace(b'"content":""', b""):
                first = time.perf_counter() - asked
    return first


async def user(session: aiohttp.ClientSession, url: str, until: float) -> list[float]:
    found = []
    while time.perf_counter() < until:
        found.append(await answer(session, url))
    return found


async def round_of(url: str, users: int, seconds: float, delay: float) -> list[object]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await answer(session, url)
        began, own = time.perf_counter(), time.process_time()
        rounds = await asyncio.gather(*[user(session, url, began + seconds) for _ in range(users)])
    elapsed, spent = time.perf_counter() - began, time.process_time() - own
    first = [1000 * (seen - delay) for found in rounds for seen in found]
    count = len(first)
    return [
        users,
        count,
        percentile(first, 50),
        percentile(first, 95),
        round(count / elapsed, 1),
        per(1000 * spent, count),
    ]


async def run(options: argparse.Namespace) -> None:
    delay = StubControl(options.stub).set(tokens=options.tokens, token_delay=options.token_delay)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for users in map(int, options.users.split(",")):
        row = await round_of(f"{options.stub}/v1/chat/completions", users, options.seconds, delay)
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stub", required=True)
    parser.add_argument("--users", default="1,10,50,200")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--token-delay", type=float, default=0.02)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
