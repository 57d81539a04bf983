"""What the official `openai` package makes of the gateway's models and refusals: its own classes, with all they say."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests import fakes
from tests.processes import Running

from .asking import HELLO, client_of, last_request
from .provider import Provider
from .provider import provider as listening
from .serving import serving

YAML = """\
clients:
  tool: {{key: {key}}}
providers:
  one:
    base_url: {url}
    models:
      chat: {{}}
      large: {{}}
      picky: {{}}
      busy: {{}}
      moody: {{}}
      tight: {{limits: {{requests_per_minute: 1}}}}
meta_models:
  base: {{targets: [one/chat, one/large]}}
"""

KEY = "key-of-the-tool"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One for all; each test has a model of its own."""
    with listening() as one:
        yield one


@pytest.fixture(scope="module")
def server(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway in front of it that knows one client."""
    with serving(tmp_path_factory.mktemp("errors"), YAML.format(url=provider.url, key=KEY)) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[OpenAI]:
    """The package with the right key."""
    with client_of(server, KEY) as client:
        yield client


def test_models_are_listed(client: OpenAI) -> None:
    """Meta-models first, with their targets in order."""
    models = list(client.models.list())
    assert [each.id for each in models[:4]] == ["base", "one/chat", "one/large", "one/picky"]
    assert models[0].to_dict()["targets"] == ["one/chat", "one/large"]
    assert {each.object for each in models} == {"model"}


@pytest.mark.parametrize(("name", "owner"), [("base", "llm-gateway"), ("one/chat", "one"), ("chat", "one")])
def test_one_model_is_found(client: OpenAI, name: str, owner: str) -> None:
    """By the name it is asked for under, whose slash the package writes as `%2F`."""
    found = client.models.retrieve(name)
    assert (found.id, found.owned_by) == (name, owner)


def test_a_wrong_key(server: Running, provider: Provider) -> None:
    """AuthenticationError, from chat and from the list alike; no provider hears of it."""
    before = len(provider.asked())
    with client_of(server, "made-up") as stranger:
        with pytest.raises(openai.AuthenticationError) as failed:
            stranger.chat.completions.create(model="base", messages=HELLO)
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
    assert (failed.value.code, failed.value.type) == ("invalid_api_key", "authentication_error")
    assert "made-up" not in str(failed.value)
    assert len(provider.asked()) == before


def test_an_unknown_model(client: OpenAI) -> None:
    """NotFoundError that names the closest."""
    with pytest.raises(openai.NotFoundError, match="one/chat") as failed:
        client.chat.completions.create(model="one/chta", messages=HELLO)
    assert (failed.value.code, failed.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError, match="base"):
        client.models.retrieve("bsae")


def test_a_request_that_makes_no_sense(client: OpenAI, provider: Provider) -> None:
    """BadRequestError that names the field."""
    before = len(provider.asked())
    wrong: Any = "Say hello"
    with pytest.raises(openai.BadRequestError) as failed:
        client.chat.completions.create(model="base", messages=wrong)
    assert (failed.value.type, failed.value.param) == ("invalid_request_error", "messages")
    assert len(provider.asked()) == before


def test_a_provider_that_refuses_the_request(client: OpenAI, provider: Provider) -> None:
    """What it says is the client's answer: BadRequestError with its words."""
    provider.plays("picky", fakes.refusal(400, "temperature must be at most 2", param="temperature"))
    with pytest.raises(openai.BadRequestError, match="temperature must be at most 2") as failed:
        client.chat.completions.create(model="one/picky", messages=HELLO, temperature=3)
    assert failed.value.param == "temperature"


def test_nothing_left(client: OpenAI, provider: Provider) -> None:
    """RateLimitError with when to come back, in the header in whole seconds and in the body to the millisecond."""
    client.chat.completions.create(model="one/tight", messages=HELLO)
    with pytest.raises(openai.RateLimitError) as failed:
        client.chat.completions.create(model="one/tight", messages=HELLO)
    assert (failed.value.type, failed.value.code) == ("rate_limit_error", "rate_limit_exceeded")
    assert isinstance(failed.value.body, dict)
    wait_s = failed.value.body["retry_after_seconds"]
    assert 30 < wait_s <= 60
    assert failed.value.response.headers["retry-after"] == str(-int(-wait_s // 1))
    assert abs(int(failed.value.response.headers["retry-after-ms"]) - 1000 * wait_s) <= 1
    assert len(provider.asked("tight")) == 1


def test_a_provider_that_wants_to_be_left_alone(client: OpenAI, provider: Provider) -> None:
    """RateLimitError with the provider's own deadline; the next request waits for it too, and is not sent."""
    provider.plays("busy", fakes.refusal(429, "slow down", {"retry-after": "40"}))
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as failed:
            client.chat.completions.create(model="one/busy", messages=HELLO)
        assert 20 < int(failed.value.response.headers["retry-after"]) <= 40
    assert len(provider.asked("busy")) == 1


def test_the_packages_own_retry_comes_in_time(server: Running, provider: Provider) -> None:
    """It waits for as long as the gateway tells it to, and its second try is let through: nobody sees the 429."""
    provider.plays("moody", fakes.refusal(429, "slow down", {"retry-after-ms": "300"}), fakes.chat())
    with client_of(server, KEY, max_retries=1) as patient:
        answer = patient.chat.completions.create(model="one/moody", messages=HELLO)
    assert answer.choices[0].message.content == "hi"
    assert len(provider.asked("moody")) == 2
    assert last_request(server)["client_retry"] == 1


def test_the_client_is_known_and_its_key_stays_here(client: OpenAI, server: Running, provider: Provider) -> None:
    """Requests carry its name; the provider does not see the key that was shown to the gateway."""
    client.chat.completions.create(model="base", messages=HELLO)
    assert last_request(server)["client"] == "tool"
    asked = provider.asked("chat")[-1]
    assert KEY not in " ".join(asked.headers.values())
    assert KEY.encode() not in asked.body
