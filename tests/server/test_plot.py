"""The chart of the usage page, with its labels."""

import pytest

from gateway.server.historical import METRICS, Metric
from gateway.server.plot import LABELS
from tests.pages.days import busy

from .test_past import shown, with_requests


@pytest.mark.parametrize(
    ("window", "title", "told", "first"),
    [
        ("1m", "Requests per second", "14:31:31 to 14:32:30 UTC", "14:31:31"),
        ("5m", "Requests per 5 seconds", "14:27:35 to 14:32:30 UTC", "14:27:35"),
        ("30m", "Requests per minute", "14:03 to 14:32 UTC", "14:03"),
        ("24h", "Requests per 15 minutes", "19 Nov 14:45 to 20 Nov 14:32 UTC", "14:45"),
        ("7d", "Requests per hour", "13 Nov 15:00 to 20 Nov 14:32 UTC", "13 Nov"),
        ("30d", "Requests per day", "22 Oct to 20 Nov, days in UTC", "22 Oct"),
    ],
)
def test_windows_say_what_they_are(window: str, title: str, told: str, first: str) -> None:
    """Step, beginning and end, and six labels under the chart."""
    found = shown(with_requests("groq/a"), window)
    assert (found.title, found.range, found.plot.x[0], len(found.plot.x)) == (title, told, first, LABELS)


@pytest.mark.parametrize(
    ("metric", "heights"),
    [
        ("requests", ("4", "3", "2", "1", "0")),
        ("tokens", ("80", "60", "40", "20", "0")),
        ("cost", ("$0.0020", "$0.0015", "$0.0010", "$0.00050", "$0")),
        ("errors", ("4", "3", "2", "1", "0")),
        ("latency", ("100 ms", "75 ms", "50 ms", "25 ms", "0")),
    ],
)
def test_heights_are_in_the_unit_of_the_metric(metric: Metric, heights: tuple[str, ...]) -> None:
    """From the upper edge to the ground."""
    assert shown(with_requests("groq/a", "groq/a", "openai/b"), metric=metric).plot.y == heights


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_drawn(metric: Metric) -> None:
    """Also on a busy day, and whatever it is told apart by."""
    for by in ("provider", "model", "client"):
        assert shown(busy(), by=by, metric=metric).plot.paths
