"""What stands above everything else."""

from gateway.catalog.differences import Differences
from gateway.clock import Moment
from gateway.errors import Problem
from gateway.limits.ledger import Ledger
from gateway.limits.terms import Need
from gateway.server.banner import Changed, Excerpt, banner, changed, warn
from gateway.server.bars import Bar, bar

from .test_bars import NOW, meter

WRONG = Problem("g.yaml", 31, 7, "unknown key 'requests_per_min'", "      requests_per_min: 30\n      ^^^^^^^^^^^^^^^^")


def filled(name: str, used: int, now: Moment = NOW) -> Bar:
    """A limit of 100 of which so much is used."""
    of, ledger = meter(name), Ledger()
    ledger.settle(ledger.reserve([of], Need(0), now), Need(used, used), now)
    return bar(of, ledger, now)


def test_refused_configuration_is_told_in_full() -> None:
    """How many errors, what is in force instead, each with its line and carets."""
    found = banner("g.yaml", [WRONG], "14:02:11")
    assert found
    assert found.title == "g.yaml was not reloaded: 1 error"
    assert found.text.startswith("Still serving the version loaded at 14:02:11; nothing was dropped.")
    assert found.excerpts == (
        Excerpt(
            number="31",
            line="      requests_per_min: 30",
            caret="      ^^^^^^^^^^^^^^^^",
            message="unknown key 'requests_per_min'",
            place="g.yaml:31:7",
        ),
    )


def test_warnings_refuse_nothing() -> None:
    """A file that came in force has no banner."""
    assert banner("g.yaml", [Problem("g.yaml", 1, 1, "has no limits", warning=True)], "") is None


def test_many_errors_are_counted_and_five_shown() -> None:
    """The page stays a page."""
    found = banner("g.yaml", [WRONG] * 8, "")
    assert found
    assert (found.title, len(found.excerpts), found.more) == ("g.yaml was not reloaded: 8 errors", 5, 3)


def test_a_file_that_cannot_be_read_has_no_line() -> None:
    """Only the file and what is wrong."""
    found = banner("g.yaml", [Problem("g.yaml", 0, 0, "cannot be read: Permission denied")], "")
    assert found
    assert found.excerpts[0] == Excerpt(
        number="", line="", caret="", message="cannot be read: Permission denied", place="g.yaml"
    )


def test_what_the_last_reload_changed() -> None:
    """When, how much, and line by line as far as they are kept; nothing before the first."""
    assert changed(None, Differences(), "UTC", 0.0) is None
    at, differences = 1_795_185_150.0, Differences(lines=("groq grade 1 -> 2",), more=2)
    found = changed(at, differences, "UTC", at + 600)
    title = "Configuration reloaded at 14:32:30: 3 changes"
    assert found == Changed(title=title, lines=("groq grade 1 -> 2",), more=2, fresh=True)
    later = changed(at, differences, "UTC", at + 601)
    assert later
    assert not later.fresh


def test_a_limit_past_90_per_cent_is_one_line() -> None:
    """The fullest one, by name, with its numbers and when it ends."""
    found = warn([filled("requests_per_day", 94), filled("tokens_per_month", 30)])
    assert found
    assert found.title == "groq: requests/day at 94 %"
    assert found.text == "94 of 100; resets 00:00 UTC, in 9 h 28 m."


def test_others_past_90_per_cent_are_counted() -> None:
    """One line, whatever happens."""
    found = warn([filled("requests_per_day", 91), filled("tokens_per_month", 100), filled("requests_per_hour", 95)])
    assert found
    assert found.title == "groq: tokens/month at 100 %"
    assert found.text.endswith("And 2 other limits past 90 %.")


def test_no_line_while_there_is_room() -> None:
    """Nor for a limit of a second, or one that is zero on purpose."""
    assert warn([filled("requests_per_day", 89), filled("requests_per_second", 100)]) is None
    nothing = bar(meter(amount=0), Ledger(), NOW)
    assert warn([nothing]) is None
