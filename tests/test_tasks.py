"""Background work is named, logged when it fails, and gone at the end."""

import asyncio
from collections.abc import Generator

import pytest

from gateway.tasks import Tasks, in_steps


async def test_work_runs_until_it_is_done() -> None:
    """And is forgotten then."""
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async with Tasks() as tasks:
        task = tasks.start("work", work())
        await asyncio.wait_for(done.wait(), 5)
        await task
    assert task.get_name() == "work"


async def test_what_still_runs_is_cancelled_and_awaited() -> None:
    """Its own clean-up has happened when the block is left."""
    began = asyncio.Event()
    cleaned: list[str] = []

    async def work() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append("yes")

    async with Tasks() as tasks:
        tasks.start("work", work())
        await began.wait()
    assert cleaned == ["yes"]


async def test_a_failure_is_logged_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    """With the name of the work and the traceback."""

    async def work() -> None:
        raise ValueError("broken")

    async with Tasks() as tasks:
        task = tasks.start("snapshots", work())
        await asyncio.wait([task])
    assert "background task snapshots ended: it will not run again" in caplog.text
    assert "ValueError: broken" in caplog.text


async def test_between_two_steps_others_have_their_turn() -> None:
    """And what the steps return is there in the end."""
    said: list[str] = []

    def steps() -> Generator[None, None, str]:
        for n in range(3):
            said.append(f"step {n}")
            yield
        return "done"

    async def other() -> None:
        for n in range(3):
            said.append(f"other {n}")
            await asyncio.sleep(0)

    async with Tasks() as tasks:
        tasks.start("other", other())
        assert await in_steps(steps()) == "done"
    assert said == ["step 0", "other 0", "step 1", "other 1", "step 2", "other 2"]
