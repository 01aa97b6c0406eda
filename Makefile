# Everything a newcomer types. The first command sets up what it needs (Python packages into .venv, Node as a wheel).
.DEFAULT_GOAL := help
.PHONY: help setup run chat news test test-all extended exhaustive exhaustive-cuts exhaustive-orders exhaustive-machines check format synth bench bench-cost bench-speed bootstrap deploy destroy clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENV ?= dev
UV_VERSION := 0.13.9
STACKS ?= --all

# Bytecode saves seconds at every start; some machines switch it off for all programs.
unexport PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

help: ## Say what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; say which: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "[1/3] making $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "[2/3] installing the package installer"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "[3/3] installing the packages (about 800 MB on disk; a minute or two)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(READY) ## Install everything into .venv

run: $(READY) ## Serve the whole system on this machine, with demo users
	@$(BIN)/python -m local

chat: $(READY) ## Chat in the terminal, beside `make run`: make chat USER=alice
	@PYTHONPATH=clients/python/src $(BIN)/python -m wildfire_client.chat --user $(USER) --endpoints .local/endpoints.json

news: $(READY) ## Broadcast in the demo channel of `make run`: make news TEXT='What has happened'
	@$(BIN)/python -m demo.channel "$(TEXT)"

test: $(READY) ## Run the tests (some minutes)
	@$(BIN)/pytest -q -n 2 --dist loadgroup -m "not slow and not emulator and not exhaustive"
	@echo "Next: make run serves the system here; make test-all adds the checks, the long tests and a deployment."

test-all: check test extended ## Everything that CI runs

extended: $(READY) ## The long tests, and a real cdk deploy to an emulated AWS
	@$(BIN)/pytest -q -n 2 -m slow tests/e2e/test_exhaustive_cuts.py
	@$(BIN)/pytest -q -m "slow or emulator" --ignore tests/e2e/test_exhaustive_cuts.py

exhaustive: exhaustive-cuts exhaustive-orders exhaustive-machines ## Every AWS call cut in every way, very many orders of calls: the better part of an hour

exhaustive-cuts: $(READY)
	@$(BIN)/pytest -v -n 2 -m exhaustive tests/e2e

exhaustive-orders: $(READY)
	@$(BIN)/pytest -v -s -m exhaustive tests/simulation/test_interleavings.py tests/simulation/test_memory.py

exhaustive-machines: $(READY)
	@$(BIN)/pytest -v -s -m exhaustive tests/simulation/test_state_machine.py tests/simulation/test_local_machine.py

check: $(READY) ## Style, types, stacks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: $(READY) ## Put the code into its canonical style
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

synth: $(READY) ## Make the CloudFormation templates in cdk.out
	@$(BIN)/python app.py -c env=$(ENV)
	@ls -1 cdk.out/*.template.json

.PHONY: docs
docs: $(READY) ## Write the pages that are made from the code: docs/server-api.md
	@PYTHONPATH=layers/core/python:. $(BIN)/python docs/generate.py

bench: $(READY) ## Print what each operation costs: calls, units, dollars
	@PYTHONPATH=layers/core/python $(BIN)/python -m bench

bench-cost: $(READY) ## Price everything beside two other designs and a server; writes docs/cost.md
	@PYTHONPATH=layers/core/python $(BIN)/python -m bench.cost

bench-speed: $(READY) ## CPU, latency, posts a second, start-up, contention; writes docs/speed.md
	@PYTHONPATH=layers/core/python $(BIN)/python -m bench.speed

.PHONY: chaos volume
SECONDS ?= 180
CLIENTS ?= 40
SEED ?= 1
chaos: $(READY) ## Real clients while everything fails; counts broken promises: make chaos SECONDS=180 CLIENTS=40 SEED=1
	@PYTHONPATH=clients/python/src $(BIN)/python -m bench.chaos --seconds $(SECONDS) --clients $(CLIENTS) --seed $(SEED)

SENDS ?= 100000
volume: $(READY) ## Very many messages through the whole topology, every delivery counted: make volume SENDS=100000
	@PYTHONPATH=layers/core/python $(BIN)/python -m bench.volume --sends $(SENDS) --seed $(SEED)

node_modules/.ready: package-lock.json $(READY)
	@$(BIN)/npm ci --silent
	@touch $@

bootstrap: node_modules/.ready ## Prepare an AWS account and region for deployments, once
	@node_modules/.bin/cdk bootstrap -c env=$(ENV)

deploy: node_modules/.ready ## Deploy to the AWS account of your credentials: make deploy ENV=dev
	@rm -rf cdk.out
	@node_modules/.bin/cdk deploy $(STACKS) -c env=$(ENV) --outputs-file .local/outputs-$(ENV).json

destroy: node_modules/.ready ## Remove a deployment
	@$(BIN)/python -m stacks.teardown $(ENV)
	@node_modules/.bin/cdk destroy $(STACKS) -c env=$(ENV)

clean: ## Remove what was made here, but for the installed packages
	@rm -rf .local cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis
