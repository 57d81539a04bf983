"""Random configurations that compile, and names to ask of them. The same chance makes the same ones."""

from random import Random
from typing import Any, Literal

HOSTS = {
    "openai": "https://api.openai.com",
    "other": "https://other.test",
    "openrouter": "https://openrouter.ai",
    "local": "http://127.0.0.1:11434",
}
PRICES: tuple[Any, ...] = (
    None,
    "free",
    {"input": 0, "output": 0},
    {"input": 1, "output": 2},
    {"input": 0, "output": 0.001},
    {"input": 0, "output": 0, "request": 0.01},
    {"input": 0, "output": 0, "cached_input": 1},
    {"input": 0, "output": 0, "reasoning": 1},
)
RULES: tuple[Literal["never", "opt_in", "allow"], ...] = ("never", "opt_in", "allow")
WILDS = ("listed", "o/listed", "o/any:free", "unheard-of")
"""Names that only a wildcard takes, or that one provider has and another one's wildcard takes."""


class Wild:
    """Configurations and requests by chance."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def config(self) -> dict[str, Any]:
        """A configuration that compiles."""
        kinds = self.chance.sample(["openai", "other", "openrouter", "local", "echo"], self.chance.randint(1, 4))
        kinds += self.chance.choices(["openai", "openrouter"], k=self.chance.randint(0, 1))
        providers = {f"{kind}{number}": self._provider(f"{kind}{number}", kind) for number, kind in enumerate(kinds)}
        names = [f"{name}/{model}" for name, entry in providers.items() for model in entry["models"] if model != "*"]
        names += [f"{name}/{wild}" for name, entry in providers.items() if "*" in entry["models"] for wild in WILDS]
        return {
            "server": {"paid": self.chance.choice(RULES)},
            "clients": {f"c{number}": self._client(number) for number in range(self.chance.randint(0, 2))},
            "providers": providers,
            "meta_models": {f"meta{number}": self._meta(names) for number in range(self.chance.randint(1, 3))},
        }

    def changed(self, config: dict[str, Any]) -> dict[str, Any]:
        """The same providers, and other rules."""
        metas = {name: {**meta, "paid": self.chance.choice(RULES)} for name, meta in config["meta_models"].items()}
        return {**config, "server": {"paid": self.chance.choice(RULES)}, "meta_models": metas}

    def names(self, config: dict[str, Any]) -> list[str]:
        """Names that somebody may ask for, one after the other: metas, models, bare names, aliases, slips."""
        known = [*config["meta_models"], *config["meta_models"], "nobody"]
        for name, provider in config["providers"].items():
            for model, entry in provider["models"].items():
                served = WILDS if model == "*" else (model, *entry.get("aliases", ()))
                known += [each for one in served for each in (one, f"{name}/{one}")]
        return self.chance.choices(known, k=self.chance.choice([1, 1, 1, 2, 3]))

    def preferences(self, config: dict[str, Any]) -> dict[str, Any] | None:
        """OpenRouter's `provider` block, now and then."""
        if self.chance.random() < 0.7:
            return None
        some = self.chance.sample(list(config["providers"]), 1)
        return {self.chance.choice(["order", "only", "ignore"]): some, "allow_fallbacks": self.chance.random() < 0.5}

    def _provider(self, name: str, kind: str) -> dict[str, Any]:
        models = {model: self._model(name, kind, model) for model in self._served(name, kind)}
        if kind == "echo":
            return {"type": "echo", "models": models}
        entry: dict[str, Any] = {
            "type": "openrouter" if kind == "openrouter" else "openai",
            "base_url": f"{HOSTS[kind]}/{name}/v1",
            "models": models,
            "free": self.chance.choice([None, None, None, False, True]),
            "count_failures": self.chance.random() < 0.3,
            "monthly_fee": self.chance.choice([0, 20]),
            "rotation": self.chance.choice(["in_order", "round_robin"]),
            "limits": self._limits(),
        }
        if kind == "local" and self.chance.random() < 0.7:
            entry["auth"] = "none"
        elif self.chance.random() < 0.1:
            entry["auth"] = "passthrough"
        elif self.chance.random() < 0.4:
            frees = self.chance.choices([None, False, True], k=2)
            entry["api_keys"] = {f"k{at}": {"key": f"{name}-k{at}", "free": free} for at, free in enumerate(frees)}
        else:
            entry["api_key"] = self.chance.choice([f"{name}-k", f"{name}-k", f"{name}-k", "${NOT_SET}"])
        if kind == "openrouter" and self.chance.random() < 0.3:
            entry["pin"] = "o"
        return entry

    def _served(self, name: str, kind: str) -> list[str]:
        shared = ["o/listed", "o/small:free", "o/other"] if kind == "openrouter" else ["listed", "small", "large"]
        return self.chance.sample([*shared, f"own-{name}", "*"], self.chance.randint(1, 4))

    def _model(self, provider: str, kind: str, model: str) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "free": self.chance.choice([None, None, None, None, False, True]),
            "grade": self.chance.randint(0, 100),
            "priority": self.chance.randint(0, 1),
            "context": self.chance.choice([None, None, 20, 8000]),
            "active": self.chance.random() < 0.95,
            "limits": self._limits(),
        }
        if kind != "echo" and not model.endswith(":free"):
            entry["price"] = self.chance.choice(PRICES)
        if self.chance.random() < 0.2 and not model.endswith(":free"):
            entry["upstream_model"] = f"up-{provider}-{'any' if model == '*' else model}"
        if self.chance.random() < 0.2 and model != "*":
            entry["aliases"] = [f"also-{model}"]
        return entry

    def _client(self, number: int) -> dict[str, Any]:
        models = self.chance.choice([[], [], ["meta0", "o*/*"], ["*/*"]])
        return {"key": f"c{number}", "paid": self.chance.choice(RULES), "models": models, "limits": self._limits()}

    def _meta(self, names: list[str]) -> dict[str, Any]:
        return {
            "targets": self.chance.sample(names, self.chance.randint(1, min(5, len(names)))),
            "strategy": self.chance.choice(["order", "grade"]),
            "free_first": self.chance.random() < 0.5,
            "paid": self.chance.choice(RULES),
        }

    def _limits(self) -> dict[str, Any]:
        kinds: list[dict[str, Any]] = [{"requests_per_minute": 2}, {"tokens_per_day": 500}, {"cost_per_day": 1}]
        return self.chance.choice([{}, {}, {}, *kinds])
