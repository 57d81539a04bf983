"""Rules of gateway/providers/openrouter.py."""

from typing import Any

import pytest

from gateway.catalog.schema import Server
from gateway.dialects.chat import read_call
from gateway.providers.openrouter import OpenRouter

from .targets import target

START = b'{"model":"llama-3.3-70b","messages":[{"role":"user","content":"hi"}]'


@pytest.mark.parametrize(
    ("pin", "members", "sent"),
    [
        pytest.param("", b"", b"", id="neither"),
        pytest.param("", b', "provider": null', b"", id="null"),
        pytest.param("", b', "provider": {"sort" : "price"}', b', "provider": {"sort" : "price"}', id="a wish"),
        pytest.param(
            "anthropic", b"", b',"provider":{"order":["anthropic"],"allow_fallbacks":false}', id="openrouter-anthropic"
        ),
        pytest.param(
            "anthropic",
            b', "provider": {"max_price": {"prompt": 1.0}, "order": ["x"]}',
            b', "provider": {"max_price": {"prompt": 1.0}, "order": ["anthropic"],"allow_fallbacks":false}',
            id="a wish under the pin",
        ),
        pytest.param("", b', "models": ["a"]', b"", id="the fallback list is ours"),
        pytest.param(
            "",
            b', "provider": {"only": ["groq", "OpenRouter"], "sort" : "price"}',
            b', "provider": {"sort" : "price"}',
            id="a list that names us was about ours",
        ),
        pytest.param(
            "",
            b', "provider": {"order": ["openrouter", 1], "allow_fallbacks": false, "ignore": ["x"]}',
            b', "provider": {"ignore": ["x"]}',
            id="an order of ours, with what it forbids",
        ),
        pytest.param(
            "",
            b', "provider": {"order": ["azure"], "allow_fallbacks" : false, "only": "openrouter"}',
            b', "provider": {"order": ["azure"], "allow_fallbacks" : false, "only": "openrouter"}',
            id="lists of OpenRouter's own, and what is no list",
        ),
        pytest.param(
            "anthropic",
            b', "provider": {"only": ["openrouter"]}',
            b', "provider": {"order":["anthropic"],"allow_fallbacks":false}',
            id="a list that names us, under the pin",
        ),
    ],
)
def test_provider_block(pin: str, members: bytes, sent: bytes) -> None:
    """The request's own, merged under the pin."""
    call = read_call(START + members + b"}", id="1")
    assert (
        OpenRouter().request(target(provider="openrouter", pin=pin), call, timeouts=Server()).body
        == START + sent + b"}"
    )


@pytest.mark.parametrize(
    ("headers", "title"), [({}, "llm-gateway"), ({"X-Title": "mine"}, "mine")], ids=["ours", "configured"]
)
def test_attribution(headers: dict[str, Any], title: str) -> None:
    """Who asks, for OpenRouter's rankings."""
    call = read_call(START + b"}", id="1")
    sent = OpenRouter().request(target(headers=headers), call, timeouts=Server()).headers
    assert sent["x-title"] == title
    assert sent["http-referer"] == sent["referer"]
    assert sent["http-referer"].startswith("http")
