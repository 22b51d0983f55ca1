# Two commands do everything on a machine with Python 3.11 or newer: make up, make test.

VENV := .venv
BIN := $(VENV)/bin
# The first of these that is new enough; or say which: make up PYTHON=/path/to/python3
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ARGS ?=

# Tests start hundreds of processes: each would compile all of our modules for itself.
test check: export PYTHONDONTWRITEBYTECODE :=

.PHONY: up install dev test check fuzz soak bench scaling lock docs clean

up: install ## install what is missing and start everything; ARGS="--port 8502"
	@$(BIN)/sluice up $(ARGS)

install: $(VENV)/.installed

dev: $(VENV)/.installed-dev

test: dev browser ## every test, browser included
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: dev ## what a change needs before it is committed, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not slow and not browser" -n 2 $(ARGS)

fuzz: dev ## the engine against the reference, on flows and markets never drawn before
	SLUICE_FUZZ=1 $(BIN)/pytest tests/properties $(ARGS)

soak: dev ## thirty days of live trading with everything going wrong; ARGS="--seed 2 --days 60"
	$(BIN)/python -m tests.scenarios.soak $(ARGS)

bench: dev ## how fast it is, after checking that it is right
	@for file in tests/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

scaling: dev ## how sweeps scale: a table in docs/performance.md and docs/sweep-scaling.png
	$(BIN)/python tests/benchmarks/scaling.py --write

docs: dev ## the pages of docs/ that are made from the code
	$(BIN)/python -m core.indicators.document > docs/indicators.md
	$(BIN)/python -m core.flow.formats.document > docs/imports.md
	$(BIN)/python -m core.metrics.document > docs/metrics.md
	$(BIN)/python -m core.settings > docs/settings.md

lock: dev ## the newest versions pyproject.toml allows, as exact ones
	$(BIN)/pip-compile -q --upgrade --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --strip-extras --allow-unsafe --extra build \
		-o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --strip-extras --allow-unsafe --extra build --extra dev \
		-c requirements.lock -o requirements-dev.lock pyproject.toml

clean: ## forget what was installed; the data in .sluice stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: browser
browser: dev
	@command -v chromium chromium-browser google-chrome >/dev/null || \
		$(BIN)/playwright install chromium

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Sluice needs Python 3.11 or newer: install it, then run make again."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "This Python cannot make virtual environments: on Debian, apt install python3-venv."; exit 1; }

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Sluice needs (once; a few minutes)"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@
