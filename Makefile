# Every target makes or mends the environment it needs, then runs in it.

VENV ?= .venv
PYTHON ?=
JOBS ?= 2
ARGS ?=
export VENV PYTHON
# Less noise: a newer pyright than the pinned one, and mkdocs-material on MkDocs 2.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export NO_MKDOCS_2_WARNING := 1

RUN := "$(VENV)/bin/python"
# Tests of one module mostly stay on one process, so its fixtures are made once.
PYTEST := $(RUN) -m pytest -n $(JOBS) --dist worksteal

help:  ## List the targets (also what a bare `make` does)
	@sed -n 's/^\([a-z]*\):.*## /\1:/p' Makefile | awk -F: '{ printf "make %-10s %s\n", $$1, $$2 }'
	@echo
	@echo 'Options: ARGS="..." goes to the program; PYTHON=python3.11 VENV=.venv-3.11 choose'
	@echo 'another Python and environment; JOBS=2 is how many processes run the tests.'

demo: setup-train  ## Train a small model; ARGS="--config.padding=circular" changes it
	$(RUN) launch.py $(ARGS)

test: setup  ## Run the tests and the examples in docstrings
	$(PYTEST) $(ARGS)

slow: setup  ## Run the tests that take minutes, and every case of large grids
	$(PYTEST) -m "slow or rest" $(ARGS)

lint: setup  ## Check style, formatting and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m pyright --pythonpath $(RUN)

format: setup  ## Repair what ruff can repair
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

docs: setup  ## Build the documentation into site/
	$(RUN) -m mkdocs build --strict

soak: setup  ## Kill a run fifty times at random; half an hour
	$(RUN) -m tests.faults.soak $(ARGS)

mutation: setup  ## Break each law's subject and see the law fail
	$(RUN) scripts/mutation.py $(ARGS)

setup:  ## Only make the environment, with everything in it
	@bash scripts/setup.sh train,dev,docs

setup-train:
	@bash scripts/setup.sh train

.PHONY: help demo test slow soak lint format docs mutation setup setup-train
