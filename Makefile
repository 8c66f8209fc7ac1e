.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SEED ?= 1
DURATION ?= 60
OVERLAY ?= dev
VERSION ?= $(shell git rev-parse --short HEAD)
QUICK := not slow and not redis and not kafka and not prometheus and not alertmanager

# Servers of somebody else are shared by all tests; our own are started once for each process.
WORKERS := $(if $(REDIS_URL)$(KAFKA_BOOTSTRAP_SERVERS),-n 0,-n auto --maxprocesses 4 --dist loadfile)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

setup: .venv/installed ## install everything into .venv (Python 3.11)

.venv/installed: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 is needed, this is " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11" if sys.version_info[:2] != (3, 11) else 0)'
	@echo "installing into .venv, about a minute"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## watch faults travel from samples to messages; SEED=n gives another scenario
	@$(BIN)/aiops demo --seed $(SEED)

test: setup ## what a newcomer runs
	$(BIN)/pytest -q -m "$(QUICK)" $(WORKERS)

test-full: setup ## the rest: Debian's Redis, Apache Kafka, slow properties, coverage
	$(BIN)/pytest -m "not ($(QUICK))"
	$(BIN)/pytest -q -m "$(QUICK)" $(WORKERS) --ignore tests/property --cov --cov-fail-under 90

lint: setup ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p aiops -p functions -p local -p bench
	$(BIN)/lint-imports

format: setup ## rewrite in the project's style
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

manifests: setup ## render every overlay into build/manifests and check it
	@$(BIN)/aiops manifests

image-% push-% deploy-%: setup
	@$(BIN)/aiops function $(firstword $(subst -, ,$@)) $* $(if $(REGISTRY),--registry $(REGISTRY)) --version $(VERSION) $(if $(DRY),--dry)

deploy: setup ## everything onto the cluster of kubectl, and one event through; OVERLAY=dev REGISTRY=… DRY=1
	@$(BIN)/aiops deploy $(OVERLAY) $(if $(REGISTRY),--registry $(REGISTRY)) --version $(VERSION) $(if $(YES),--yes) $(if $(DRY),--dry)

undeploy: setup ## take it away again; DATA=1 for Kafka, topics and Redis, too
	@$(BIN)/aiops undeploy $(OVERLAY) $(if $(DATA),--data) $(if $(YES),--yes) $(if $(DRY),--dry)

rollback: setup ## functions back to the revision before
	@$(BIN)/aiops rollback $(FUNCTIONS) $(if $(YES),--yes) $(if $(DRY),--dry)

chaos: setup ## kills, outages, cuts and repeats change nothing; SEED=n, DURATION=seconds
	@$(BIN)/aiops chaos --seed $(SEED) --duration $(DURATION)

up: setup ## run the whole pipeline on this machine
	@$(BIN)/aiops up

bench: setup ## speed, latency and cold start, beside references; writes bench/results.json
	@$(BIN)/python -m compileall -q functions shared local bench
	@$(BIN)/python -m bench.run

bench-scale: setup ## the same for up to a million series, and for many functions on one Redis
	@$(BIN)/python -m compileall -q functions shared local bench
	@$(BIN)/python -m bench.run_scale

bench-detectors: setup ## every detector on labelled series in DATA=FOLDER, beside refitting ones; an hour
	@$(BIN)/python -m bench.detectors $(DATA)

bench-root-cause: setup ## every ranker on generated faults, and on a recorded day with DATA=FOLDER; ten minutes
	@$(BIN)/python -m bench.root_cause $(if $(DATA),--data $(DATA))

storm: setup ## 10 000 anomalies in ten seconds through the whole pipeline, and latency before, during, after
	@$(BIN)/python -m bench.storm

durability: setup ## what a crash, a failover and an outage can take, two minutes
	@$(BIN)/python -m bench.durability

lock: setup ## resolve the lock files again
	@for f in $(wildcard functions/*/requirements*.in) requirements-dev.in; do $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links $$f -o $${f%.in}.txt; done

clean: ## remove what was made here
	rm -rf .venv build out demo .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup manifests deploy undeploy rollback demo chaos test test-full lint format up bench bench-scale bench-detectors bench-root-cause storm durability lock clean
