"""Reading and compiling the files beside running streams: a small configuration in a thread, a large one in a child.

PyYAML takes 2.5 s for ten thousand models. In a thread that would hold up the event loop by a switch interval, 5 ms,
at every turn; in a process of its own it takes another core, and its memory goes with it.
"""

import asyncio
import gc
import logging
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path

from gateway.configuration import Configuration, Loaded, shipped_prices
from gateway.errors import ConfigError
from gateway.price_list import PriceList
from gateway.tasks import in_steps

from .parcels import pack, unpack

log = logging.getLogger(__name__)

LARGE = 64 * 1024
"""Bytes from which a configuration is read in a child: 0.15 s of a thread."""

_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from gateway.cli.compile import main; main()"


async def load(configuration: Configuration, large: int = LARGE) -> Loaded:
    """What `configuration.load` gives, without holding up the loop. Raises ConfigError as that does."""
    if await asyncio.to_thread(configuration.size) >= large:
        try:
            return await _in_a_child(configuration)
        except (OSError, ValueError) as error:
            log.warning("the configuration is read in this process, for want of another: %s", error)
    return await asyncio.to_thread(configuration.load)


async def _in_a_child(configuration: Configuration) -> Loaded:
    """Raises OSError where no process can be started, ValueError where it did not answer."""
    # Variables only by inheritance: a command line is open to everybody on the machine.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHILD,
        *_search_path(),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=configuration.folder,
        env=configuration.process,
    )
    try:
        parcel, _ = await child.communicate(_question(configuration))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise ValueError(f"it ended with {child.returncode}")
    gc.disable()  # what is unpacked is no garbage, and looking through all of it would take 10 ms
    try:
        found = await in_steps(unpack(parcel, _known()))
    finally:
        gc.enable()
    if isinstance(found, Loaded):
        return found
    if isinstance(found, tuple):
        raise ConfigError(found)
    raise ValueError("it answered something else")


def _search_path() -> list[str]:
    """Where modules are found, whatever folder the child works in."""
    return [str(Path(each).absolute()) for each in sys.path]


def answer(question: bytes, process: Mapping[str, str]) -> bytes:
    """The child's side: what `load` gives, or the problems that it raises, packed. `process` is its environment."""
    place, folder, options = pickle.loads(question)  # noqa: S301 - the parent asks
    configuration = Configuration(place=place, process=process, folder=folder, options=options)
    try:
        loaded = configuration.load()
    except ConfigError as error:
        return pack(error.problems, None, _known())
    return pack(loaded, loaded.catalog, _known())


def _question(configuration: Configuration) -> bytes:
    return pickle.dumps((configuration.place, configuration.folder, configuration.options))


def _known() -> Mapping[str, PriceList]:
    """Both have the shipped prices, and they are large."""
    return {"shipped prices": shipped_prices()}
