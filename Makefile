# make demo    run the reference service under load, with the whole pipeline, until Ctrl-C
# make test    run every check and test, also those with real binaries; make test-long runs the long forms
# ARGS passes arguments on: make demo ARGS='--duration 60', make test ARGS='tests/contract -x'
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
ARGS ?=
# The local stack loads the files that this configuration of the reference service gives.
DEMO := --config src/signalscope/demo/service/signalscope.toml --out deploy/demo \
  --only rules --only dashboards --only deploy/prometheus --only deploy/collector

# One more than the number of cores: the worker with the whole stack mostly waits.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PARALLEL := -n $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: chaos collector help setup python demo gameday test test-long lint prose pictures docs bench generate test-oldest test-python

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## create .venv, and get the Collector, Prometheus and Alertmanager
	@$(PYTHON) tools/setup.py

python: ## create .venv only
	@$(PYTHON) tools/setup.py --python

demo: ## run the demo until Ctrl-C; the first time it builds its servers meanwhile
	@exec $(PYTHON) tools/setup.py --demo $(ARGS)

gameday: setup ## run every fault on a demo, measure the alerts, and add the run to benchmarks/gameday.html
	@exec $(BIN)/signalscope gameday --report benchmarks/gameday.html --table docs/gameday.md $(ARGS)

chaos: setup ## break each part of the pipeline, check that nothing is lost uncounted, and write docs/reliability.md
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: python ## run ruff, mypy and the check of the English
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/prose.py

prose: python ## check the texts for plain English; ARGS=--summary counts the findings
	@$(BIN)/python tools/prose.py $(ARGS)

pictures: setup ## take the pictures of docs/images from a separate demo, in about 15 minutes
	@$(BIN)/python tools/pictures.py $(ARGS)

test: ## run all checks and tests in parallel (WORKERS=N); with ARGS only the selected tests, without workers
	@$(PYTHON) tools/setup.py --tests
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest $(PARALLEL)
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-long: ## run the long forms of the tests that have a short form in `make test`
	@$(PYTHON) tools/setup.py --tests
	@$(BIN)/python -m pytest --long -m long $(ARGS)

test-oldest: setup ## run the SDK's tests with the oldest supported OpenTelemetry, in a separate environment
	@$(BIN)/python tools/oldest.py $(ARGS)

test-python: setup ## run the unit tests with each supported Python on this machine, or with one: ARGS=3.13
	@$(BIN)/python tools/interpreters.py $(ARGS)

collector: setup ## write the source of the demo's Collector from collector/builder.yaml; needs Go
	@$(BIN)/python tools/collector.py

generate: setup ## write rules, dashboards, runbooks, server configuration and docs, also for the demo
	@$(BIN)/signalscope generate $(ARGS)
	@$(BIN)/signalscope generate $(DEMO) $(filter --check,$(ARGS))
	@$(BIN)/python tools/errors.py $(filter --check,$(ARGS))

docs: python ## the documentation site, in site/; fails at a broken link, a lost page, an undocumented public name
	@$(BIN)/python -m tools.docs

bench: setup ## measure the recording core; writes benchmarks/results.json
	@$(BIN)/python -m benchmarks $(ARGS)
