"""Clients of the gateway, as tools set them up, and what the gateway tells of their requests."""

from typing import Any

import orjson
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.processes import Running

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello"}]


def client_of(server: Running, key: str = "any", max_retries: int = 0) -> OpenAI:
    """The `openai` package, by default without its own retries."""
    http = DefaultHttpxClient(trust_env=False)  # a proxy of this machine's environment is none of its business
    return OpenAI(**_settings(server, key, max_retries), http_client=http)


def async_client_of(server: Running, key: str = "any", max_retries: int = 0) -> AsyncOpenAI:
    """The same for asyncio."""
    http = DefaultAsyncHttpxClient(trust_env=False)
    return AsyncOpenAI(**_settings(server, key, max_retries), http_client=http)


def _settings(server: Running, key: str, max_retries: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{server.port}/v1"
    return {"base_url": url, "api_key": key, "max_retries": max_retries, "timeout": 20}


def last_request(server: Running) -> dict[str, Any]:
    """The newest row of `/usage/requests`."""
    rows: list[dict[str, Any]] = orjson.loads(server.request("GET", "/usage/requests?limit=1")[2])["requests"]
    return rows[0]


def current(server: Running) -> dict[str, Any]:
    """All of `/usage/current`."""
    found: dict[str, Any] = orjson.loads(server.request("GET", "/usage/current")[2])
    return found


def limit(server: Running, name: str) -> tuple[int, int]:
    """What is used and what is held of the only limit of this name, such as `tokens_per_day`."""
    [found] = [each for each in current(server)["limits"] if f"{each['unit']}_per_{each['window']}" == name]
    return found["used"], found["reserved"]
