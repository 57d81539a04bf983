"""The files of the configuration, read together."""

import hashlib
import shutil
from pathlib import Path

import orjson
import pytest

from gateway.configuration import Configuration, _shipped_leaderboard, shipped_prices
from gateway.errors import ConfigError
from gateway.feeds import leaderboard, prices
from gateway.feeds.cache import Cached, write_cache
from gateway.pricing import Price
from gateway.settings import shipped

ROWS = orjson.dumps({f"m-{n}": {"pass@1": {"instruct": n}} for n in range(60)})
"""A leaderboard in which m-7 has solved 7 percent."""

ECHO = "providers:\n  demo: {type: echo, models: {echo: {price: free}}}\n"


def folder_with(folder: Path, text: str | bytes, env: str = "") -> Configuration:
    """A checkout whose configuration is `text`."""
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config/gateway.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    if env:
        (folder / ".env").write_text(env, "utf-8")
    return Configuration.find(None, {"HOME": str(folder)}, folder)


def test_everything_is_read_together(tmp_path: Path) -> None:
    """YAML, `.env` and variables; the hash is that of the bytes."""
    configuration = folder_with(tmp_path, ECHO, env="PORT=3001\n")
    loaded = configuration.load()
    assert list(loaded.catalog.providers) == ["demo"]
    assert loaded.catalog.server.port == 3001
    assert loaded.env_file == tmp_path / ".env"
    assert loaded.hash == hashlib.sha256(ECHO.encode()).hexdigest()
    assert loaded.sources == {"port": f"PORT in {tmp_path / '.env'}"}


def test_the_command_line_goes_over_variables_over_the_yaml(tmp_path: Path) -> None:
    """And each says where it came from."""
    text = f"server: {{host: 127.0.0.3, port: 1, log_level: debug}}\n{ECHO}"
    found = folder_with(tmp_path, text, env="PORT=2\nLOG_LEVEL=error\n")
    options = {"port": ("3", "--port")}
    configuration = Configuration.find(None, {"HOME": str(tmp_path)}, tmp_path, options)
    server = configuration.load().catalog.server
    assert (server.host, server.port, server.log_level) == ("127.0.0.3", 3, "error")
    assert configuration.load().sources == {"port": "--port", "log_level": f"LOG_LEVEL in {found.env_file()}"}


def test_a_preset_beside_the_file_goes_over_the_shipped_one(tmp_path: Path) -> None:
    """A compatible provider is a preset file and no code."""
    configuration = folder_with(tmp_path, "providers: {groq: {preset: groq}, mine: {preset: mine}}\n")
    presets = tmp_path / "config/presets"
    presets.mkdir()
    (presets / "mine.yaml").write_text("type: echo\nmodels: {m: {price: free}}\n", "utf-8")
    (presets / "groq.yaml").write_text("type: echo\nmodels: {g: {price: free}}\n", "utf-8")
    catalog = configuration.load().catalog
    assert sorted(catalog.exact) == ["groq/g", "mine/m"]


def test_the_file_is_named_as_a_person_would(tmp_path: Path) -> None:
    """Relative to the working directory, if it is below it."""
    assert folder_with(tmp_path, ECHO).name == "config/gateway.yaml"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = tmp_path / "config/gateway.yaml"
    assert Configuration.find(path, {}, elsewhere).name == str(path)


def test_what_is_watched(tmp_path: Path) -> None:
    """The YAML, both places where a `.env` may appear, and presets of one's own."""
    found = folder_with(tmp_path, ECHO)
    preset = tmp_path / "config/presets/mine.yaml"
    preset.parent.mkdir()
    preset.write_text("{}")
    assert found.watched() == (
        tmp_path / "config/gateway.yaml",
        tmp_path / "config/.env",
        tmp_path / ".env",
        preset,
    )


def test_where_the_state_is_kept(tmp_path: Path) -> None:
    """Beside the `config` folder."""
    assert folder_with(tmp_path, ECHO).snapshot_folder("snapshots") == tmp_path / "snapshots"


def test_prices_that_are_not_written_are_those_of_the_shipped_list(tmp_path: Path) -> None:
    """Offline, and without a word about prices in the YAML. Read again, it is the same catalog."""
    configuration = folder_with(tmp_path, "providers: {openai: {api_key: k, models: {gpt-4o: {}, unheard-of: {}}}}\n")
    catalog = configuration.load().catalog
    known, unknown = (catalog.exact[f"openai/{name}"][0] for name in ("gpt-4o", "unheard-of"))
    assert known.price == Price(25 * 10**8, 125 * 10**7, 25 * 10**8, 10**10, 10**10)
    assert known.price_source.startswith("list 20")
    assert (unknown.price, unknown.price_source) == (None, "")
    assert configuration.load().catalog == catalog


def test_a_fetched_list_counts_only_where_fetching_is_on(tmp_path: Path) -> None:
    """What was fetched stays on disk when it is switched off; it is not used then."""
    rows = [{"provider": "OPENAI", "model": "gpt-4o", "input_cost_per_1m": 7, "output_cost_per_1m": 8}]
    cached = Cached(
        url=prices.URL, fetched_at=2e9, checked_at=2e9, etag="", modified="", body=orjson.dumps({"data": rows})
    )
    write_cache(prices.FEED.path(tmp_path / "snapshots"), cached)
    text = "prices: {fetch: true}\nproviders: {openai: {api_key: k, models: {gpt-4o: {}}}}\n"
    on = folder_with(tmp_path, text).load().catalog.exact["openai/gpt-4o"][0]
    off = folder_with(tmp_path, text.replace("true", "false")).load().catalog.exact["openai/gpt-4o"][0]
    assert (on.price_source, off.price_source[:4]) == ("fetched 2033-05-18", "list")


@pytest.mark.parametrize(
    ("text", "body", "name"),
    [
        pytest.param("{}", b"", "list 20", id="not asked for"),
        pytest.param("{fetch: false}", ROWS, "list 20", id="switched off again"),
        pytest.param("{fetch: true}", b"", "list 20", id="nothing fetched yet"),
        pytest.param("{fetch: true}", b"{}", "list 20", id="fetched by an older version, in another shape"),
        pytest.param("{fetch: true, source: bigcodebench}", ROWS, "fetched 2033-05-18", id="fetched"),
    ],
)
def test_the_leaderboard_is_the_fetched_one_or_the_shipped(tmp_path: Path, text: str, body: bytes, name: str) -> None:
    """One of them whole: a score mixed of two would be no order. Read again, it is the same catalog."""
    if body:
        cached = Cached(url=leaderboard.URL, fetched_at=2e9, checked_at=2e9, etag="", modified="", body=body)
        write_cache(leaderboard.FEED.path(tmp_path / "snapshots"), cached)
    configuration = folder_with(tmp_path, f"leaderboard: {text}\n{ECHO}")
    board = configuration.load().catalog.leaderboard
    assert board.name.startswith(name)
    assert board.percent("m-7", "deepseek-v3") == (7 if body == ROWS and "true" in text else 56.1)
    assert configuration.load().catalog == configuration.load().catalog


@pytest.mark.parametrize("file", ["prices.json", "leaderboard.json"])
@pytest.mark.parametrize("damage", [None, b"{}"])
def test_a_program_without_its_lists_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, damage: bytes | None
) -> None:
    """Otherwise every price would silently be unknown, and every model worth the same."""
    own = tmp_path / "own"
    shutil.copytree(shipped("config"), own)
    if damage is None:
        (own / file).unlink()
    else:
        (own / file).write_bytes(damage)
    monkeypatch.setattr("gateway.configuration.shipped", lambda _: own)
    shipped_prices.cache_clear()
    _shipped_leaderboard.cache_clear()
    with pytest.raises(ConfigError, match=rf"{file}: .*: install the program again"):
        folder_with(tmp_path, ECHO).load()


def test_the_record_lies_by_the_same_rule(tmp_path: Path) -> None:
    """Unless there is none, or it says exactly where."""
    found = folder_with(tmp_path, ECHO)
    assert found.record_file("records/requests.jsonl") == tmp_path / "records/requests.jsonl"
    assert found.record_file("/var/log/requests.jsonl") == Path("/var/log/requests.jsonl")
    assert found.record_file(None) is None


def test_the_example_of_a_pool_does_what_it_says(tmp_path: Path) -> None:
    """Both keys and both free models share one allowance; what costs is not under it."""
    lines = (shipped("config") / "gateway.yaml").read_text("utf-8").splitlines()
    begin = lines.index("# pools:")
    text = "\n".join(line.removeprefix("# ") for line in lines[begin : lines.index("", begin)])
    configuration = folder_with(tmp_path, text, env="ROUTER_HOME=a\nROUTER_WORK=b\n")
    targets = configuration.load().catalog.providers["router"].targets
    free = {tuple(meter.id for meter in each.meters) for each in targets if each.free}
    shared = ("pool:openrouter-free:requests_per_minute", "pool:openrouter-free:requests_per_day")
    assert (len(targets), free) == (6, {shared})
    assert {each.meters for each in targets if not each.free} == {()}


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    assert list(folder_with(tmp_path, b"\xef\xbb\xbf" + ECHO.encode()).load().catalog.providers) == ["demo"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(b"a: 1\nb: \xff\n", r"^config/gateway.yaml:2:4: is not UTF-8 here", id="not UTF-8"),
        pytest.param(b"serve: 1\n", r"^config/gateway.yaml:1:1: .*serve", id="unknown key"),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, text: bytes, says: str) -> None:
    """Down to the column, whatever is wrong."""
    with pytest.raises(ConfigError, match=says):
        folder_with(tmp_path, text).load()


def test_a_file_that_has_gone_is_a_mistake_like_others(tmp_path: Path) -> None:
    """A reload then keeps what is in force."""
    configuration = folder_with(tmp_path, ECHO)
    (tmp_path / "config/gateway.yaml").unlink()
    with pytest.raises(ConfigError, match=r"config/gateway.yaml: cannot be read: No such file or directory"):
        configuration.load()
