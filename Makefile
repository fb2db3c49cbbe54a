# `make demo` trains a first sweep, `make check` is for the common change, `make test` is what CI runs.
# All that they need beforehand is Python >= 3.11 with venv.
PYTHON ?= python3
WORKERS ?= 3
VENV := .venv
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed
DOCS_STAMP := $(VENV)/.docs-installed
BIN := $(VENV)/bin
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist worksteal

.PHONY: setup demo article check test lint types unit docs bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; say which to use: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing grokjax and what its tests need into $(VENV): about 2.5 minutes and 2 GB of disk, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/grokjax run parity-demo --root results/demo
	$(BIN)/grokjax phases results/demo

# Every experiment of the article with its figures, into results/article; takes hours, and a second time only what is missing.
article: setup
	$(BIN)/python -m benchmarks.article run
	$(BIN)/python -m benchmarks.article claims

check: lint types
	$(PYTEST) -m "not cluster and not browser and not slow"

test: lint types unit

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: setup
	$(BIN)/mypy

unit: setup
	$(PYTEST)

docs: $(DOCS_STAMP)
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build/html
	@echo "The site is docs/_build/html/index.html"

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	@touch $(DOCS_STAMP)

bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks.training_arithmetic
	$(BIN)/python -m benchmarks.against_loops
	$(BIN)/python -m benchmarks.modular_step
	$(BIN)/python -m benchmarks.against_tune
	$(BIN)/python -m benchmarks.start_up
	$(BIN)/python -m benchmarks.cost_per_run
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.checkpoints
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.analysis
	$(BIN)/python -m benchmarks.whole_sweep parity-article

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $(BENCH_STAMP)

clean:
	rm -rf $(VENV) results docs/_build
