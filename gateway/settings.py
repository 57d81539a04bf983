"""Everything that comes from outside the YAML: variables, `.env`, and where the files are.

Nothing else in the house reads the environment. The process's own variables win over `.env`, `.env` over the file
that `NAME_FILE` names; a variable that is set but empty counts as unset everywhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from dotenv import dotenv_values

from gateway.errors import ConfigError, Problem, StartError

NAME = "llm-gateway"


class Variable(NamedTuple):
    """One environment variable that sets one field of `server`."""

    name: str
    field: str
    milliseconds: bool = False
    """A number without a unit is milliseconds here, where the YAML would take it as seconds."""


VARIABLES = (
    Variable("HOST", "host"),
    Variable("PORT", "port"),
    Variable("ALLOW_ANONYMOUS", "allow_anonymous"),
    Variable("ADMIN_TOKEN", "admin_token"),
    Variable("ENVIRONMENT", "environment"),
    Variable("NODE_ENV", "environment"),
    Variable("LOG_LEVEL", "log_level"),
    Variable("LOG_FORMAT", "log_format"),
    Variable("REQUEST_TIMEOUT", "request_timeout", milliseconds=True),
    Variable("MAX_CONCURRENT_REQUESTS", "max_concurrent_requests"),
)
"""First come, first served: where two set the same field, the upper one wins."""

CONFIG_VARIABLE = "GATEWAY_CONFIG"

LATER = ("RATE_LIMIT_WINDOW_MS", "RATE_LIMIT_MAX_REQUESTS", "WS_MAX_CONNECTIONS", "WS_HEARTBEAT_INTERVAL")
"""Variables whose feature is not built yet: documented as such, and not read."""

Overrides = dict[str, tuple[str, str]]
"""Field of `server` -> (its value as text, where that came from)."""


class Environment:
    """Where `${NAME}` and the server's variables are looked up."""

    def __init__(self, process: Mapping[str, str], env_file: Path | None = None) -> None:
        self.process = process
        self.env_file = env_file
        self._written = _read_env(env_file) if env_file else {}

    def lookup(self, name: str) -> str | None:
        """The value of `name`, or None if it is unset or empty."""
        return self.find(name)[0]

    def find(self, name: str) -> tuple[str | None, str]:
        """The value of `name` and where it came from: `NAME`, `NAME in .env`, or `NAME_FILE`.

        Raises ConfigError if `NAME_FILE` names a file that cannot be read: a secret that silently stays unset
        would only show as a provider that is skipped.
        """
        if value := self.process.get(name):
            return value, name
        if value := self._written.get(name):
            return value, f"{name} in {self.env_file}"
        variable = f"{name}_FILE"
        if path := self.process.get(variable) or self._written.get(variable):
            return _read_secret(variable, Path(path).expanduser()) or None, variable
        return None, ""

    def overrides(self) -> Overrides:
        """What the variables say about `server`."""
        taken: Overrides = {}
        for variable in VARIABLES:
            value, source = self.find(variable.name)
            if value is not None and variable.field not in taken:
                taken[variable.field] = (_seconds(value) if variable.milliseconds else value, source)
        return taken


def _seconds(value: str) -> str:
    """A bare number of milliseconds as a duration of the YAML; anything else as it is, for the validator to judge."""
    digits = value.strip().replace("_", "")
    return f"{int(digits) / 1000!r}s" if digits.isascii() and digits.isdigit() else value


def _read_env(path: Path) -> dict[str, str]:
    try:
        # No interpolation: `$` in a password is a dollar sign. The YAML has its own `${NAME}`.
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), 0, 0, f"cannot be read: {_reason(error)}")]) from error
    return {name: value for name, value in values.items() if value}


def _read_secret(variable: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [Problem(str(path), 0, 0, f"named by {variable}, cannot be read: {_reason(error)}")]
        ) from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """The error without its own copy of the path or the bytes."""
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or type(error).__name__


class Place(NamedTuple):
    """Where the configuration is, and which rule found it."""

    path: Path
    rule: Literal["option", "variable", "folder", "user", "shipped"]


def locate(option: Path | None, process: Mapping[str, str], folder: Path) -> Place:
    """The configuration file: `--config`, $GATEWAY_CONFIG, ./config/gateway.yaml, the XDG folder, the shipped one.

    Raises StartError if the first or second names a file that does not exist; the others are only used if they do.
    """
    variable = Environment(process, env_beside(None, folder)).lookup(CONFIG_VARIABLE)
    if option or variable:
        named = folder / (option or Path(str(variable)).expanduser())
        if not named.is_file():
            says = "" if option else f" (from ${CONFIG_VARIABLE})"
            raise StartError(f"{named}{says} is not a file: correct the path, or leave it out.", exit_code=78)
        return Place(named, "option" if option else "variable")
    here = folder / "config" / "gateway.yaml"
    if here.is_file():
        return Place(here, "folder")
    own = _xdg(process, "XDG_CONFIG_HOME", ".config") / NAME / "gateway.yaml"
    if own.is_file():
        return Place(own, "user")
    return Place(shipped("config") / "gateway.yaml", "shipped")


def env_beside(config: Path | None, folder: Path) -> Path | None:
    """The `.env` that counts: beside the YAML, else in the working directory, else none."""
    found = [*([config.parent / ".env"] if config else []), folder / ".env"]
    return next((path for path in found if path.is_file()), None)


def snapshot_folder(directory: str, place: Place, process: Mapping[str, str]) -> Path:
    """Where the state is kept: `directory` beside a folder called `config`, else in the XDG state folder.

    An absolute `directory` is taken as it is. The shipped file belongs to the installation, which may be read-only
    or shared, so nothing is kept beside it.
    """
    wanted = Path(directory).expanduser()
    if wanted.is_absolute():
        return wanted
    if place.rule != "shipped" and place.path.absolute().parent.name == "config":
        return place.path.absolute().parent.parent / wanted
    return _xdg(process, "XDG_STATE_HOME", ".local/state") / NAME / wanted


def shipped(name: Literal["config", "web"]) -> Path:
    """A folder that travels with the program: of the checkout it runs from, else inside the installed package."""
    package = Path(__file__).parent
    checkout = package.parent
    # Without the second test, a folder called `config` that some other package left in site-packages would do.
    if (checkout / name).is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / name
    return package / "_shipped" / name


def _xdg(process: Mapping[str, str], variable: str, default: str) -> Path:
    """A base directory of the XDG specification; a relative one is to be ignored, it says."""
    written = Path(process.get(variable, ""))
    return written if written.is_absolute() else Path(process.get("HOME") or "~").expanduser() / default
