# Tendril. `make` alone lists what can be done.
#
# The environment is .venv, made from the hash-pinned lock and nothing else. It is made again only when the lock or
# pyproject.toml changes.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MIN_PYTHON := 3.11
END_PYTHON := 3.14
LOCK_OPTIONS := --universal --python-version $(MIN_PYTHON) --generate-hashes --no-emit-index-url --no-header --quiet
# more than two cores have: half of the time a test waits for a process that starts, dies or comes back
WORKERS ?= 3
UP_OPTIONS ?=
# such as --minutes 2 --seed 17 --journeys 100
CHAOS_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help install run test check format docs bench chaos lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make the environment (.venv) and nothing else

run: install ## Start everything, with the sample leads, on the demo clock
	@$(BIN)/tendril up $(UP_OPTIONS)

test: install ## Run every test (no service needed beforehand)
	@$(BIN)/pytest -n $(WORKERS)

check: install ## Format, lint, types, import contracts, security, docs in step
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r domain storage adapters activities workflows api runtime cli authoring worker.py
	$(BIN)/python .ci/audit.py requirements.lock
	$(BIN)/pytest -n 0 $(sort $(wildcard tests/*/test_docs*.py tests/*/test_reference.py))

format: install ## Put the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

docs: install ## Write the reference pages that come from the code
	$(BIN)/python -m cli.reference
	$(BIN)/python -m tests.adapters.features

bench: install ## Measure: history per touch, throughput, wake latency, memory, disk
	@$(BIN)/python -m bench

chaos: install ## Break everything for ten minutes under 500 journeys; nothing may be lost or doubled
	@$(BIN)/python -m tests.chaos $(CHAOS_OPTIONS)

lock: ## Pin the dependencies again, with hashes (needs uv)
	uv pip compile pyproject.toml $(LOCK_OPTIONS) --upgrade --output-file requirements.lock
	uv pip compile pyproject.toml $(LOCK_OPTIONS) --group dev --constraints requirements.lock \
		--output-file requirements-dev.lock

clean: ## Remove the environment and caches (the data directory stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

# An interpreter of a fitting version, whichever name it goes by; uv would even fetch one.
FIND_PYTHON = for name in python3 python3.13 python3.12 python3.11 python; do \
	if $$name -c 'import sys; v = "%d.%02d" % sys.version_info[:2]; sys.exit(not "$(MIN_PYTHON)" <= v < "$(END_PYTHON)")' \
		2>/dev/null; then echo $$name; break; fi; done

$(STAMP): requirements-dev.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
		test -x $(BIN)/python || uv venv --quiet --python '>=$(MIN_PYTHON),<$(END_PYTHON)' $(VENV) && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		python=$$($(FIND_PYTHON)); \
		test -n "$$python" || { echo "make: needs Python $(MIN_PYTHON) to 3.13, and found none" >&2; exit 1; }; \
		test -x $(BIN)/pip || $$python -m venv --clear $(VENV) >/dev/null || { rm -rf $(VENV); \
			echo "make: $$python has no venv module: install it (Debian: apt install python3-venv) or uv" >&2; exit 1; }; \
		echo "Installing into $(VENV) (a minute or two)" && \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock && \
		$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@
