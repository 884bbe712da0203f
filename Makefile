# make demo    the reference service under load, with the whole pipeline; Ctrl-C ends it
# make test    every check and test, the real binaries included; make test-long the long forms of some
# Arguments are passed on: make demo ARGS='--duration 60', make test ARGS='tests/contract -x'
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
ARGS ?=
# What the local stack loads: the reference service has a configuration, as any service would.
DEMO := --config src/signalscope/demo/service/signalscope.toml --out deploy/demo \
  --only rules --only dashboards --only deploy/prometheus

# One more than there are cores: the worker that has the whole stack mostly waits for it.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
PARALLEL := -n $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: help setup demo test test-long lint prose pictures docs bench generate test-oldest test-python

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## the virtual environment in .venv, and the Collector, Prometheus and Alertmanager
	@$(PYTHON) tools/setup.py

demo: setup ## run the demo until Ctrl-C
	@exec $(BIN)/signalscope demo $(ARGS)

lint: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

prose: setup ## find English that has to be translated; ARGS=--summary counts
	@$(BIN)/python tools/prose.py $(ARGS)

pictures: setup ## take the pictures of docs/images from a demo of their own, in some 15 minutes
	@$(BIN)/python tools/pictures.py $(ARGS)

test: ## all checks and tests in parallel (WORKERS=N); with ARGS only the tests they select, one after the other
	@$(PYTHON) tools/setup.py --tests
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest $(PARALLEL)
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-long: ## the long forms of tests that `make test` has a short form of
	@$(PYTHON) tools/setup.py --tests
	@$(BIN)/python -m pytest --long -m long $(ARGS)

test-oldest: setup ## the SDK's tests with the oldest supported OpenTelemetry, in an environment of their own
	@$(BIN)/python tools/oldest.py $(ARGS)

test-python: setup ## the unit tests with each supported Python found here, or one: ARGS=3.13
	@$(BIN)/python tools/interpreters.py $(ARGS)

generate: setup ## rules, dashboards, runbooks, server configuration and docs; then those of the demo
	@$(BIN)/signalscope generate $(ARGS)
	@$(BIN)/signalscope generate $(DEMO) $(filter --check,$(ARGS))

docs: setup ## the documentation site, in site/; fails at a broken link, a lost page, an undocumented public name
	@$(BIN)/python tools/docs.py

bench: setup ## measure the recording core; writes benchmarks/results.json
	@$(BIN)/python -m benchmarks $(ARGS)
