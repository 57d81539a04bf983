"""Variables, `.env`, and where the files are."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.errors import ConfigError, StartError
from gateway.settings import Environment, Place, env_beside, locate, shipped, snapshot_folder


def written(path: Path, text: str = "") -> Path:
    """`path`, with `text` in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("process", "env", "found"),
    [
        pytest.param({"KEY": "a"}, "KEY=b", "a", id="the environment wins over .env"),
        pytest.param({}, "KEY=b", "b", id=".env alone"),
        pytest.param({"KEY": ""}, "KEY=b", "b", id="empty is unset"),
        pytest.param({}, "KEY=", None, id="empty in .env is unset"),
        pytest.param({}, "KEY=a$HOME${X}$$", "a$HOME${X}$$", id="a dollar is a dollar"),
        pytest.param({}, "KEY='a # b'", "a # b", id="quoted"),
        pytest.param({}, "export KEY=b # note", "b", id="export and a note"),
        pytest.param({}, "\ufeffKEY=b", "b", id="byte order mark"),
        pytest.param({}, "KEY", None, id="a name alone"),
        pytest.param({}, "", None, id="nowhere"),
    ],
)
def test_a_variable_comes_from_the_environment_then_from_env(
    tmp_path: Path, process: Mapping[str, str], env: str, found: str | None
) -> None:
    """The process wins, empty counts as unset, nothing is interpolated."""
    assert Environment(process, written(tmp_path / ".env", env)).lookup("KEY") == found


@pytest.mark.parametrize("where", ["process", "env"])
def test_a_secret_can_be_a_file(tmp_path: Path, where: str) -> None:
    """NAME_FILE comes last; the value is what the file says, without the newline at its end."""
    secret = written(tmp_path / "secret", "s3cret\n")
    process = {"KEY_FILE": str(secret)} if where == "process" else {}
    env = written(tmp_path / ".env", "" if where == "process" else f"KEY_FILE={secret}")
    assert Environment(process, env).find("KEY") == ("s3cret", "KEY_FILE")
    assert Environment({**process, "KEY": "direct"}, env).find("KEY") == ("direct", "KEY")


def test_a_secret_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """It names the variable and the file."""
    with pytest.raises(ConfigError, match=r"/nowhere: named by KEY_FILE, cannot be read: No such file or directory"):
        Environment({"KEY_FILE": "/nowhere"}).lookup("KEY")


def test_an_env_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """One line, without the bytes."""
    env = tmp_path / ".env"
    env.write_bytes(b"KEY=\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env: cannot be read: it is not UTF-8"):
        Environment({}, env)


def test_server_fields_from_variables(tmp_path: Path) -> None:
    """Each knows where it came from; a bare REQUEST_TIMEOUT is milliseconds."""
    env = written(tmp_path / ".env", "PORT=3001\nREQUEST_TIMEOUT=1500\nNODE_ENV=test\n")
    environment = Environment({"HOST": "::1", "MAX_CONCURRENT_REQUESTS": "7"}, env)
    assert environment.overrides() == {
        "host": ("::1", "HOST"),
        "port": ("3001", f"PORT in {env}"),
        "environment": ("test", f"NODE_ENV in {env}"),
        "request_timeout": ("1.5s", f"REQUEST_TIMEOUT in {env}"),
        "max_concurrent_requests": ("7", "MAX_CONCURRENT_REQUESTS"),
    }


def test_environment_wins_over_node_env() -> None:
    """NODE_ENV is only a second name."""
    both = Environment({"NODE_ENV": "production", "ENVIRONMENT": "development"})
    assert both.overrides() == {"environment": ("development", "ENVIRONMENT")}


@pytest.mark.parametrize(
    ("value", "text"),
    [("600000", "600.0s"), ("250", "0.25s"), ("1_000", "1.0s"), ("30s", "30s"), ("soon", "soon"), ("-5", "-5")],
)
def test_milliseconds(value: str, text: str) -> None:
    """A number becomes seconds; everything else is left to the validator, which knows units and says what is wrong."""
    assert Environment({"REQUEST_TIMEOUT": value}).overrides()["request_timeout"][0] == text


def test_the_configuration_is_looked_for_in_this_order(tmp_path: Path) -> None:
    """--config, $GATEWAY_CONFIG, ./config/gateway.yaml, the XDG folder, the shipped file."""
    option, variable = written(tmp_path / "a.yaml"), written(tmp_path / "b.yaml")
    here = written(tmp_path / "here/config/gateway.yaml").parent.parent
    own = written(tmp_path / "xdg/llm-gateway/gateway.yaml")
    empty = tmp_path / "empty"
    empty.mkdir()
    everything = {"GATEWAY_CONFIG": str(variable), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    folder_only = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert locate(option, everything, here) == Place(option, "option")
    assert locate(None, everything, here) == Place(variable, "variable")
    assert locate(None, folder_only, here) == Place(here / "config/gateway.yaml", "folder")
    assert locate(None, folder_only, empty) == Place(own, "user")
    assert locate(None, {"HOME": str(empty)}, empty) == Place(shipped("config") / "gateway.yaml", "shipped")


def test_gateway_config_may_stand_in_env(tmp_path: Path) -> None:
    """In the `.env` of the working directory: there is no YAML yet for one to lie beside."""
    written(tmp_path / ".env", "GATEWAY_CONFIG=other.yaml")
    other = written(tmp_path / "other.yaml")
    assert locate(None, {}, tmp_path) == Place(other, "variable")


@pytest.mark.parametrize(
    ("option", "process", "says"),
    [
        pytest.param(Path("gone.yaml"), {}, "gone.yaml is not a file", id="option"),
        pytest.param(None, {"GATEWAY_CONFIG": "gone.yaml"}, r"from \$GATEWAY_CONFIG", id="variable"),
    ],
)
def test_a_named_file_that_is_missing_stops_the_start(
    tmp_path: Path, option: Path | None, process: Mapping[str, str], says: str
) -> None:
    """Serving another file instead would be a surprise."""
    with pytest.raises(StartError, match=says) as caught:
        locate(option, process, tmp_path)
    assert caught.value.exit_code == 78


def test_which_env_file_counts(tmp_path: Path) -> None:
    """Beside the YAML, else in the working directory."""
    config = tmp_path / "config/gateway.yaml"
    assert env_beside(config, tmp_path) is None
    outer = written(tmp_path / ".env")
    assert env_beside(config, tmp_path) == outer
    assert env_beside(config, tmp_path) != written(tmp_path / "config/.env")
    assert env_beside(config, tmp_path) == tmp_path / "config/.env"


@pytest.mark.parametrize(
    ("directory", "place", "folder"),
    [
        pytest.param("snapshots", Place(Path("/srv/config/gateway.yaml"), "option"), "/srv/snapshots", id="checkout"),
        pytest.param("snapshots", Place(Path("/config/gateway.yaml"), "folder"), "/snapshots", id="container"),
        pytest.param("snapshots", Place(Path("/etc/gw.yaml"), "option"), "/state/llm-gateway/snapshots", id="else XDG"),
        pytest.param(
            "snapshots",
            Place(Path("/usr/config/gateway.yaml"), "shipped"),
            "/state/llm-gateway/snapshots",
            id="shipped",
        ),
        pytest.param("/var/gw", Place(Path("/srv/config/gateway.yaml"), "option"), "/var/gw", id="absolute"),
    ],
)
def test_where_snapshots_go(directory: str, place: Place, folder: str) -> None:
    """Beside a `config` folder, else in the XDG state folder, never into the installation."""
    assert snapshot_folder(directory, place, {"XDG_STATE_HOME": "/state"}) == Path(folder)


def test_a_relative_xdg_folder_is_ignored() -> None:
    """As its specification says."""
    place = Place(Path("/etc/gw.yaml"), "option")
    process = {"XDG_STATE_HOME": "state", "HOME": "/home/ann"}
    assert snapshot_folder("snapshots", place, process) == Path("/home/ann/.local/state/llm-gateway/snapshots")


def test_shipped_files_are_there() -> None:
    """Here they are the checkout's; tests/test_wheel.py sees to the installed ones."""
    assert (shipped("config") / "gateway.yaml").is_file()
    assert (shipped("web") / "templates").is_dir()


def test_shipped_files_of_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder `config` beside an installed package is somebody else's."""
    written(tmp_path / "site-packages/config/gateway.yaml")
    package = tmp_path / "site-packages/gateway"
    monkeypatch.setattr("gateway.settings.__file__", str(package / "settings.py"))
    assert shipped("config") == package / "_shipped/config"
