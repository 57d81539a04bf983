"""What the README shows is tried: its curl lines and its Python answer, its YAML is a configuration."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.catalog.compile import compile_text
from gateway.configuration import Configuration
from tests.processes import Running, running

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway as it is on a fresh machine: default configuration, no key."""
    with running(tmp_path_factory.mktemp("readme")) as server:
        yield server


def here(text: str, server: Running) -> str:
    """The example, aimed at this server: the text says 3000, which may be taken."""
    assert "127.0.0.1:3000" in text
    return text.replace("127.0.0.1:3000", f"127.0.0.1:{server.port}")


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
@pytest.mark.parametrize("example", blocks("bash"), ids=lambda text: text.splitlines()[0][:40])
def test_curl_examples_answer(example: str, server: Running) -> None:
    """Each exits well and prints a JSON answer of the gateway."""
    script = here(example, server).replace("curl -s", "curl -s --fail --noproxy '*'")
    done = subprocess.run(["/bin/sh", "-ec", script], capture_output=True, text=True, check=True, timeout=20)
    assert re.search(r'"object": ?"(chat\.completion|list)"', done.stdout)


@pytest.mark.parametrize("example", blocks("python"), ids=lambda text: text.splitlines()[0][:40])
def test_python_examples_answer(example: str, server: Running) -> None:
    """Each prints what the model said."""
    environment: Mapping[str, str] = {**os.environ, "NO_PROXY": "127.0.0.1"}
    script = here(example, server)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30, env=environment
    )
    assert "Say hello" in done.stdout


def test_there_are_examples() -> None:
    """So that the two tests above cannot pass by finding nothing."""
    assert (len(blocks("bash")), len(blocks("python")), len(blocks("yaml"))) == (2, 1, 3)


def test_the_yaml_is_a_configuration() -> None:
    """The fifteen lines compile, key by key as they stand there, and do what the comments say."""
    found = Configuration.find(None, {}, ROOT)
    keys = {"WORK_KEY_1": "one", "WORK_KEY_2": "two"}
    catalog = compile_text(blocks("yaml")[0], file="README.md", lookup=keys.get, presets=found.presets())
    assert catalog.warnings == ()
    assert catalog.server.paid == "opt_in"
    assert [target.id for target in catalog.meta_models["smart"].targets] == [
        "groq/llama-3.3-70b-versatile",
        "work/large",
        "work/large",
    ]


def test_the_limits_are_limits() -> None:
    """The block of limits is one that a provider takes."""
    indented = "".join(f"    {line}\n" for line in blocks("yaml")[1].splitlines())
    text = f"providers:\n  p:\n    type: echo\n    models: {{m: {{price: free}}}}\n{indented}"
    catalog = compile_text(text, file="README.md", lookup=lambda _: None, presets={})
    assert [meter.id for meter in catalog.meters] == [
        "provider:p:requests_per_minute",
        "provider:p:tokens_per_day",
        "provider:p:requests_per_5h",
        "provider:p:cost_per_month",
        "provider:p:requests_per_day",
        "provider:p:tokens_per_week",
        "provider:p:output_tokens_per_5h",
        "provider:p:concurrent_requests",
    ]


def test_the_pool_is_shared() -> None:
    """Models of both providers name it, and both have its limits."""
    found = Configuration.find(None, {}, ROOT)
    keys = {"OPENAI_API_KEY": "one", "ROUTER_KEY": "two"}
    catalog = compile_text(blocks("yaml")[2], file="README.md", lookup=keys.get, presets=found.presets())
    assert catalog.warnings == ()
    for name in ("openai/gpt-5.1", "router/anything"):
        (target,) = catalog.resolve(name).targets
        assert [meter.id for meter in target.meters if meter.scope_type == "pool"] == [
            "pool:experiments:requests_per_day",
            "pool:experiments:cost_per_month",
        ]
