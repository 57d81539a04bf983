"""Whatever goes wrong before the first byte is invisible to the client while a healthy target remains."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import orjson
import pytest
from msgspec import Struct

from tests import fakes
from tests.fakes import DONE, HI, ROLE, STOP, Step
from tests.processes import Running

from . import provider as plays
from .conftest import Serve
from .helpers_burst import burst
from .provider import Pause, Provider, nobody
from .serving import serving

JSON = {"content-type": "application/json"}


class Fault(Struct, frozen=True):
    """One way to fail, in a plain answer and in a stream; `cause` is what the gateway calls it, or `|` between two."""

    name: str
    cause: str
    plain: Step
    streamed: Step

    @classmethod
    def both(cls, name: str, cause: str, step: Step) -> "Fault":
        """The same, whatever was asked for."""
        return cls(name, cause, step, step)


FAULTS = [
    Fault.both("reset", "reset", plays.RESET),
    Fault("reset half-way", "reset", (200, JSON, [b'{"choices": [', fakes.broke()]), fakes.stream(ROLE, fakes.broke())),
    Fault.both("hang", "timeout", plays.HANG),
    Fault(
        "hang half-way", "timeout", (200, JSON, [b'{"choices": [', fakes.waits()]), fakes.stream(ROLE, fakes.waits())
    ),
    Fault.both("401", "401", fakes.refusal(401)),
    Fault.both("402", "402", fakes.refusal(402)),
    Fault.both("403", "403", fakes.refusal(403)),
    Fault.both("404", "404", fakes.refusal(404)),
    Fault.both("408", "408", fakes.refusal(408)),
    Fault.both("429", "429", fakes.refusal(429, headers={"retry-after": "30"})),
    Fault.both("500", "500", fakes.refusal(500)),
    Fault.both("503", "503", fakes.refusal(503)),
    Fault.both("503 of a proxy", "503", (503, {"content-type": "text/html"}, [b"<html>busy</html>"])),
    Fault.both("529", "529", fakes.refusal(529)),
    Fault.both("redirect", "redirect", (302, {"location": "http://127.0.0.1:9/"}, [])),
    Fault.both("HTML", "html", plays.HTML),
    Fault.both("truncated JSON", "not_json", plays.TRUNCATED),
    Fault.both("no body", "empty", (200, JSON, [b""])),
    Fault("no choices", "empty", (200, JSON, [b'{"choices": []}']), fakes.stream()),
    Fault("no content", "empty", fakes.chat("", completion=0), fakes.stream(ROLE, STOP, DONE)),
    Fault("error in a 200", "503", (200, JSON, [b'{"error": {"message": "no", "code": 503}}']), plays.ERROR_EVENT),
    Fault(
        "error by name",
        "529",
        (200, JSON, [b'{"error": {"type": "overloaded_error"}}']),
        fakes.stream(ROLE, fakes.event(error={"type": "overloaded_error"})),
    ),
]
"""What a provider that listens can do; DNS and a closed port are beside it."""

UNREACHABLE = {"dns": "dns|timeout", "refused": "connect", "never accepted": "timeout", "no TLS": "tls"}
"""Base URLs behind which nobody is, and what the gateway calls it; a resolver without network may take its time."""

CAUSES = {fault.name: fault.cause for fault in FAULTS} | UNREACHABLE
WAYS = [(name, stream) for name in CAUSES for stream in (False, True)]


def one_word(name: str, *, stream: bool) -> str:
    """What a fault's provider, model and meta-model are called."""
    return f"{name.replace(' ', '-')}-{'streamed' if stream else 'plain'}"


def times_asked(name: str) -> set[int]:
    """How often the provider may be asked in one attempt: a kept-alive connection that dies is replaced once."""
    return {0} if name in UNREACHABLE else {1, 2} if name == "reset" else {1}


@contextmanager
def full() -> Iterator[str]:
    """A base URL where connections are not refused and never stand: the queue of a listener that accepts nobody."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def configuration(provider: Provider, closed: str, busy: str) -> str:
    """For each fault a provider of its own, so that no cooldown is seen twice, and a healthy one behind each."""
    urls = {
        "dns": "http://gateway.invalid/v1",
        "refused": closed,
        "never accepted": busy,
        "no TLS": provider.url.replace("http:", "https:"),
    }
    lines = ["server: {first_byte_timeout: 1s, answer_timeout: 1s, connect_timeout: 900ms}", "providers:"]
    lines += [f"  good: {{base_url: {provider.url}, models: {{good: {{}}}}}}"]
    names = {one_word(name, stream=stream): urls.get(name, provider.url) for name, stream in WAYS}
    lines += [f"  {name}: {{base_url: '{url}', auth: none, models: {{{name}: {{}}}}}}" for name, url in names.items()]
    lines += ["meta_models:"]
    lines += [f"  ask-{name}: {{targets: [{name}/{name}, good/good], free_first: false}}" for name in names]
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One for all tests here: each fault is a model of its own."""
    with plays.provider() as one:
        for fault in FAULTS:
            one.plays(one_word(fault.name, stream=False), fault.plain)
            one.plays(one_word(fault.name, stream=True), fault.streamed)
        yield one


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests here."""
    with nobody() as closed, full() as busy:
        yaml = configuration(provider, closed, busy)
        with serving(tmp_path_factory.mktemp("faults"), yaml) as server:
            yield server


@pytest.mark.parametrize(("name", "stream"), WAYS, ids=lambda each: {False: "plain", True: "streamed"}.get(each, each))
def test_the_client_sees_an_answer(server: Running, provider: Provider, name: str, stream: bool) -> None:
    """200 from the next target, of which each was asked once; that there were two attempts is in a header."""
    model = one_word(name, stream=stream)
    before = len(provider.asked("good"))
    status, headers, body = server.chat(f"ask-{model}", stream=stream)
    assert status == 200, body
    assert headers["x-gateway-attempts"] == "2"
    assert headers["x-gateway-route"] == "good/good"
    if stream:
        assert headers["content-type"].startswith("text/event-stream")
        assert body == ROLE + HI + STOP + DONE
    else:
        assert orjson.loads(body)["choices"][0]["message"]["content"] == "hi"
    assert len(provider.asked(model)) in times_asked(name)
    assert len(provider.asked("good")) == before + 1
    [story] = orjson.loads(server.request("GET", f"/usage/requests?model=ask-{model}")[2])["requests"]
    failed, answered = story["attempts"]
    assert (failed["target"], answered["target"], answered["cause"]) == (f"{model}/{model}", "good/good", "ok")
    assert failed["cause"] in CAUSES[name].split("|")


@pytest.mark.parametrize("step", [plays.RESET, plays.HANG, fakes.refusal(500)], ids=["reset", "hang", "500"])
async def test_a_crowd_sees_answers_too(serve: Serve, step: Step, provider: Provider) -> None:
    """Whether they all ran into the fault or came when the target rested already."""
    provider.plays("crowded", step)
    server = serve(f"""\
server: {{answer_timeout: 1s}}
providers:
  bad: {{base_url: {provider.url}, models: {{crowded: {{}}}}}}
  good: {{base_url: {provider.url}, models: {{good: {{}}}}}}
meta_models:
  base: {{targets: [bad/crowded, good/good]}}
""")
    replies = await burst(server.port, 50)
    assert [(reply.status, reply.headers["x-gateway-route"]) for reply in replies] == [(200, "good/good")] * 50


def test_after_the_first_byte_there_is_no_other_target(server: Running, provider: Provider) -> None:
    """The client has read something already: the stream ends with an error, and never with a finish nobody gave."""
    model = one_word("500", stream=True)
    provider.plays("good", fakes.stream(ROLE, HI, Pause(0.1), fakes.broke()))
    try:
        status, _, body = server.chat("good/good", stream=True)
    finally:
        provider.plays("good")
    assert status == 200
    assert body.startswith(ROLE + HI)
    last = orjson.loads(body.rsplit(b"data: ", 1)[1])
    assert last["error"]["code"] == "upstream_error"
    assert b"[DONE]" not in body
    assert len(provider.asked(model)) <= 1


def test_without_a_healthy_target_the_last_failure_is_told(provider: Provider, server: Running) -> None:
    """502 in OpenAI's envelope, and nothing of what the provider sent."""
    provider.plays("good", fakes.refusal(500, "the provider's secret words"))
    try:
        status, headers, body = server.chat("good/good")
    finally:
        provider.plays("good")
    assert status == 502
    assert orjson.loads(body)["error"]["code"] == "upstream_error"
    assert headers["x-gateway-attempts"] == "1"
    assert b"secret words" not in body
