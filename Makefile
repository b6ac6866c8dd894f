PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo setup test test-all check bench

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || (rm -rf $(VENV); echo "make: this Python cannot make a virtual environment; on Debian or Ubuntu: apt install python3-venv, or PYTHON=/path/to/python make ..." >&2; exit 1)

# The runtime alone: no PyTorch.
$(VENV)/.runtime: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the runtime into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# Runtime, training and development.
$(VENV)/.setup: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing runtime, training and development packages into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime
	@$(BIN)/slm demo $(ARGS)

setup: $(VENV)/.setup

test: setup
	@$(BIN)/python -m pytest -m "not weights_05b" $(ARGS)

test-all: setup
	@$(BIN)/python -m pytest $(ARGS)

check: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports && $(BIN)/codespell

bench: setup
	@$(BIN)/python benchmarks/adapter_slots.py $(ARGS)
