# `make demo` and `make test` each work alone on a clean clone with python3, make and a network to the package registries.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test bench lint docs clean
setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	touch .venv/ready

demo: setup
	$(BIN)/tailorbird demo

test: setup
	$(BIN)/python -m pytest

bench: setup
	$(BIN)/python -m benchmarks.spine

lint: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/python -m pytest tests/unit/test_docs.py

clean:
	rm -rf .venv .tailorbird .mypy_cache .pytest_cache .ruff_cache .hypothesis
