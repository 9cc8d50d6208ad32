# Trellis. `make run` and `make test` need Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2

# uv from the machine if it runs, else one of our own under var/tools.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo var/tools/bin/uv)
CRM := .venv/bin/crm
PYTEST := .venv/bin/pytest

# The environment is the project's own .venv, whichever one is active in the shell.
unexport VIRTUAL_ENV
# Compiled modules are kept, whatever the shell says: each start would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_PREFERENCE := system

.DEFAULT_GOAL := help
.PHONY: help run affected contract test test-all test-postgresql test-order bench check crawl lint probe fuzz screenshots clean sync sync-dev

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

run: sync  ## start everything with demo data on http://127.0.0.1:8000 (PORT=... for another)
	@exec $(CRM) up --port $(PORT)

test: sync-dev  ## run the tests that matter while one works: a few minutes
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow and not bench and not fuzz and not crawl"

test-all: sync-dev  ## run every test but the measurements, the fuzzers and the crawl
	$(PYTEST) -n $(WORKERS) --dist worksteal

# Over the server that CRM_TEST_DATABASE_URL names.
test-postgresql: sync-dev  ## run what depends on the server over an external one
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "postgresql and not embedded"

test-order: sync-dev  ## run make test three times in random orders, shared worlds full of other rows
	for run in 1 2 3; do \
		CRM_TEST_DIRTY=1 $(PYTEST) -n $(WORKERS) --dist worksteal \
			-m "not slow and not bench and not fuzz and not crawl" || exit 1; done

contract: sync-dev  ## check the contract of one plugin: PLUGIN=name
	CRM_TEST_PLUGINS="$$(.venv/bin/python -m tools.affected --plugins $(PLUGIN))" \
		$(PYTEST) tests/contract $(wildcard plugins/$(PLUGIN)/tests) -n $(WORKERS) --dist worksteal

affected: sync-dev  ## print the tests that the changes since BASE call for (main)
	@.venv/bin/python -m tools.affected $(or $(BASE),main)

check: lint  ## format, lint, types and the contract suite without the probes: under a minute
	$(PYTEST) tests/contract -n $(WORKERS) -m "not probe and not bench and not fuzz"

lint: sync-dev  ## format, lint and types only
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

probe: sync-dev  ## ask every route as every principal for foreign rows
	PROBE_MUTANTS=1000 $(PYTEST) -n $(WORKERS) -m probe --timeout 3600

crawl: sync-dev  ## look at every page in every mode as every role, in Debian's Chromium
	$(PYTEST) tests/e2e/browser -n $(WORKERS) --dist loadgroup -m crawl -s

screenshots: sync-dev  ## draw the pictures of docs/screenshots from demo data (SHOTS="name ...")
	.venv/bin/python -m tests.screenshots $(SHOTS)

fuzz: sync-dev  ## send thousands of hostile requests; no answer may be 5xx
	$(PYTEST) -m fuzz -s --timeout 0

bench: sync-dev  ## print the figures, each as a ratio to a limit run beside it
	$(PYTEST) tests/bench -m bench -s -p no:randomly --timeout 0

clean:  ## remove caches; var/ (data) and .venv stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* dist build
	find . -path ./.venv -prune -o -path ./var -prune -o -name __pycache__ -exec rm -rf {} +

# --inexact: `make run` after `make test` leaves the developers' packages where they are.
sync: $(UV)
	@$(UV) sync --quiet --compile-bytecode --locked --no-dev --inexact

sync-dev: $(UV)
	@$(UV) sync --quiet --compile-bytecode --locked

# Into a folder of the project, which externally managed Pythons allow too (PEP 668). Where pip is
# missing, the one that Python carries for ensurepip is run from its wheel.
var/tools/bin/uv:
	@echo "Fetching uv into var/tools ..."
	@mkdir -p var/tools
	@PYTHONPATH="$$($(PYTHON) -c "$$FIND_PIP")" PIP_ROOT_USER_ACTION=ignore $(PYTHON) -m pip install \
		--quiet --disable-pip-version-check --upgrade --target var/tools 'uv>=0.8,<1' || { \
		echo "uv could not be fetched. If this Python has no pip, add it: $(PYTHON) -m ensurepip" \
			"or the system's package python3-pip; or install uv itself."; exit 1; }

define FIND_PIP
import glob, importlib.util as found, os
spare = None if found.find_spec("pip") else found.find_spec("ensurepip")
wheels = os.path.join(os.path.dirname(spare.origin), "_bundled", "pip-*.whl") if spare else ""
print(*glob.glob(wheels))
endef
export FIND_PIP
