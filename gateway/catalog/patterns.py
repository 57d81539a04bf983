"""Regular expressions out of the YAML: compiled, and none that could hang a request.

Names of models are short, so what is left to fear is a repeat inside a repeat, which takes exponential time.
"""

import re
import warnings

MOST_CHARACTERS = 200
MOST_REPEATS = 3
"""Each further one multiplies the time by the length of a name."""

_PIECES = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?:[a-zA-Z-]*[:)]|.)|(?:[*+?]|\{[0-9]*,?[0-9]*\})[?+]?|.", re.DOTALL
)
"""An expression in pieces: escapes and sets as wholes, beginnings of groups, repeats with their mood, anything else."""


def pattern(text: str) -> re.Pattern[str]:
    """The expression, ignoring case. Raises ValueError, in words, for a broken or a dangerous one."""
    if not text:
        raise ValueError("an empty expression fits every name")
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"is longer than {MOST_CHARACTERS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python may read otherwise: `[[`
            found = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        at = getattr(error, "pos", None)
        where = "" if at is None else f" at character {at + 1}"
        raise ValueError(f"is no regular expression: {getattr(error, 'msg', 'out of bounds')}{where}") from None
    _refuse_slow(text)
    return found


def _refuse_slow(text: str) -> None:
    """Raises ValueError for a group that is repeated and repeats or branches inside, and for too many repeats."""
    branching = [False]
    """Of each group that is open, the outermost first: whether it can match in more than one way."""
    closed = False
    """Whether the piece before closed such a group."""
    repeats = 0
    for piece in _PIECES.findall(text):
        after_group, closed = closed, False
        if piece in ("(", "(?:") or (piece.startswith("(?") and piece.endswith(":")):
            branching.append(False)
        elif (piece.startswith("(?") and not piece.endswith(")")) or re.fullmatch(r"\\[1-9]", piece):
            raise ValueError("may not use back references, look-around or named groups")
        elif piece == ")":
            closed = branching.pop()
            branching[-1] |= closed
        elif piece == "|":
            branching[-1] = True
        elif piece[0] in "*+?" or (piece[0] == "{" and len(piece) > 1):
            if after_group and piece[0] != "?":
                raise ValueError("repeats a group that repeats or branches itself, which can take for ever")
            branching[-1] = True
            repeats += 1
    if repeats > MOST_REPEATS:
        raise ValueError(f"has more than {MOST_REPEATS} repeats (* + ? and braces)")
