# Every target that needs the virtual environment makes it first; nothing but Python is required.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
STAMP := .venv/.installed
PACKAGES := $(wildcard schemas eligibility streams connectors console bench zhida)

.PHONY: help setup demo test test-faults check format contracts bench-engine bench-pipeline chaos simulate up down lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(STAMP) ## the virtual environment, from the lock file

demo: $(STAMP) ## a region whose benefits find their people, on a real Kafka (ONCE=1: run through and end)
	$(BIN)/zhida demo $(if $(ONCE),--once)

test: $(STAMP) ## all tests, those on a real Kafka and Redis too, but for test-faults
	$(BIN)/pytest -m "not faults"

test-faults: $(STAMP) ## hostile input on a real Kafka, each kind on a cluster of its own, some minutes
	$(BIN)/pytest -m faults

check: $(STAMP) ## lint, format, types, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports

format: $(STAMP) ## format the code and sort its imports
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

contracts: $(STAMP) ## write docs/contracts anew from the models
	$(BIN)/zhida contracts

bench-engine: $(STAMP) ## the engine against its peers, a quarter of an hour (python -m bench engine --quick: three minutes)
	$(BIN)/python -m bench engine

bench-pipeline: $(STAMP) ## the running system against a textbook Faust app (python -m bench pipeline --quick: eight minutes)
	$(BIN)/python -m bench pipeline

chaos: $(STAMP) ## faults on a real Kafka, an hour (python -m bench chaos --quick: ten minutes)
	$(BIN)/python -m bench chaos

simulate: $(STAMP) ## intake and the partitions' owners over a log in memory, 10,000 seeds of faults, two minutes
	$(BIN)/python -m bench simulate

up: $(STAMP) ## start Kafka and Redis on this machine
	$(BIN)/zhida up

down: $(STAMP) ## stop them, and the workers
	$(BIN)/zhida down

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade --quiet --output-file requirements.lock

clean: ## delete the virtual environment, caches and the local stack's data; stop the stack first
	@if [ -d .local/run ] && [ -x $(BIN)/zhida ]; then $(BIN)/zhida down; fi
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@set -e; \
	if ! [ -x $(BIN)/pip ]; then \
		python=; \
		for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
			if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
				python=$$candidate; break; \
			fi; \
		done; \
		if [ -z "$$python" ]; then \
			echo "There is no Python 3.11 or later on PATH: install one, or say make PYTHON=/path/to/python." >&2; \
			exit 1; \
		fi; \
		if ! $$python -c 'import ensurepip, venv' >/dev/null 2>&1; then \
			echo "$$python cannot make a virtual environment:" \
				"install its venv package (on Debian and Ubuntu: apt install python3-venv) and run make again." >&2; \
			exit 1; \
		fi; \
		$$python -m venv --clear .venv; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
