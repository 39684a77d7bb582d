# DocMind: `make run` opens the app, `make test` runs all tests. Both set up everything they need.
VENV ?= .venv
PY := $(VENV)/bin/python
COVERAGE := --cov --cov-report=term:skip-covered
export PYTHONPATH := $(CURDIR)

.PHONY: help setup run test test-fast lint format lock bench doctor clean

help:        ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup:       ## virtual environment with the lock that fits this machine (NVIDIA GPU or not)
	@bash scripts/setup.sh $(VENV)

run: setup   ## set up, fetch the model, open the app on 127.0.0.1:8501
	@$(PY) -m docmind.cli run

test: setup  ## set up and run every test, the real engine and a real browser included
	@bash scripts/setup.sh $(VENV) --dev --programs
	@DOCMIND_TEST_PROMISES="chromium systemd-analyze" $(PY) -m pytest $(COVERAGE)

test-fast: setup  ## only the tests that need neither the engine nor a browser
	@bash scripts/setup.sh $(VENV) --dev
	@$(PY) -m pytest -m "not engine and not browser"

lint: setup  ## ruff, mypy --strict, the import contracts, the scripts, the Dockerfile, commit subjects
	@bash scripts/setup.sh $(VENV) --dev
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/shellcheck scripts/*.sh launch_vllm_fp8.sh .ci/run
	@$(VENV)/bin/hadolint Dockerfile
	@$(PY) scripts/commit_subjects.py

format:      ## rewrite the code in the house style
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock:        ## resolve pyproject.toml anew into requirements/*.txt
	@bash scripts/setup.sh $(VENV) --dev
	@bash scripts/lock.sh $(VENV)/bin/uv

bench: setup ## measure this machine's engine
	@$(PY) -m docmind.cli bench engine

doctor: setup ## what is installed, which plan the engine would run, and why
	@$(PY) -m docmind.cli doctor

clean:       ## remove the virtual environment and caches (documents and models stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache .coverage
