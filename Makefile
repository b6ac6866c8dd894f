PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# The domain that `make demo ARGS="energy --once"` names; its extra is installed.
DEMO := $(or $(firstword $(filter $(notdir $(wildcard apps/*)),$(ARGS))),disaster)

.PHONY: demo setup test test-all check bench

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || (rm -rf $(VENV); echo "make: this Python cannot make a virtual environment; on Debian or Ubuntu: apt install python3-venv, or PYTHON=/path/to/python make ..." >&2; exit 1)

# The runtime, the page and the domain: no PyTorch.
$(VENV)/.demo-$(DEMO): $(BIN)/python pyproject.toml constraints.txt
	@echo "installing the runtime, the page and the domain $(DEMO) into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ui,$(DEMO)]'
	@touch $@

# Runtime, training and development.
$(VENV)/.setup: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing runtime, training and development packages into $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@ $(foreach domain,$(notdir $(wildcard apps/*)),$(VENV)/.demo-$(domain))

demo: $(VENV)/.demo-$(DEMO)
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
