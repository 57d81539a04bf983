# `make run` and `make test` set up what they need: Python 3.11 or newer and make are enough.
# Extra arguments: make run ARGS="--port 3001", make test ARGS="tests/limits -k bucket".

PYTHON := .venv/bin/python
ARGS :=

# Everything below `upstream` (docs/design.md): covered to the last branch. tests/test_floors.py keeps the list whole.
PURE := errors clock records tasks dialects limits pricing price_list leaderboard history overload catalog routing providers state relay
empty :=
comma := ,
PURE_FILES := $(subst $(empty) $(empty),$(comma),$(foreach room,$(PURE),gateway/$(room).py gateway/$(room)/*))

.DEFAULT_GOAL := help
.PHONY: help run serve test wheel check fmt fmt-check lint types cover bench demo dev watch setup build browser docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp ## the gateway on 127.0.0.1:3000 (sets up on the first run)
	@$(PYTHON) -m gateway serve $(ARGS)

serve: run ## the same

test: check browser ## format, lint, types, all tests, coverage (sets up on the first run)
	@$(PYTHON) -m pytest -m "not slow" --cov --cov-report= $(ARGS)
	@$(if $(ARGS),,$(MAKE) --no-print-directory cover)

wheel: .venv/dev.stamp ## build the wheel, install it into an empty environment, serve from an empty folder
	@$(PYTHON) -m pytest -m slow $(ARGS)

check: fmt-check lint types ## format, lint and types, without the tests

fmt: .venv/dev.stamp ## format the code and sort the imports
	@$(PYTHON) -m ruff check -q --select I --fix .
	@$(PYTHON) -m ruff format .

fmt-check: .venv/dev.stamp
	@$(PYTHON) -m ruff format --check -q . || { echo 'Not formatted: run "make fmt".'; exit 1; }

lint: .venv/dev.stamp ## ruff
	@$(PYTHON) -m ruff check -q .

types: .venv/dev.stamp ## mypy --strict
	@$(PYTHON) -m mypy

cover: .venv/dev.stamp ## what the last tests covered; under 100 % below `upstream` is a failure
	@$(PYTHON) -m coverage report --include='$(PURE_FILES)' --fail-under=100

bench: .venv/dev.stamp ## measure, five minutes in all (docs/benchmarks.md); ARGS=--full takes an hour and more
	@set -e; for each in bench/*.py; do $(PYTHON) "$$each" $(ARGS); done

demo: .venv/run.stamp ## a gateway of its own, a few requests, and what it does about faults
	@$(PYTHON) docs/demo.py

dev: .venv/dev.stamp ## the gateway, started again when gateway/ or web/ changes
	@$(PYTHON) -m watchfiles --target-type command '$(PYTHON) -m gateway serve $(ARGS)' gateway web

watch: .venv/dev.stamp ## the tests, run again when something changes
	@$(PYTHON) -m watchfiles --target-type command '$(PYTHON) -m pytest -x -m "not slow" $(ARGS)' gateway web config tests

setup: .venv/dev.stamp ## the environment for working on it, in .venv

build: .venv/dev.stamp ## the wheel, in dist/
	@$(PYTHON) -m pip wheel -q --no-deps --wheel-dir dist . && ls dist

browser: .venv/dev.stamp
	@.ci/browser

docs: .venv/dev.stamp ## write the generated parts again: schema, key reference, picture
	@$(PYTHON) docs/generate.py && $(PYTHON) docs/picture.py

clean: ## remove everything that make made, the environment too
	@rm -rf .venv build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run.stamp: pyproject.toml .ci/setup
	@.ci/setup run

.venv/dev.stamp: pyproject.toml .ci/setup
	@.ci/setup dev
