"""Bytes stay bytes: what provider and client say arrives as it was said, but for the edits that are listed."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import orjson
import pytest

from tests import fakes
from tests.processes import Running

from .conftest import Serve
from .provider import Pause, Provider

MAX_BODY = 64 * 2**20

BEGINNING = (
    b": a comment, and an event that no decoder would write again like this\n\n"
    b'data:{"id" :"c-1",  "choices":[ {"index":0,"delta":{"role":"assistant","content":""}}],"x_odd":1.0E+2}\n\n'
    b"event: message\r\nid: 7\r\n"
    b'data: {"choices":[{"index":0,"delta":{"content":"\\u0041\xe2\x80\xa8\xc3\xa4\\/"}}]}\r\n\r\n'
    b'data: {"choices":[{"delta":{},"index":0,"finish_reason":"stop"}], "usage":null}\n\n'
)
"""Odd spacing, numbers, escapes and a line separator that is none, both line ends, members nobody knows."""
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"n":1e1}}\n\n'
END = b"data: [DONE]\n\n"

STREAM = b'{"model":"one/m","messages":[{"role":"user","content":"hi"}],"stream":true'
"""A request for a stream, but for its end."""


@pytest.fixture
def server(provider: Provider, serve: Serve) -> Running:
    """A gateway in front of one model that has another name upstream."""
    return serve(f"providers: {{one: {{base_url: {provider.url}, models: {{m: {{upstream_model: up}}}}}}}}\n")


@pytest.fixture
def connection(server: Running) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        yield connection


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer."""
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    ("options", "arrives"),
    [
        pytest.param(b',"stream_options":{"include_usage":true}', BEGINNING + USAGE + END, id="usage asked for"),
        pytest.param(b"", BEGINNING + END, id="usage taken out"),
    ],
)
def test_a_stream_cut_at_every_byte(
    connection: http.client.HTTPConnection, provider: Provider, options: bytes, arrives: bytes
) -> None:
    """Wherever the network cuts it, the client gets the provider's bytes; the one event it did not ask for is gone."""
    whole = BEGINNING + USAGE + END
    body = STREAM + options + b"}"
    for cut in range(1, len(whole)):
        provider.plays("up", fakes.stream(whole[:cut], Pause(0.001), whole[cut:]))
        assert ask(connection, body) == (200, arrives), cut


def test_a_stream_in_single_bytes(connection: http.client.HTTPConnection, provider: Provider) -> None:
    """The same, all cuts at once."""
    whole = BEGINNING + USAGE + END
    provider.plays("up", fakes.stream(*(whole[i : i + 1] for i in range(len(whole)))))
    assert ask(connection, STREAM + b',"stream_options":{"include_usage":true}}') == (200, whole)


ANSWER = b'{ "choices":[{"index":0, "message":{"content":"\\u0041"} ,"finish_reason":"stop"}],"n":1.0E+2}\n'
REFUSAL = b'{ "error" : {"message":"temperature: \\u0041","param":"temperature","n":1.0E+2} }\n'


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(200, ANSWER, id="answer"),
        pytest.param(400, REFUSAL, id="refusal"),
        pytest.param(422, REFUSAL, id="refusal with another status"),
    ],
)
def test_a_whole_answer(connection: http.client.HTTPConnection, provider: Provider, status: int, said: bytes) -> None:
    """An answer, and a refusal that is the client's to read."""
    pieces: list[bytes | BaseException] = [said]
    provider.plays("up", (status, {"content-type": "application/json"}, pieces))
    body = b'{"model":"one/m","messages":[{"role":"user","content":"hi"}]}'
    assert ask(connection, body) == (status, said)


def test_the_request(connection: http.client.HTTPConnection, provider: Provider) -> None:
    """Only the model's name is the provider's own: order, spacing, spelling and unknown members are the client's."""
    body = (
        b'{ "x_odd": {"b":1,"a":1.50E+1},\n "messages":[{"role":"user","content":"\\u0041\xc3\xa4"}] ,'
        b'"model" : "one/m", "temperature":0.10, "seed":12345678901234567890}'
    )
    assert ask(connection, body)[0] == 200
    assert provider.asked()[-1].body == body.replace(b'"one/m"', b'"up"')


def test_a_body_of_64_mib(connection: http.client.HTTPConnection, provider: Provider) -> None:
    """The largest that is taken arrives whole; one byte more is refused, and the provider does not hear of it."""
    begin, end = b'{"model":"one/m","messages":[{"role":"user","content":"', b'"}]}'
    body = begin + b"word " * (MAX_BODY // 5)
    body = body[: MAX_BODY - len(end)] + end
    assert len(body) == MAX_BODY
    status, answer = ask(connection, body)
    assert (status, orjson.loads(answer)["choices"][0]["message"]["content"]) == (200, "hi")
    arrived = provider.asked()[-1].body
    assert arrived == body.replace(b'"one/m"', b'"up"', 1)  # a plain comparison: a report of 64 MiB helps nobody
    status, answer = ask(connection, body + b" ")
    assert (status, orjson.loads(answer)["error"]["code"]) == (413, "request_too_large")
    assert len(provider.asked()) == 1
