"""Twenty at a time with the official `openai` package, in threads and in asyncio."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests import fakes
from tests.fakes import Step
from tests.processes import Running

from .answers import chunk, completion
from .asking import async_client_of, client_of
from .conftest import Serve
from .provider import Asked, Held, Provider


@pytest.fixture
def server(provider: Provider, serve: Serve) -> Running:
    """A gateway in front of one model."""
    return serve(f"providers: {{one: {{base_url: {provider.url}, models: {{crowd: {{}}}}}}}}\n")


def repeating(gate: Held) -> Callable[[Asked], Step]:
    """Answers with the prompt, plain or streamed, as soon as the gate is open."""

    def step(asked: Asked) -> Step:
        text = asked.json["messages"][0]["content"]
        if asked.json.get("stream"):
            return fakes.stream(gate, chunk({"content": text}), chunk({}, "stop"), fakes.DONE)
        status, headers, pieces = completion({"content": text})
        return status, headers, [gate, *pieces]

    return step


def test_twenty_requests_at_a_time(server: Running, provider: Provider) -> None:
    """All are with the provider before the first is answered, and each gets its own answer."""
    gate = Held()
    provider.plays("crowd", repeating(gate))

    def ask(client: OpenAI, number: int) -> str | None:
        said: list[ChatCompletionMessageParam] = [{"role": "user", "content": f"number {number}"}]
        return client.chat.completions.create(model="one/crowd", messages=said).choices[0].message.content

    with client_of(server) as client, ThreadPoolExecutor(20) as pool:
        answers = pool.map(ask, [client] * 20, range(20))
        provider.wait(20)
        gate.open()
        assert list(answers) == [f"number {number}" for number in range(20)]


async def test_twenty_streams_at_a_time_in_asyncio(server: Running, provider: Provider) -> None:
    """The same with the asynchronous client."""
    gate = Held()
    provider.plays("crowd", repeating(gate))

    async def ask(client: AsyncOpenAI, number: int) -> str:
        said: list[ChatCompletionMessageParam] = [{"role": "user", "content": f"number {number}"}]
        stream = await client.chat.completions.create(model="one/crowd", messages=said, stream=True)
        return "".join([each.choices[0].delta.content or "" async for each in stream])

    async def open_when_all_are_there() -> None:
        await asyncio.to_thread(provider.wait, 20)
        gate.open()

    async with async_client_of(server) as client:
        *answers, _ = await asyncio.gather(*(ask(client, number) for number in range(20)), open_when_all_are_there())
    assert answers == [f"number {number}" for number in range(20)]
