"""What our own answers carry."""

import pytest

from gateway.server.headers import takes_gzip
from gateway.server.keys import STATE

from .conftest import Serve
from .house import FileOnDisk


async def test_own_answers_are_locked_down(serve: Serve) -> None:
    """Errors too: they are shown in browsers as well."""
    client = await serve()
    for path in ("/health", "/nothing"):
        headers = (await client.get(path)).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health", "/nothing", "/v1/models"])
async def test_every_answer_has_an_id_and_does_not_tell_what_it_runs_on(serve: Serve, path: str) -> None:
    client = await serve()
    headers = (await client.get(path, headers={"x-request-id": "abc"})).headers
    assert headers["x-request-id"] == "abc"
    assert headers["Server"].startswith("llm-gateway/")
    assert "aiohttp" not in headers["Server"].lower()


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("br, GZip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0.1", True),
        ("br", False),
        ("", False),
        ("gzip;q=much", False),
    ],
)
def test_gzip_is_for_who_takes_it(accepted: str, expected: bool) -> None:
    assert takes_gzip(accepted) is expected


@pytest.mark.parametrize(
    ("size", "accepted", "packed"), [(5000, "gzip", True), (5000, "br", False), (100, "gzip", False)]
)
async def test_own_texts_are_packed_where_it_pays(
    serve: Serve, file: FileOnDisk, size: int, accepted: str, packed: bool
) -> None:
    file.text = "# " + "x" * size
    client = await serve()
    answer = await client.get("/config", headers={"Accept": "application/yaml", "Accept-Encoding": accepted})
    assert ("Content-Encoding" in answer.headers) is packed
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert await answer.text() == file.text


async def test_while_draining_every_answer_is_the_last_of_its_connection(serve: Serve) -> None:
    """The client is told, so that it does not send another request into a closed door."""
    client = await serve()
    assert "Connection" not in (await client.get("/livez")).headers
    client.app[STATE].draining = True
    assert (await client.get("/livez")).headers["Connection"] == "close"
