# `make` alone lists what there is. Nothing needs root, and nothing but Python 3.11+, git and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .boot/bin/uv)
export UV_PYTHON_DOWNLOADS ?= never
BIN := .venv/bin
# what the code's shape and what is generated from it are held to; `make test` runs them once more, among all
SHAPE := tests/contract/test_shape.py tests/contract/test_common.py
FRESH := tests/contract/test_references.py tests/contract/test_generated_manifests.py tests/contract/bus/test_asyncapi.py
SET_UP := .venv/.set-up

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Argosy needs Python 3.11 or newer; `$(PYTHON)` is " + sys.version.split()[0] + ". Say which to use: make PYTHON=python3.12")'
	$(PYTHON) -m venv .boot
	.boot/bin/pip install --quiet --disable-pip-version-check uv==0.13.*

$(SET_UP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --frozen --python $(PYTHON)
	$(BIN)/python -m libs.cli.servers
	@touch $@

.PHONY: set-up
set-up: $(SET_UP) ## the environment in .venv, with the servers that tests and the demo need

.PHONY: demo
demo: $(SET_UP) ## a hub and three members with all services, and samples/nginx on them, until Ctrl-C
	@exec $(BIN)/argosy demo

.PHONY: test
test: $(SET_UP) check ## all checks and tests
	$(BIN)/pytest tests

.PHONY: check
check: $(SET_UP) ## lint, types, import contracts, file sizes, freshness of generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet $(SHAPE) $(FRESH)

.PHONY: fmt
fmt: $(SET_UP) ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: gen
gen: $(SET_UP) ## what is made from the typed code: CRDs, AsyncAPI, the CLI's reference
	$(BIN)/python -m libs.common.api.generate
	$(BIN)/python -m libs.common.asyncapi
	$(BIN)/python -m libs.cli.reference
	$(BIN)/python -m libs.cli.settings_reference

.PHONY: bench
bench: $(SET_UP) ## the performance figures of the README, and bench.json
	$(BIN)/python -m tests.perf.bench

.PHONY: clean
clean: ## remove the environment and all caches
	rm -rf .venv .boot .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
