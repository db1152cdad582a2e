# One word for each thing. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RECIPES := .venv-recipes
PORT ?= 7777

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Where benchmarks leave what they measured, for the table at the end.
export BENCH_FIGURES := build/figures.jsonl

.DEFAULT_GOAL := help
.PHONY: help demo test test-claude-code test-postgres test-recipes crash fuzz soak check lint types fresh docs bench bench-postgres bench-full clean

help: ## List these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(BIN)/.installed ## Load the bundled traces, serve http://localhost:7777 and open it
	$(BIN)/clustertrace demo --port $(PORT) $(DEMO_ARGS)

test: $(BIN)/.installed-dev ## Run every test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)

test-postgres: $(BIN)/.installed-dev ## Run the tests of all that reads and writes on PostgreSQL
	CLUSTERTRACE_TEST_DATABASE=postgres $(BIN)/python -m pytest --numprocesses auto --dist loadfile \
		-m "not browser" tests/store tests/cli tests/mcp tests/pages $(PYTEST_ARGS)

test-recipes: $(RECIPES)/.installed ## Run the programs of docs/recipes.md with their frameworks
	$(RECIPES)/bin/python -m pytest tests/recipes

test-claude-code: $(BIN)/.installed-dev ## Run the real Claude Code from npm against a model that costs nothing
	CLUSTERTRACE_FETCH_CLAUDE_CODE=1 $(BIN)/python -m pytest tests/claude_code/client

crash: $(BIN)/.installed-dev ## Kill every kind of process at random for ten minutes; is anything lost?
	$(BIN)/python tests/faults/crash.py --minutes $(or $(MINUTES),10) $(CRASH_ARGS)

fuzz: $(BIN)/.installed-dev ## Throw 100 000 broken inputs at each thing that reads from outside
	$(BIN)/pip install --quiet -e '.[fuzz]' || echo "going on by chance, without atheris" >&2
	$(BIN)/python tests/faults/fuzz.py --inputs $(or $(INPUTS),100000) $(FUZZ_ARGS)

soak: $(BIN)/.installed-dev ## Serve under mixed load for an hour; do memory, files or answers grow?
	$(BIN)/python tests/faults/soak.py --minutes $(or $(MINUTES),60)

check: lint types fresh ## Lint, format, types, and whether the generated docs are up to date
	$(BIN)/python -m pytest -q tests/test_house.py

lint: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Type checkers can't follow the folders that setuptools maps under clustertrace/ in an editable
# install, so what they read is what a user would get: the wheel's contents. No cache is kept: files
# come and go there with times that say nothing.
types: $(BIN)/.installed-dev
	rm -rf build/types build/lib build/bdist.* build/mypy_cache
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --target build/types .
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../mypy_cache -p clustertrace

fresh: $(BIN)/.installed-dev
	$(BIN)/python -m cogapp -I docs --check --check-fail-msg="run make docs" $(wildcard docs/*.md) README.md

docs: $(BIN)/.installed-dev ## Regenerate the tables in the docs and the pictures in the README
	$(BIN)/python -m cogapp -I docs -r $(wildcard docs/*.md) README.md
	$(BIN)/python docs/case_study.py
	$(BIN)/python docs/picture.py

bench: $(BIN)/.installed-dev ## Run every benchmark in its small size; a table of all figures ends it
	@$(BIN)/pip install --quiet -e '.[bench]' || echo "going on without a decision tree" >&2
	@mkdir -p build; rm -f $(BENCH_FIGURES)
	@set -e; for file in benchmarks/patterns.py benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done
	@echo "== everything"; $(BIN)/python benchmarks/figures.py

bench-postgres: $(BIN)/.installed-dev ## Store and ask on SQLite, on one PostgreSQL server, and on three
	$(BIN)/python benchmarks/bench_postgres.py $(TRACES)

bench-full: bench ## A million traces (an hour and 20 GB of disk), and other tools from PyPI beside ours (2 GB)
	@set -e; for name in scale lists review; do echo "== bench_$$name.py 1000000"; \
		$(BIN)/python benchmarks/bench_$$name.py 1000000; done
	@set -e; for file in benchmarks/rivals_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done
	@echo "== everything"; $(BIN)/python benchmarks/figures.py

clean: ## Remove everything that was built here
	rm -rf $(VENV) $(RECIPES) build dist *.egg-info .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "clustertrace needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet -e .
	touch $@

$(BIN)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet -e '.[dev]'
	touch $@ $(BIN)/.installed

# The frameworks are large and disagree with each other's versions at times: an environment apart.
$(RECIPES)/.installed: pyproject.toml
	$(PYTHON) -m venv $(RECIPES)
	$(RECIPES)/bin/pip install --quiet -e '.[recipes]'
	touch $@
