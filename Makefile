# Everything starts here. `make help` lists the verbs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
TEST_WORKERS ?= 2
NAB ?= ../shared/data/nab

.DEFAULT_GOAL := help
.PHONY: help setup run test lint fix fault fault-long bench bench-spine bench-detect docs clean lock

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## create .venv with everything in it, from the locked requirements

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Tocsin needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $(STAMP)

run: setup ## the main job: a minute's demo, ending with an alert
	$(BIN)/tocsin demo --exit

test: setup lint ## everything that must hold: style, types, import rules, all tests
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile

lint: setup ## style, types, import rules, file lengths
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: setup ## put right what can be put right by machine
	$(BIN)/ruff check --fix src tests
	$(BIN)/ruff format src tests

fault: setup ## faults: kills, power cuts, full disks, clocks, poison; writes out/scorecard.json
	$(BIN)/python -m tests.fault.scorecard

fault-long: setup ## the same at full length (about an hour)
	TOCSIN_FAULT=long $(BIN)/python -m tests.fault.scorecard

bench: bench-spine bench-detect ## all benchmarks

bench-spine: setup ## posts a second from queue to lake to series, delay and memory
	$(BIN)/tocsin bench spine --output out/bench-spine.json

bench-detect: setup ## the detector on labelled and synthetic series
	$(BIN)/tocsin bench detect --set data=$(NAB) --output out/bench-detect.json

docs: setup ## make the generated pages of docs/ anew
	$(BIN)/python -m tests.docs.generate

clean: ## remove what these verbs made (not your data)
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

lock: ## make the locked requirements anew from pyproject.toml
	printf 'uv\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/uv.txt -
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev -o requirements/dev.txt pyproject.toml
