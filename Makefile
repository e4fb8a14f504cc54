# Two commands set everything up on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt

.PHONY: demo test slow oldest web check-web test-web docs clean

## demo: light install (no torch), depth of the example picture with the shipped model
demo: $(VENV)/.base
	$(BIN)/python examples/demo.py

## test: full install (torch and all), style, types, the whole fast suite, one thread a process
test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

## slow: the checks that take minutes
slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

## oldest: the lowest versions that pyproject.toml allows of the light install do what it is for
oldest: $(BIN)/uv
	$(BIN)/uv venv --quiet --clear out/oldest
	$(BIN)/uv pip install --quiet --python out/oldest/bin/python --resolution lowest-direct '.[serve,video,heic,data,hub]'
	out/oldest/bin/python scripts/check_oldest.py

## web: the page that predicts in the browser; npm fetches the libraries it brings, once
web: $(VENV)/.base
	$(BIN)/python web/fetch_vendor.py
	$(INSTALL) -e web

## docs: the documentation as a site, in out/site; any warning and any dead link is an error
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python scripts/check_site.py out/site
	@echo "out/site/index.html; browsers search it only over HTTP: $(BIN)/python -m http.server -d out/site"

## check-web: types (tsc) and style (eslint) of the page's scripts; npm fetches both
check-web:
	cd web && npm ci --silent && npm run check

## test-web: the page in Chromium (apt-get install chromium)
test-web: $(VENV)/.dev
	$(INSTALL) -e web
	$(BIN)/python -m pytest -m slow tests/web

$(BIN)/uv:
	$(PYTHON) -c 'import sys; sys.exit("Leadline needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.base: $(BIN)/uv pyproject.toml constraints.txt
	$(INSTALL) -e .
	@touch $@

$(VENV)/.docs: $(BIN)/uv pyproject.toml constraints.txt
	$(INSTALL) -e '.[docs]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(BIN)/uv pyproject.toml constraints.txt
	$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.docs

clean:
	rm -rf $(VENV) out
