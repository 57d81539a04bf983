"""`GET /config` and `POST /config/reload`."""

import asyncio
from collections.abc import Sequence

import orjson
import yaml
from aiohttp import web

from gateway.errors import ConfigError, GatewayError, Problem

from .answering import json_answer
from .health import config_errors, config_status
from .keys import CONFIG, STATE
from .masking import mask


class ConfigInvalidError(GatewayError):
    """The file on disk has mistakes; whatever was running stays in force."""

    status = 422
    type = "invalid_request_error"
    code = "config_invalid"

    def __init__(self, problems: Sequence[Problem | str]) -> None:
        listed = "\n".join(map(str, problems))
        super().__init__(f"The configuration is not valid; the previous one stays in force.\n{listed}")


async def get_config(request: web.Request) -> web.StreamResponse:
    """The file, secrets masked: as JSON, or as text if Accept asks for YAML.

    Raises ConfigInvalidError if there is no file, or, for JSON, if it has mistakes.
    """
    try:
        text = await request.app[CONFIG].read()
    except ConfigError as error:
        raise ConfigInvalidError(error.problems) from error
    if "yaml" in request.headers.get("Accept", ""):
        covered = await asyncio.to_thread(mask, text)
        return web.Response(text=covered, content_type="application/yaml")
    # A file that passed the validator is bounded in depth and aliases; any other must not be expanded here.
    if errors := config_errors(request.app[STATE]):
        raise ConfigInvalidError(errors)
    return web.Response(body=await asyncio.to_thread(_as_json, text), content_type="application/json")


def _as_json(text: str) -> bytes:
    try:
        document = yaml.load(mask(text), Loader=yaml.SafeLoader)
        return orjson.dumps(document or {}, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:  # saved a moment ago, not yet judged
        raise ConfigInvalidError(["It has just been changed: ask again in a moment."]) from error


async def post_reload(request: web.Request) -> web.StreamResponse:
    """Read the files now. 200 with what is in force and changed last, or ConfigInvalidError with every mistake."""
    try:
        await request.app[CONFIG].reload()
    except ConfigError as error:
        raise ConfigInvalidError(error.problems) from error
    state = request.app[STATE]
    told = state.config.differences
    return json_answer({"ok": True, "config": config_status(state), "changes": told.lines, "more": told.more})
