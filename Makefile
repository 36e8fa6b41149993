# Everything sets up its own virtual environment in .venv: Python 3.10 or newer, git and make are enough.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
SITE := $(VENV)/site
SITE_READY := $(SITE)/.ready

DEST ?=
ANSWERS ?=
VARIANT ?=
SHARD ?= 1/1
SKIP_UNCHANGED ?=
WORKERS ?= 2
PYTEST_ARGS ?=
CHECK ?=
SERVICES ?=
PUSH ?=
SITE_TO ?= site
VERSION ?=

export DEST ANSWERS

# The settings of the person at this machine must not change a render under test.
test image-test matrix regen sketch docs: export COPIER_SETTINGS_PATH := $(CURDIR)/tests/no-settings.yml

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: new
new: $(RUN_READY) ## Render a service: make new DEST=../my-service [ANSWERS=answers.yml]
	@$(PY) -m tools.new -- "$$DEST" "$$ANSWERS"

.PHONY: test
test: $(DEV_READY) $(SITE_READY) ## Run the whole suite: make test [PYTEST_ARGS="-k render"]
	$(PY) -m tools.toolchain
	$(PY) -m tools.scratch $(PY) -m pytest -n $(WORKERS) $(PYTEST_ARGS)

.PHONY: matrix
matrix: $(DEV_READY) ## Render, update and check every variant: make matrix [SHARD=1/4] [SKIP_UNCHANGED=1]
	$(if $(filter 1/%,$(SHARD)),$(PY) -m tools.regen --check)
	$(PY) -m tools.scratch $(PY) -m tools.updates --shard $(SHARD)
	$(PY) -m tools.scratch $(PY) -m tools.matrix --shard $(SHARD) $(if $(SKIP_UNCHANGED),--skip-unchanged)

.PHONY: image-test
image-test: $(DEV_READY) ## Build the image of the largest and the smallest variant with buildah, look into it and run it
	$(PY) -m tools.toolchain
	$(PY) -m pytest tests/test_image.py $(PYTEST_ARGS)

.PHONY: lint
lint: $(DEV_READY) ## Check the style and types of the Python
	$(VENV)/bin/ruff check .
	$(VENV)/bin/black --check --quiet .
	$(VENV)/bin/mypy

.PHONY: format
format: $(DEV_READY) ## Format the Python
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/black --quiet .

.PHONY: regen
regen: $(DEV_READY) ## Make generated template files and golden lists anew; make regen CHECK=1 only compares
	$(PY) -m tools.regen $(if $(CHECK),--check)
	$(PY) -m tools.golden $(if $(CHECK),--check)

.PHONY: sketch
sketch: $(DEV_READY) ## Make one variant of the template as it stands on disk: make sketch VARIANT=echo-pgx DEST=../sketch
	$(PY) -m tools.sketch "$(VARIANT)" "$$DEST"

.PHONY: fleet
fleet: $(RUN_READY) ## Update many services: make fleet SERVICES=services.txt; with PUSH=1 push a branch of each
	@$(PY) -m tools.fleet $(if $(PUSH),--push) -- "$(SERVICES)"

.PHONY: release
release: $(DEV_READY) ## Make a release: make release VERSION=1.2.0; with CHECK=1 only say what speaks against it
	$(PY) -m tools.release "$(VERSION)" $(if $(CHECK),--check)

.PHONY: docs
docs: $(RUN_READY) ## Make anew what docs/ says by itself: answers, ownership, footprints, pictures
	$(PY) -m tools.docs
	$(PY) -m tools.ownership

.PHONY: site
site: $(SITE_READY) ## Build docs/ as a site into site/, and fail on a link that leads nowhere
	@$(SITE)/bin/python -m sphinx --fail-on-warning --keep-going --quiet docs $(SITE_TO)
	@echo "built $(SITE_TO)/index.html"

UV_COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --upgrade

.PHONY: lock
lock: $(DEV_READY) ## Resolve the dependencies anew into requirements/
	$(VENV)/bin/pip install --quiet uv
	$(UV_COMPILE) pyproject.toml -o requirements/run.lock
	$(UV_COMPILE) pyproject.toml --group dev -c requirements/run.lock -o requirements/dev.lock
	$(UV_COMPILE) --group go -o requirements/go.lock
	$(UV_COMPILE) --group cc -o requirements/cc.lock
	$(UV_COMPILE) --group site -o requirements/site.lock

.PHONY: clean
clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) site .pytest_cache .ruff_cache .mypy_cache

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "$(PYTHON) is older than 3.10: name a newer one, such as make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "venv failed: install your system's python3-venv package, or name another Python with PYTHON=" >&2; exit 1; }

$(RUN_READY): requirements/run.lock | $(PY)
	@echo "Setting up $(VENV) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/run.lock
	@touch $@

$(DEV_READY): requirements/dev.lock | $(PY) $(RUN_READY)
	@echo "Setting up $(VENV) for development ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	@touch $@

# An environment of its own: what builds the site must not decide about the versions that the tools and tests use.
$(SITE_READY): requirements/site.lock | $(PY)
	@echo "Setting up $(SITE) ..."
	@$(PY) -m venv $(SITE)
	@$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/site.lock
	@touch $@
