import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import FakeClock
from gateway.errors import Problem
from gateway.storage import config_file
from gateway.storage.config_file import Change, Watch, changes
from tests import saving
from tests.saving import Save

BEFORE = b"server: {port: 3000}\n"
AFTER = b"server: {port: 4000}\n"
LATER = b"server: {port: 5000}\n"


def bare(change: Change) -> Change:
    """Without the digest, which has a test of its own."""
    return replace(change, digest="")


class Desk:
    """A folder with a watched YAML and `.env`, and a clock in steps of the poll."""

    def __init__(self, folder: Path) -> None:
        self.yaml = folder / "gateway.yaml"
        self.env = folder / ".env"
        self.yaml.write_bytes(BEFORE)
        self.boot = 1000.0
        self.watch = Watch([self.yaml, self.env])
        assert self.polls(4) == []

    def polls(self, count: int) -> list[Change]:
        """What that many polls, a quarter of a second apart, report."""
        found: list[Change] = []
        for _ in range(count):
            self.boot += 0.25
            if change := self.watch.poll(self.boot):
                found.append(bare(change))
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("save", saving.WAYS, ids=lambda save: save.__name__)
def test_every_way_of_saving_is_one_change_within_three_polls(desk: Desk, save: Save) -> None:
    """Three polls are 0.75 s: half of what a save may take until it is live. Twice, as the second may find a link."""
    for content in (AFTER, BEFORE):
        save(desk.yaml, content, 0)
        assert desk.polls(3) == [Change(changed=(desk.yaml,))]
        assert desk.polls(20) == []


@pytest.mark.parametrize("first", saving.WAYS, ids=lambda save: save.__name__)
@pytest.mark.parametrize("second", saving.WAYS, ids=lambda save: save.__name__)
def test_two_saves_in_a_row_end_with_the_second(desk: Desk, first: Save, second: Save) -> None:
    """However they are done, and wherever the look between them falls."""
    first(desk.yaml, AFTER, 0)
    assert desk.polls(1) == []
    second(desk.yaml, LATER, 0)
    assert desk.polls(4) == [Change(changed=(desk.yaml,))]
    assert desk.polls(8) == []


@pytest.mark.parametrize("pieces", [2, 5], ids=["two halves", "five pieces"])
def test_a_save_in_pieces_is_one_change(desk: Desk, pieces: int) -> None:
    """Pauses are under 0.4 s; each piece seen begins the wait anew."""
    desk.yaml.write_bytes(b"")
    for piece in range(pieces):
        assert desk.polls(1) == []
        with desk.yaml.open("ab") as file:
            file.write(b"# %d\n" % piece)
    assert desk.polls(3) == [Change(changed=(desk.yaml,))]


def test_a_change_is_read_twice(desk: Desk) -> None:
    """A write that leaves size and every time as they are shows in the second reading at the latest."""
    desk.yaml.write_bytes(b"half")
    assert desk.polls(1) == []
    desk.watch._marks = ()  # as if the file had changed within the same tick of its clock
    desk.yaml.write_bytes(AFTER)
    assert desk.polls(2) == []
    assert desk.polls(2) == [Change(changed=(desk.yaml,))]


def test_a_save_just_after_the_first_reading_is_seen(tmp_path: Path) -> None:
    """Within one tick of the file system's clock `stat` looks the same, so the beginning is read again."""
    yaml = tmp_path / "gateway.yaml"
    yaml.write_bytes(BEFORE)
    watch = Watch([yaml])
    yaml.write_bytes(AFTER)
    watch._marks = watch._stat()
    assert [watch.poll(boot) for boot in (1.0, 1.25)] == [None, None]
    change = watch.poll(1.5)
    assert change
    assert bare(change) == Change(changed=(yaml,))


def test_touching_or_saving_the_same_is_no_change(desk: Desk) -> None:
    """Content decides: CI and `touch` reload nothing."""
    desk.yaml.touch()
    assert desk.polls(8) == []
    desk.yaml.write_bytes(BEFORE)
    assert desk.polls(8) == []


def test_touching_a_file_that_is_coming_to_rest_neither_hastens_nor_delays_it(desk: Desk) -> None:
    """Only content begins the wait anew."""
    desk.yaml.write_bytes(AFTER)
    assert desk.polls(1) == []
    os.utime(desk.yaml, ns=(1, 1))
    assert desk.polls(1) == []
    assert desk.polls(1) == [Change(changed=(desk.yaml,))]


def test_there_and_back_within_the_wait_is_no_change(desk: Desk) -> None:
    """Saved and undone at once."""
    desk.yaml.write_bytes(AFTER)
    assert desk.polls(1) == []
    desk.yaml.write_bytes(BEFORE)
    assert desk.polls(8) == []


def test_both_files_saved_together_are_one_change(desk: Desk) -> None:
    """A deployment writes YAML and `.env`: compiling in between would name an unset variable."""
    desk.yaml.write_bytes(AFTER)
    assert desk.polls(1) == []
    desk.env.write_bytes(b"KEY=1\n")
    assert desk.polls(4) == [Change(changed=(desk.yaml, desk.env))]


def test_the_other_files_come_and_go(desk: Desk) -> None:
    """`.env` is optional: appearing, changing and going are changes without a problem."""
    for content in (b"KEY=1\n", b"KEY=2\n", b"", None):
        if content is None:
            desk.env.unlink()
        else:
            desk.env.write_bytes(content)
        assert desk.polls(4) == [Change(changed=(desk.env,))]


def gone(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def blank(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf \r\n\n")


def huge(path: Path) -> None:
    os.truncate(path, 16 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("break_it", "fault"),
    [
        (gone, "is gone"),
        (folder, "is not a file"),
        (pipe, "is not a file"),
        (loop, "cannot be read (Too many levels of symbolic links)"),
        (emptied, "is empty"),
        (blank, "is empty"),
        (huge, "is larger than 16 MB"),
    ],
    ids=["gone", "folder", "pipe", "symlink loop", "emptied", "blank", "huge"],
)
def test_a_file_that_cannot_be_read_is_a_problem_until_it_is_back(
    desk: Desk, break_it: Callable[[Path], None], fault: str
) -> None:
    """The same content coming back is a change too: it takes the problem away."""
    break_it(desk.yaml)
    problem = Problem(str(desk.yaml), 0, 0, f"{fault}: the configuration in force stays")
    assert desk.polls(4) == [Change(changed=(desk.yaml,), problems=(problem,))]
    assert desk.polls(4) == []
    if desk.yaml.is_dir():
        desk.yaml.rmdir()
    saving.rename(desk.yaml, AFTER, 0)
    desk.yaml.write_bytes(BEFORE)
    assert desk.polls(4) == [Change(changed=(desk.yaml,))]


def test_a_problem_of_another_file_is_told_with_each_change(desk: Desk) -> None:
    """`.env` may be missing, but one that is a folder is a mistake, whatever else was saved."""
    desk.env.mkdir()
    desk.yaml.write_bytes(AFTER)
    problem = Problem(str(desk.env), 0, 0, "is not a file: the configuration in force stays")
    assert desk.polls(4) == [Change(changed=(desk.yaml, desk.env), problems=(problem,))]
    desk.yaml.write_bytes(BEFORE)
    assert desk.polls(4) == [Change(changed=(desk.yaml,), problems=(problem,))]


def test_a_disk_that_fails_while_reading_is_a_problem(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO in the middle of the file."""

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    desk.yaml.write_bytes(AFTER)
    monkeypatch.setattr(os, "read", fail)
    (change,) = desk.polls(4)
    assert change.problems[0].message == "cannot be read (Input/output error): the configuration in force stays"


def test_a_vanishing_folder_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    """Mounts go away."""
    folder = tmp_path / "config"
    folder.mkdir()
    desk = Desk(folder)
    desk.yaml.unlink()
    folder.rmdir()
    folder.touch()
    (change,) = desk.polls(4)
    assert change.problems[0].message == "cannot be read (Not a directory): the configuration in force stays"


async def test_the_loop_gives_each_change(desk: Desk, clock: FakeClock) -> None:
    """It waits `interval_s` between two looks and takes boot time: a wall clock that jumps changes nothing."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds)
        clock.jump(-3600)
        if len(waits) == 2:
            desk.yaml.write_bytes(AFTER)

    stream: AsyncIterator[Change] = changes(desk.watch, clock, sleep=sleep)
    assert bare(await anext(stream)) == Change(changed=(desk.yaml,))
    assert waits == [0.25] * 4


def test_a_change_says_what_came_to_rest(desk: Desk) -> None:
    """Whoever reads the file later can tell whether it is still that."""
    desk.yaml.write_bytes(AFTER)
    assert [desk.watch.poll(desk.boot + 1), desk.watch.poll(desk.boot + 1.1)] == [None, None]
    change = desk.watch.poll(desk.boot + 2)
    assert change
    assert change.digest == hashlib.sha256(AFTER).hexdigest()
    desk.yaml.unlink()
    assert desk.watch.poll(desk.boot + 3) is None
    gone_now = desk.watch.poll(desk.boot + 4)
    assert gone_now
    assert gone_now.digest == ""


def test_what_could_not_be_followed_is_told_again(desk: Desk) -> None:
    """Even if it comes to rest as it was before."""
    desk.yaml.write_bytes(AFTER)
    assert desk.polls(4) == [Change(changed=(desk.yaml,))]
    desk.watch.again()
    assert desk.polls(4) == [Change(changed=(desk.yaml, desk.env))]
    assert desk.polls(8) == []


def test_the_figures_of_the_contract() -> None:
    """Live within 1.5 s of a save, pauses under 0.4 s inside one."""
    assert config_file.INTERVAL_S + config_file.SETTLE_S + config_file.INTERVAL_S < 1.5
    assert config_file.SETTLE_S > 0.4
