# Everything starts here. `make help` lists the verbs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
TEST_WORKERS ?= 3
DATA ?= ../shared/data
PEERS := .venv-peers
STREAM_PEERS := .venv-stream-peers
BUILD := .venv-models
PLACES := .venv-places
TORCH := torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help setup run test web web-setup browser pictures lint fix fault fault-long bench bench-spine bench-detect bench-nlp bench-places bench-sources bench-dashboard evaluate models places places-setup docs clean lock

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

run: setup ## the main job: a minute's demo with the dashboard; without a terminal it ends with the alert
	$(BIN)/tocsin demo

test: setup lint web-setup browser ## everything that must hold: style, types, import rules, all tests
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

web: web-setup ## build the dashboard into the package, from web/
	cd web && npx tsc --noEmit && node build.mjs

web-setup: web/node_modules/.stamp

web/node_modules/.stamp: web/package-lock.json
	if command -v npm >/dev/null; then cd web && npm ci --ignore-scripts --silent && touch node_modules/.stamp; else echo "no npm: what needs it is left out"; fi

pictures: setup browser ## docs/pictures: the dashboard as it looks now
	$(BIN)/python -m tests.browser.pictures

browser: ## Chromium, for the tests of the dashboard: from the system's packages where that is allowed
	command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; } || echo "no chromium: tests that need it are left out"

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

bench: bench-spine bench-detect bench-nlp bench-places bench-sources bench-dashboard ## all benchmarks

bench-spine: setup ## posts a second from queue to lake to series, delay and memory
	$(BIN)/tocsin bench spine --output out/bench-spine.json

bench-detect: setup ## the detector on labelled and synthetic series
	$(BIN)/tocsin bench detect $(if $(wildcard $(DATA)),--set data=$(DATA)) --output out/bench-detect.json

bench-nlp: setup $(PEERS)/.stamp ## posts a second with everything understood, and peers on the same posts
	$(BIN)/tocsin bench nlp --set peers=$(PEERS)/bin/python $(if $(wildcard $(DATA)/airline/tweets.csv),--set posts=$(DATA)/airline/tweets.csv) --output out/bench-nlp.json

bench-places: setup $(PEERS)/.stamp ## lookups a second of the gazetteer, memory and size, and peers on the same texts
	$(BIN)/tocsin bench places --set data=$(DATA) --set peers=$(PEERS)/bin/python --output out/bench-places.json

bench-sources: setup $(STREAM_PEERS)/.stamp ## what live sources take in a second, and peers on the same streams
	$(BIN)/tocsin bench sources --set peers=$(STREAM_PEERS)/bin/python --output out/bench-sources.json

bench-dashboard: setup ## every panel on ten million posts, searches, and what open pages cost
	$(BIN)/tocsin bench dashboard --output out/bench-dashboard.json

$(STREAM_PEERS)/.stamp: requirements/stream-peers.txt
	test -x $(STREAM_PEERS)/bin/python || $(PYTHON) -m venv $(STREAM_PEERS)
	$(BIN)/uv pip install --quiet --python $(STREAM_PEERS)/bin/python --require-hashes -r requirements/stream-peers.txt
	touch $@

$(PEERS)/.stamp: requirements/peers.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --require-hashes -r requirements/peers.txt
	touch $@

evaluate: setup ## how right the embedded model and the gazetteer are, on what is labelled
	$(BIN)/tocsin evaluate nlp --set data=$(DATA) --output out/evaluate-nlp.json
	$(BIN)/tocsin evaluate places --set data=$(DATA) --output out/evaluate-places.json

models: setup $(BUILD)/.stamp ## make the embedded model anew from its teacher and corpora (hours)
	PYTHON=$(BUILD)/bin/python DATA=$(DATA) models/build/all

$(BUILD)/.stamp: requirements/models.txt requirements/dev.txt
	test -x $(BUILD)/bin/python || $(PYTHON) -m venv $(BUILD)
	$(BUILD)/bin/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/uv pip install --quiet --python $(BUILD)/bin/python --require-hashes -r requirements/models.txt -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BUILD)/bin/python --no-deps --no-build-isolation -e .
	touch $@

places: places-setup ## make the gazetteer anew from its sources (minutes)
	PYTHON=$(PLACES)/bin/python places/build/all

places-setup: setup $(PLACES)/.stamp ## create .venv-places, in which the gazetteer is made

$(PLACES)/.stamp: requirements/places.txt requirements/dev.txt
	test -x $(PLACES)/bin/python || $(PYTHON) -m venv $(PLACES)
	$(BIN)/uv pip install --quiet --python $(PLACES)/bin/python --require-hashes -r requirements/places.txt -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(PLACES)/bin/python --no-deps --no-build-isolation -e .
	touch $@

docs: setup ## make the generated pages of docs/ anew
	$(BIN)/python -m tests.docs.generate

clean: ## remove what these verbs made (not your data)
	rm -rf $(VENV) $(PEERS) $(STREAM_PEERS) $(BUILD) $(PLACES) out .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

lock: ## make the locked requirements anew from pyproject.toml
	printf 'uv\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/uv.txt -
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --group dev -o requirements/dev.txt pyproject.toml
	for name in models peers places stream-peers; do $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --no-emit-package torch -o requirements/$$name.txt requirements/$$name.in; done
