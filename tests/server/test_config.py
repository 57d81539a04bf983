"""Seeing and reloading the configuration."""

from msgspec.structs import replace

from gateway.catalog.differences import Differences
from gateway.errors import ConfigError, Problem
from gateway.server.keys import STATE

from .conftest import Serve
from .house import FileOnDisk

WRONG = Problem("gateway.yaml", 12, 7, "unknown key 'tipe', did you mean 'type'?")


async def test_config_is_json_by_default(serve: Serve, file: FileOnDisk) -> None:
    """The file as it is written, not as it is compiled, secrets masked."""
    file.text = "server: {port: 3000, admin_token: hunter2}\nproviders:\n  groq: {api_key: '${GROQ_API_KEY}'}\n"
    client = await serve()
    answer = await client.get("/config")
    assert answer.content_type == "application/json"
    assert await answer.json() == {
        "server": {"port": 3000, "admin_token": "••••••••"},
        "providers": {"groq": {"api_key": "${GROQ_API_KEY}"}},
    }


async def test_empty_file_is_an_empty_map(serve: Serve, file: FileOnDisk) -> None:
    file.text = "# nothing yet\n"
    client = await serve()
    assert await (await client.get("/config")).json() == {}


async def test_yaml_is_the_text_with_its_comments(serve: Serve, file: FileOnDisk) -> None:
    file.text = "# my house\nserver:\n  port: 3000  # as ever\n  admin_token: hunter2\n"
    client = await serve()
    answer = await client.get("/config", headers={"Accept": "application/yaml"})
    assert answer.content_type == "application/yaml"
    assert await answer.text() == "# my house\nserver:\n  port: 3000  # as ever\n  admin_token: ••••••••\n"


async def test_broken_file_is_text_or_its_mistakes(serve: Serve, file: FileOnDisk) -> None:
    """As text it can be mended; as JSON there is nothing to show."""
    file.text = "server: {port: 3000\n"
    client = await serve()
    state = client.app[STATE]
    state.config = state.config.refused((WRONG,))
    assert (await client.get("/config", headers={"Accept": "application/yaml"})).status == 200
    answer = await client.get("/config")
    assert answer.status == 422
    assert "gateway.yaml:12:7: unknown key" in (await answer.json())["error"]["message"]


async def test_file_that_broke_a_moment_ago_is_not_shown_as_json(serve: Serve, file: FileOnDisk) -> None:
    file.text = "server: {port: 3000\n"
    client = await serve()
    assert (await client.get("/config")).status == 422


async def test_missing_file_is_said_so(serve: Serve, file: FileOnDisk) -> None:
    async def gone() -> str:
        raise ConfigError([Problem("gateway.yaml", 0, 0, "cannot be read: No such file or directory")])

    file.read = gone  # type: ignore[method-assign]
    client = await serve()
    answer = await client.get("/config")
    assert (answer.status, (await answer.json())["error"]["code"]) == (422, "config_invalid")


async def test_reload_reads_the_files_and_says_what_is_in_force(serve: Serve, file: FileOnDisk) -> None:
    client = await serve()
    state = client.app[STATE]
    state.config = replace(state.config, changed_at=1.5, differences=Differences(lines=("groq grade 1 -> 2",), more=3))
    answer = await client.post("/config/reload")
    body = await answer.json()
    assert (body["changes"], body["more"]) == (["groq grade 1 -> 2"], 3)
    assert (body["config"]["changed_at"], body["config"]["changes"]) == ("1970-01-01T00:00:01.500Z", 4)
    assert (answer.status, body["ok"], body["config"]["hash"], file.reloads) == (200, True, "abc123", 1)


async def test_reload_of_a_bad_file_lists_every_mistake(serve: Serve, file: FileOnDisk) -> None:
    second = Problem("gateway.yaml", 20, 1, "'base' has no targets")
    file.broken = ConfigError([WRONG, second])
    client = await serve()
    answer = await client.post("/config/reload")
    assert answer.status == 422
    error = (await answer.json())["error"]
    assert error["code"] == "config_invalid"
    assert error["message"] == (
        "The configuration is not valid; the previous one stays in force.\n"
        "gateway.yaml:12:7: unknown key 'tipe', did you mean 'type'?\n"
        "gateway.yaml:20:1: 'base' has no targets"
    )
