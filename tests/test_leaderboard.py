"""Names of models and rows of the leaderboard: what is one model, and what must not be taken for another."""

from datetime import date

import pytest

from gateway.leaderboard import Leaderboard, Row, model_words, read_board, words
from gateway.settings import shipped

SHIPPED = read_board((shipped("config") / "leaderboard.json").read_bytes())
BOARD = Leaderboard(SHIPPED.rows)


def mean(name: str) -> float | None:
    """What a row of the shipped file says."""
    return SHIPPED.rows[name].percent


@pytest.mark.parametrize(
    ("name", "row"),
    [
        pytest.param("GPT-4o-2024-11-20", "GPT-4o-2024-11-20", id="as it is written"),
        pytest.param("gpt-4o-2024-05-13", "GPT-4o-2024-05-13", id="an older day"),
        pytest.param("gpt-4o", "GPT-4o-2024-11-20", id="no day: the newest"),
        pytest.param("gpt-4o-2024-08-06", "GPT-4o-2024-11-20", id="a day without a row"),
        pytest.param("openai/gpt-4o-mini", "GPT-4o-mini-2024-07-18", id="mini is another model"),
        pytest.param("llama-3.3-70b-versatile", "Llama-3.3-70B-Instruct", id="Groq"),
        pytest.param("llama-3.1-8b-instant", "Llama-3.1-8B-Instruct", id="Groq, the small one"),
        pytest.param("llama3.3", None, id="no size, no row"),
        pytest.param("llama3.1-8b", "Llama-3.1-8B-Instruct", id="Cerebras"),
        pytest.param("llama3.1:8b", "Llama-3.1-8B-Instruct", id="Ollama"),
        pytest.param("meta-llama/llama-3.3-70b-instruct:free", "Llama-3.3-70B-Instruct", id="OpenRouter"),
        pytest.param("meta-llama/Meta-Llama-3.1-70B-Instruct", "Llama-3.1-70B-Instruct", id="Hugging Face"),
        pytest.param("qwen/qwen-2.5-coder-32b-instruct", "Qwen2.5-Coder-32B-Instruct", id="a hyphen more"),
        pytest.param("google/gemma-2-9b-it", "Gemma-2-9B-Instruct", id="it chats"),
        pytest.param("anthropic/claude-3.5-haiku", "Claude-3.5-Haiku-20241022", id="a vendor and no day"),
        pytest.param("claude-3-5-sonnet-20240620", "Claude-3.5-Sonnet-20240620", id="points as hyphens"),
        pytest.param("claude-3-5-sonnet-20241022", "Claude-3.5-Sonnet-20241022", id="a day of its own"),
        pytest.param("command-r-plus", "Command R+", id="a plus"),
        pytest.param("command-r-08-2024", "C4AI-Command-R-08-2024", id="a vendor in front"),
        pytest.param("deepseek-v2", "DeepSeek-V2-Chat (2024-06-28)", id="of two rows the newer"),
        pytest.param("mistral-7b-instruct-v0.3", "Mistral-7B-Instruct-v0.3", id="a chat model beside its base"),
        pytest.param("mistral-7b-v0.3", "Mistral-7B-v0.3", id="the base itself"),
        pytest.param("yi-1.5-9b-hf", "Yi-1.5-9B-Chat", id="who chats goes first"),
        pytest.param("phi-4", "Phi-4", id="short"),
        pytest.param("deepseek-v3.1", None, id="another version"),
        pytest.param("gpt-4", None, id="GPT-4-0613 is one of several"),
        pytest.param("mistral-large-latest", None, id="latest is a moving one"),
        pytest.param("mistral-large-2512", None, id="another month is another model"),
        pytest.param("gpt-4o-mini-audio", None, id="a word more"),
        pytest.param("gemini-2.0-flash", None, id="a word less"),
        pytest.param("instruct", None, id="nothing but how it is served"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_which_row_a_name_means(name: str, row: str | None) -> None:
    """By its words, never by likeness: no row is better than another model's."""
    assert BOARD.percent(name) == (None if row is None else mean(row))


def test_the_first_name_with_a_row_counts() -> None:
    """The name at the provider goes before our own."""
    assert BOARD.percent("mine", "phi-4") == mean("Phi-4")
    assert BOARD.percent("gpt-4o-mini", "phi-4") == mean("GPT-4o-mini-2024-07-18")
    assert BOARD.percent() is None


@pytest.mark.parametrize(
    ("row", "percent"),
    [
        (Row(instruct=48.0, complete=58.0), 53.0),
        (Row(complete=40.0), 40.0),
        (Row(instruct=30.0), 30.0),
        (Row(), None),
    ],
)
def test_a_row_is_worth_the_mean_of_what_was_measured(row: Row, percent: float | None) -> None:
    """A row without a score is none."""
    assert row.percent == percent
    assert Leaderboard({"m": row}).percent("m") == percent


def test_two_of_one_content_are_one() -> None:
    """So that a configuration that is read again is the same, unless a newer leaderboard came."""
    rows = {"m": Row(instruct=50.0)}
    assert Leaderboard(rows, "list") == Leaderboard(dict(rows), "list")
    assert Leaderboard(rows, "list") != Leaderboard(rows, "fetched")
    assert Leaderboard(rows) != Leaderboard({"m": Row(instruct=51.0)})
    assert Leaderboard(rows) != rows
    assert Leaderboard(rows).count == 1


def test_words_are_cut_at_punctuation_and_before_numbers() -> None:
    """So that spellings of one name are one."""
    assert words("Qwen/Qwen2.5_Coder-32B (w/ Reasoning):free") == ("reasoning",)
    assert words("Mixtral-8x22B-Instruct (x)") == ("mixtral", "8x22b", "instruct")
    assert model_words("Mixtral-8x22B-Instruct") == ("mixtral", "8x22b")
    assert model_words("meta") == ("meta",)


def test_the_shipped_file() -> None:
    """Every row has a score and a day; its source and the day it was read stand above."""
    assert SHIPPED.source == "https://bigcode-bench.github.io/results.json"
    assert SHIPPED.read >= date(2026, 11, 21)
    assert len(SHIPPED.rows) >= 150
    assert [name for name, row in SHIPPED.rows.items() if row.percent is None or len(row.date) != 10] == []
    assert (SHIPPED.rows["DeepSeek-V3"].instruct, SHIPPED.rows["DeepSeek-V3"].complete) == (50.0, 62.2)


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b'{"source": "s", "read": "2026-01-01", "rows": {"m": 1}}'])
def test_what_is_no_board(text: bytes) -> None:
    """The file was damaged, or is another one."""
    with pytest.raises(ValueError, match="no leaderboard"):
        read_board(text)
