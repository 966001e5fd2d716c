# make run    everything set up and served at http://demo.localhost:8000 (PORT=, VENA_HOME=)
# make test   everything set up and the tests run
# make check  what CI runs: tests, linters, types, migrations, import contract, secrets
# make audit  known holes in the packages we pin (asks the network)
# make chaos  200 files while the server is killed five times and the queue once; servers broken and started (minutes)
# make fuzz   200 requests of each operation of the API with each role's key (minutes)
# make bench  speed, printed as tables (docs/benchmarks.md says how to read them)
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
export PORT
export VENA_HOME ?= $(CURDIR)/.vena
NODE_BIN := $(CURDIR)/.venv/node/bin
TEST_WORKERS ?= 3
TESTS ?=

.PHONY: run setup setup-dev test check lint types secrets audit chaos fuzz bench lock clean

run: setup
	@exec $(BIN)/python manage.py serve --port $(PORT)

setup: .venv/.runtime static/dist/.built

setup-dev: .venv/.dev static/dist/.built

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("Vena needs Python 3.11 or newer; this is %d.%d. Name another: make run PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo "Making a Python environment in .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/.runtime: requirements.txt | .venv/bin/uv
	@echo "Installing the Python packages (a minute or two, only the first time) ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@

.venv/.dev: requirements.txt requirements-dev.txt | .venv/.runtime
	@echo "Installing the development tools ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	@touch $@

static/dist/.built: package.json package-lock.json $(shell find static/js static/css static/icons -type f 2>/dev/null) | .venv/.runtime
	@echo "Building the pages' scripts and styles ..."
	@./tools/build-static
	@touch $@


test: setup-dev
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadscope $(TESTS)
	@PATH="$(NODE_BIN):$$PATH" npm test --silent

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup-dev
	@DATABASE_URL=postgresql://types REDIS_URL=redis://types/0 $(BIN)/python -m mypy .

# Works offline: nothing that looks like a key is in the repository, beyond what .secrets.baseline knows as an example.
# A new example is taken in by `detect-secrets scan --no-verify --baseline .secrets.baseline`.
secrets: setup-dev
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --no-verify --baseline .secrets.baseline

# Asks the network which of the packages we pin have known holes; so it is no part of `make check`.
audit: setup-dev
	@$(BIN)/pip-audit --requirement requirements.txt --disable-pip --no-deps --strict --progress-spinner off

check: test lint types secrets
	@$(BIN)/python manage.py makemigrations --check --dry-run

chaos: setup-dev
	@VENA_CHAOS=1 $(BIN)/python -m pytest -n 0 tests/test_chaos.py tests/test_serve.py tests/test_kill_fetch.py

fuzz: setup-dev
	@VENA_FUZZ=200 $(BIN)/python -m pytest -n 2 --timeout 3000 vena_platform/tests/isolation/test_fuzz.py chat/tests/test_fuzz.py

bench: setup-dev
	@$(BIN)/python -m bench

lock:
	@$(BIN)/uv pip compile --quiet requirements.in -o requirements.txt --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"
	@$(BIN)/uv pip compile --quiet requirements-dev.in -o requirements-dev.txt --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"

clean:
	rm -rf .venv node_modules static/dist .pytest_cache .mypy_cache .ruff_cache
