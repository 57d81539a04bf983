"""What is learned of models and their callers: lengths of answers, real input per estimated one, and their pace.

Per model, and per (model, client) as its child; a request uses the child. Learned from answers that ended by
themselves and reported their usage: whatever else happened says nothing about lengths.
"""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Mapping
from math import inf, isfinite, sqrt
from typing import Any

import msgspec
from msgspec import Struct

from .histogram import Histogram

MOST = 1024
"""Models, and (model, client) pairs, that are remembered. The one that was longest of no use makes room."""

_CHILD_WEIGHT = 8.0
"""Answers that a model's past is worth to a client that it does not know."""
_MOST_RATIOS = 200.0
_RATIOS_SEEN = 256
_CAREFUL_RATIO = 1.25
_FADING = 0.02
"""What one answer takes off the pace of those before it."""


class Ended(Struct, frozen=True, kw_only=True):
    """An answer that ended by itself, and said what it took."""

    estimate: int
    """Input tokens, as they were estimated."""
    input: int
    output: int
    """Tokens as reported, of one choice."""
    cut: bool
    """It was as long as it was allowed to be: it would have become longer."""
    seen: int = 0
    """Output tokens, as estimated from the text that went by; 0 if there was none to see."""
    first_s: float | None = None
    """Seconds to its first content; None if it came as a whole."""
    duration_s: float = 0.0


class Ratio(Struct):
    """Reported input / estimated input: how far off the estimates of one client are for one model."""

    mean: float = 1.1
    var: float = 0.15**2
    n: float = 2.0

    def add(self, ratio: float) -> None:
        """One more. The mean of the last 200 or so."""
        self.n = min(self.n + 1, _MOST_RATIOS)
        off = ratio - self.mean
        self.mean += off / self.n
        self.var += (off * off - self.var) / self.n


class Pace(Struct):
    """How a model speaks: fading sums, which one odd answer hardly moves. At first 60 tokens a second, after one."""

    first_s: float = 1.0
    tokens: float = 600.0
    speaking_s: float = 10.0
    reported: float = 600.0
    seen: float = 600.0
    n: int = 0
    """Answers that it was learned from."""

    def add(self, ended: Ended) -> None:
        """One more answer."""
        self.n += 1
        if ended.first_s is not None:
            self.first_s += max(_FADING, 1 / self.n) * (ended.first_s - self.first_s)
        speaking_s = ended.duration_s - (self.first_s if ended.first_s is None else ended.first_s)
        if speaking_s > 0:
            self.tokens += ended.output - _FADING * self.tokens
            self.speaking_s += speaking_s - _FADING * self.speaking_s
        if ended.seen:
            self.reported += ended.output - _FADING * self.reported
            self.seen += ended.seen - _FADING * self.seen

    @property
    def tokens_per_s(self) -> float:
        """Output tokens a second, after the first; at least one."""
        return max(1.0, self.tokens / self.speaking_s)

    @property
    def per_seen(self) -> float:
        """Reported output tokens for each one that was estimated from the text that went by."""
        return self.reported / self.seen


class Model:
    """What is known of one model, whoever asks."""

    __slots__ = ("_ratios", "highest", "pace", "unknown_client")

    def __init__(self, lengths: Histogram, ratio: Ratio, pace: Pace, ratios: tuple[float, ...] = ()) -> None:
        self.pace = pace
        self._ratios = deque(ratios, _RATIOS_SEEN)
        self.unknown_client = Past(self, lengths, ratio, _CHILD_WEIGHT)
        self._find_highest()

    @property
    def lengths(self) -> Histogram:
        """Of all its answers."""
        return self.unknown_client.lengths

    def add(self, ended: Ended) -> None:
        """One more answer."""
        self.unknown_client.add(ended)
        self.pace.add(ended)
        if ended.estimate and ended.input:
            self._ratios.append(ended.input / ended.estimate)
            self._find_highest()

    def dump(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            **_dumped(self.unknown_client),
            "pace": msgspec.to_builtins(self.pace),
            "ratios": [round(ratio, 4) for ratio in self._ratios],
        }

    def _find_highest(self) -> None:
        known = max(self._ratios, default=0.0)
        self.highest = known if len(self._ratios) == _RATIOS_SEEN else max(_CAREFUL_RATIO, known)
        """Reported / estimated input, the largest of the last 256: what `strict` holds by."""


class Past:
    """What is known of one client's requests to one model: what forecasts are read from."""

    __slots__ = ("_most", "doubt", "lengths", "long", "longest", "model", "ratio", "weight")

    def __init__(self, model: Model, lengths: Histogram, ratio: Ratio, most: float = inf) -> None:
        self.model = model
        self.lengths = lengths
        self.ratio = ratio
        self._most = most
        self._weigh()

    def add(self, ended: Ended) -> None:
        """One more answer."""
        # What was cut counts as what it would have become, or a client with small bounds makes the model look terse.
        self.lengths.add(self.lengths.moments(ended.output)[0] if ended.cut else ended.output)
        if ended.estimate and ended.input:
            self.ratio.add(ended.input / ended.estimate)
        self._weigh()

    def _weigh(self) -> None:
        self.weight = max(1.0, min(self.lengths.weight, self._most))
        """Answers that the lengths are worth, at least one."""
        self.doubt = sqrt(self.ratio.var / self.ratio.n)
        """How far the mean of the ratios may be off."""
        self.long = self.lengths.quantile(0.9)
        """Output tokens that one answer in ten exceeds."""
        self.longest = self.lengths.quantile(0.99)
        """Output tokens that one answer in a hundred exceeds."""


class Learned:
    """Everything that was learned, by model and client."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}
        self._children: dict[tuple[str, str], Past] = {}
        self._nothing = _new_model()

    def past(self, model: str, client: str) -> Past:
        """What to expect of `client`'s next request to `model`: its own past, else the model's, else anyone's."""
        return self._children.get((model, client)) or self._models.get(model, self._nothing).unknown_client

    def add(self, model: str, client: str, ended: Ended) -> None:
        """Learn from one answer."""
        # Taken out and put back: the last one is the last used.
        known = self._models.pop(model, None) or _new_model()
        child = self._children.pop((model, client), None)
        if child is None:
            ratio = Ratio(known.unknown_client.ratio.mean, known.unknown_client.ratio.var)
            child = Past(known, known.lengths.child(_CHILD_WEIGHT), ratio)
        self._models[model], self._children[model, client] = known, child
        known.add(ended)
        child.add(ended)
        if len(self._children) > MOST:
            del self._children[next(iter(self._children))]
        if len(self._models) > MOST:
            del self._models[next(iter(self._models))]

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON-able values: under half a kilobyte for each pair."""
        clients: dict[str, dict[str, Any]] = {}
        for (model, client), past in self._children.items():
            clients.setdefault(model, {})[client] = _dumped(past)
        return {name: {**model.dump(), "clients": clients.get(name, {})} for name, model in self._models.items()}

    def restore(self, dump: Mapping[str, Any]) -> None:
        """Take over what another process dumped. Raises ValueError if it is no dump, and takes over nothing."""
        models: dict[str, Model] = {}
        children: dict[tuple[str, str], Past] = {}
        try:
            for name, each in msgspec.convert(dump, dict[str, _ModelDump]).items():
                model = models[name] = Model(*_loaded(each), _checked(each.pace), each.ratios)
                for client, past in each.clients.items():
                    children[name, client] = Past(model, *_loaded(past))
        except (msgspec.ValidationError, ValueError) as error:
            raise ValueError(f"no dump of what was learned: {error}") from None
        self._models, self._children = models, children


class _PastDump(Struct, frozen=True):
    lengths: str
    ratio: Ratio


class _ModelDump(_PastDump, frozen=True):
    pace: Pace
    ratios: tuple[float, ...] = ()
    clients: dict[str, _PastDump] = {}


def _new_model() -> Model:
    return Model(Histogram.neutral(), Ratio(), Pace())


def _dumped(past: Past) -> dict[str, Any]:
    return {"lengths": b64encode(past.lengths.dump()).decode("ascii"), "ratio": msgspec.to_builtins(past.ratio)}


def _loaded(dump: _PastDump) -> tuple[Histogram, Ratio]:
    ratio = dump.ratio
    if not all(map(isfinite, (ratio.mean, ratio.var, ratio.n))) or ratio.var < 0 or ratio.n < 1:
        raise ValueError("a ratio that cannot be")
    return Histogram.load(b64decode(dump.lengths)), ratio


def _checked(pace: Pace) -> Pace:
    over = (pace.speaking_s, pace.seen)
    if not all(0 <= each < inf for each in (pace.first_s, pace.tokens, pace.reported, *over)) or not all(over):
        raise ValueError("a pace that cannot be")
    return pace
