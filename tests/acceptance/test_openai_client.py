"""The official `openai` package against a running gateway: what it asks for arrives, what it reads is an answer."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests import fakes
from tests.processes import Running

from .answers import chunk, completion
from .asking import HELLO, async_client_of, client_of, last_request
from .provider import Provider
from .provider import provider as listening
from .serving import serving

YAML = """\
providers:
  one:
    base_url: {url}
    models:
      chat: {{upstream_model: chat-2026-01}}
      tools: {{}}
      json: {{}}
      blind: {{features: [tools]}}
      seeing: {{features: [vision]}}
      large: {{}}
meta_models:
  base: {{targets: [one/chat, one/large]}}
  look: {{targets: [one/blind, one/seeing]}}
"""

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One for all; each test has a model of its own."""
    with listening() as one:
        yield one


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway in front of it."""
    with serving(tmp_path_factory.mktemp("openai"), YAML.format(url=provider.url)) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[OpenAI]:
    """The package, as a tool sets it up."""
    with client_of(server) as client:
        yield client


def test_chat(client: OpenAI, provider: Provider) -> None:
    """The answer is read with its usage; the provider gets its own name of the model, and none of the client's key."""
    answer = client.chat.completions.create(model="base", messages=HELLO, temperature=0.5, max_tokens=20)
    assert answer.choices[0].message.content == "hi"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 5)
    asked = provider.asked("chat-2026-01")[-1]
    assert asked.json == {"model": "chat-2026-01", "messages": HELLO, "temperature": 0.5, "max_tokens": 20}
    assert "authorization" not in asked.headers


def test_where_it_went_is_in_the_headers(client: OpenAI) -> None:
    """For whoever asks the package for the raw response."""
    raw = client.chat.completions.with_raw_response.create(model="base", messages=HELLO)
    assert raw.headers["x-gateway-route"] == "one/chat"
    assert raw.headers["x-gateway-attempts"] == "1"
    assert raw.parse().choices[0].message.content == "hi"


def test_stream_with_usage(client: OpenAI) -> None:
    """The last chunk has it, as from OpenAI itself."""
    stream = client.chat.completions.create(
        model="one/chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(each.choices[0].delta.content or "" for each in chunks[:-1]) == "hi"
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)


def test_stream_without_usage(client: OpenAI, server: Running, provider: Provider) -> None:
    """The gateway asks for it all the same, counts it, and takes the event out again: every chunk has its choice."""
    chunks = list(client.chat.completions.create(model="one/chat", messages=HELLO, stream=True))
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == "hi"
    assert all(each.usage is None for each in chunks)
    assert provider.asked("chat-2026-01")[-1].json["stream_options"] == {"include_usage": True}
    row = last_request(server)
    assert (row["tokens"]["input"], row["tokens"]["output"], row["tokens"]["estimated"]) == (7, 5, False)


def test_a_tool_call_and_its_result(client: OpenAI, provider: Provider) -> None:
    """Tools go up as they are, the call comes down, and the result goes up in the next turn."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Kyiv"}'}}
    provider.plays("tools", completion({"content": None, "tool_calls": [call]}, "tool_calls"), fakes.chat("Sunny"))
    first = client.chat.completions.create(model="one/tools", messages=HELLO, tools=[WEATHER], tool_choice="auto")
    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.tool_calls
    assert [each.to_dict() for each in first.choices[0].message.tool_calls] == [call]
    said: Any = first.choices[0].message.to_dict()
    result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    second = client.chat.completions.create(model="one/tools", messages=[*HELLO, said, result], tools=[WEATHER])
    assert second.choices[0].message.content == "Sunny"
    one, two = provider.asked("tools")[-2:]
    assert (one.json["tools"], one.json["tool_choice"]) == ([WEATHER], "auto")
    assert two.json["messages"] == [*HELLO, said, result]


def test_a_streamed_tool_call(client: OpenAI, provider: Provider) -> None:
    """The package puts its pieces together, those of two calls side by side."""

    def piece(index: int, arguments: str, **first: object) -> bytes:
        named = {"name": "weather"} if first else {}
        return chunk({"tool_calls": [{"index": index, **first, "function": {**named, "arguments": arguments}}]})

    events = [
        chunk({"role": "assistant", "content": None}),
        piece(0, "", id="call_1", type="function"),
        piece(0, '{"city": '),
        piece(1, '{"ci', id="call_2", type="function"),
        piece(0, '"Kyiv"}'),
        piece(1, 'ty": "Lima"}'),
        chunk({}, "tool_calls"),
        fakes.DONE,
    ]
    provider.plays("tools", fakes.stream(*events))
    with client.chat.completions.stream(model="one/tools", messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls
    assert [(each.id, each.function.arguments) for each in message.tool_calls] == [
        ("call_1", '{"city": "Kyiv"}'),
        ("call_2", '{"city": "Lima"}'),
    ]


def test_json_mode(client: OpenAI, provider: Provider) -> None:
    """`response_format` goes up as it is."""
    provider.plays("json", fakes.chat('{"greeting": "hello"}'))
    answer = client.chat.completions.create(model="one/json", messages=HELLO, response_format={"type": "json_object"})
    assert orjson.loads(answer.choices[0].message.content or "") == {"greeting": "hello"}
    assert provider.asked("json")[-1].json["response_format"] == {"type": "json_object"}


class Greeting(BaseModel):
    """What the model is to say."""

    greeting: str


def test_an_answer_by_a_schema(client: OpenAI, provider: Provider) -> None:
    """The package makes a schema of a class, and an object of the answer."""
    provider.plays("json", completion({"content": '{"greeting": "hello"}'}))
    answer = client.chat.completions.parse(model="one/json", messages=HELLO, response_format=Greeting)
    assert answer.choices[0].message.parsed == Greeting(greeting="hello")
    sent = provider.asked("json")[-1].json["response_format"]
    assert (sent["type"], sent["json_schema"]["name"]) == ("json_schema", "Greeting")


def test_image_parts_go_to_a_model_that_sees(client: OpenAI, provider: Provider) -> None:
    """As they are; the first target of the name cannot see, and is not asked."""
    messages: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'iVBORw0K' * 5000}"}},
            ],
        }
    ]
    raw = client.chat.completions.with_raw_response.create(model="look", messages=messages)
    assert raw.headers["x-gateway-route"] == "one/seeing"
    assert provider.asked("seeing")[-1].json["messages"] == messages
    assert provider.asked("blind") == []


def test_a_prompt_of_a_megabyte(client: OpenAI, provider: Provider) -> None:
    """Every character of it arrives."""
    text = 'line "quoted" \\ and öäü €\n' * 40_000
    assert len(text) > 1_000_000
    answer = client.chat.completions.create(model="one/large", messages=[{"role": "user", "content": text}])
    assert answer.choices[0].message.content == "hi"
    assert provider.asked("large")[-1].json["messages"][0]["content"] == text


async def test_chat_in_asyncio(server: Running) -> None:
    """The asynchronous client asks the same way."""
    async with async_client_of(server) as client:
        answer = await client.chat.completions.create(model="base", messages=HELLO)
    assert answer.choices[0].message.content == "hi"
