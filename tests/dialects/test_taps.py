"""Rules of gateway/dialects/taps.py."""

import pytest

from gateway.dialects import sse
from gateway.dialects.taps import UsageTap
from gateway.records import Usage

CONTENT = b'data: {"choices":[{"delta":{"content":"1234"},"finish_reason":null}],"usage":null}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"cost":0.0001}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = (
    b'\n{\n "choices": [{"message": {"content": "12345678"}, "finish_reason": "stop"}],\n\n'
    b' "usage": {"prompt_tokens": 9, "completion_tokens": 3}\n}'
)


def tap_of(*pieces: bytes) -> UsageTap:
    """A tap that has seen these pieces to their end."""
    tap = UsageTap()
    for piece in pieces:
        tap.feed(piece)
    tap.finish()
    return tap


def test_a_stream_cut_at_every_byte() -> None:
    """Usage, text and end are seen wherever the pieces end."""
    stream = b": hm\n\n" + CONTENT + CONTENT + STOP + USAGE + DONE
    for cut in range(len(stream)):
        tap = tap_of(stream[:cut], stream[cut:])
        assert tap.usage == Usage(9, 3, cost_nanousd=100_000)
        assert (tap.relayed, tap.finished, tap.failed) == (2, True, False)


def test_a_whole_body_cut_at_every_byte() -> None:
    """Pretty printed too, where lines mean nothing."""
    for cut in range(len(WHOLE)):
        tap = tap_of(WHOLE[:cut], WHOLE[cut:])
        assert tap.usage == Usage(9, 3)
        assert (tap.relayed, tap.finished, tap.failed) == (2, True, False)


def test_usage_is_known_as_soon_as_it_is_seen() -> None:
    """Not only at the end: the client may leave before."""
    tap = UsageTap()
    tap.feed(CONTENT)
    assert (tap.usage, tap.relayed, tap.finished) == (None, 1, False)
    tap.feed(USAGE)
    assert tap.usage == Usage(9, 3, cost_nanousd=100_000)


def test_without_a_report_the_estimate_counts() -> None:
    """Expected input and what was relayed, each by what it comes to, and 5 % more, rounded up."""
    tap = tap_of(CONTENT * 10)
    assert (tap.usage, tap.estimate(100)) == (None, Usage(105, 11, estimated=True))
    assert tap.estimate(110.5, 2.0) == Usage(117, 21, estimated=True)


@pytest.mark.parametrize(
    ("stream", "relayed"),
    [
        pytest.param(b'data: {"choices":[{"delta":{"reasoning_content":"1234"}}]}\n\n', 1, id="reasoning"),
        pytest.param(
            b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\\"a\\": 1}"}}]}}]}\n\n',
            2,
            id="tool call",
        ),
        pytest.param('data: {"choices":[{"delta":{"content":"你好"}}]}\n\n'.encode(), 2, id="Chinese"),
        pytest.param(b'data: {"choices":[{"delta":{"content":"\\u4f60\\u597d"}}]}\n\n', 2, id="in escapes"),
        pytest.param(b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n', 0, id="role only"),
        pytest.param(b'data: {"id":"1234","model":"12345678","choices":[]}\n\n', 0, id="frame"),
        pytest.param(b'data: {"choices":[{"delta":{"content":"1234', 0, id="broken off"),
    ],
)
def test_relayed(stream: bytes, relayed: int) -> None:
    """What a model wrote is counted, what frames it is not."""
    assert tap_of(stream).relayed == relayed


@pytest.mark.parametrize(
    ("stream", "finished"),
    [
        pytest.param(CONTENT, False, id="only content"),
        pytest.param(STOP, True, id="finish reason"),
        pytest.param(DONE, True, id="DONE"),
        pytest.param(STOP.rstrip(), True, id="without a blank line"),
        pytest.param(
            b'data: {"choices":[{"delta":{"content":"data: [DONE] \\"finish_reason\\":\\"x\\""}}]}\n\n',
            False,
            id="talk",
        ),
    ],
)
def test_finished(stream: bytes, finished: bool) -> None:
    """Whether a stream that ends here is complete."""
    assert tap_of(stream).finished is finished


@pytest.mark.parametrize(
    ("stream", "cut"),
    [
        pytest.param(STOP, False, id="ended by itself"),
        pytest.param(STOP.replace(b"stop", b"length"), True, id="OpenAI's word"),
        pytest.param(STOP.replace(b"stop", b"max_tokens"), True, id="Anthropic's"),
        pytest.param(STOP.replace(b"stop", b"MAX_TOKENS"), True, id="Google's"),
        pytest.param(WHOLE.replace(b"stop", b"length"), True, id="whole body"),
        pytest.param(STOP.replace(b'"stop"', b'"x", "y": "length"'), False, id="elsewhere"),
    ],
)
def test_cut(stream: bytes, cut: bool) -> None:
    """Whether it ended because it was as long as it was allowed to be."""
    assert tap_of(stream).cut is cut


@pytest.mark.parametrize(
    ("stream", "failed"),
    [
        pytest.param(b'data: {"error":{"message":"x"},"choices":[]}\n\n', True, id="error"),
        pytest.param(b'{"error": {"message": "x"}}', True, id="whole body"),
        pytest.param(b'data: {"choices":[{"error":{"x":1}}]}\n\n', False, id="somewhere inside"),
        pytest.param(b'data: {"error":null,"choices":[]}\n\n', False, id="null"),
        pytest.param(b'data: {"error":{"oops\n\n', False, id="noise"),
        pytest.param(b"<html>", False, id="HTML"),
        pytest.param(b"[1]", False, id="a list"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b" \n", False, id="blank"),
    ],
)
def test_failed(stream: bytes, failed: bool) -> None:
    """Whether an error came on the way."""
    assert tap_of(stream).failed is failed


def test_a_huge_event_is_given_up_for_reading_only() -> None:
    """What comes after it is seen as ever."""
    huge = b'data: {"choices":[{"delta":{"images":["' + b"A" * 2 * sse.MAX_EVENT + b'"]}}]}\n\n'
    stream = CONTENT + huge + USAGE
    pieces = [stream[at : at + 60_000] for at in range(0, len(stream), 60_000)]
    assert tap_of(*pieces).usage == Usage(9, 3, cost_nanousd=100_000)
