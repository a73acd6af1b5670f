# Two commands need nothing but Python 3.11+ and make:
#
#   make book    make the figures that are stale, then the book        PRESET=quick|paper; JOBS figures at a time
#   make test    run the tests that take seconds                       JOBS tests at a time
#
# and `make pdf` (the book on paper; needs Chromium), `make figures`, `make campaign` (the training runs behind
# Figure 5C: hours; JOBS at a time), `make test-all`, `make lint`, `make clean`, `make lock`, `make tune-env` (Ray and
# Optuna, 420 MB, for `ptacore tune` and its tests), `make newest` (the newest packages that pyproject.toml allows, in
# place of the pinned), `make release` (_build/dist).
# PYTHON chooses the interpreter.

PYTHON ?= python3
PRESET ?= quick
PYTEST_ARGS ?=
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
VENV := .venv
BIN := $(VENV)/bin
UV := UV_FIND_LINKS="$$PIP_FIND_LINKS" $(BIN)/uv

.PHONY: book pdf figures campaign test test-all lint clean lock tune-env newest release
.DELETE_ON_ERROR:

book: figures
	@echo "== book: the pages"
	@$(BIN)/ptacore book --preset $(PRESET)

pdf: figures
	@echo "== book: the pages, and these on paper"
	@$(BIN)/ptacore book --pdf --preset $(PRESET)

figures: $(VENV)/.installed
	@echo "== figures that are stale ($(PRESET)), in _build/figures/$(PRESET)/"
	@$(BIN)/ptacore figures --preset $(PRESET) --stale | xargs -r -n 1 -P $(JOBS) $(BIN)/ptacore figures --preset $(PRESET)

# Interrupt it at will: runs go on where they were, and those that have ended are not made again.
campaign: $(VENV)/.installed
	@echo "== campaign: results/campaign.toml"
	@$(BIN)/ptacore campaign --jobs $(JOBS)

# The pages are tested once they are built. JOBS tests at a time; PYTEST_ARGS="-n 0" for all in one process.
test: $(VENV)/.installed
	@echo "== tests, without the slow ones"
	@$(BIN)/python -m pytest -n $(patsubst 1,0,$(JOBS)) --maxprocesses 8 --dist loadfile -m "not slow$(if $(wildcard _build/html/index.html),, and not browser)" $(PYTEST_ARGS)

test-all: $(VENV)/.installed
	@echo "== all tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed
	@echo "== lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

clean:
	@echo "== removing _build, $(VENV) and caches"
	@rm -rf _build $(VENV) *.egg-info .pytest_cache .hypothesis .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The pinned packages, as bytecode: where Python may not write its own, each notebook would compile torch anew.
# A stamp is written last, so an interrupted installation starts again.
$(VENV)/.locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ptacore needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
		echo "Choose another interpreter: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "== environment: $(VENV) from $$($(PYTHON) --version) and requirements.lock"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet uv || echo "uv is not to be had; pip takes its place (minutes)"
	@$(UV) pip install --compile-bytecode --python $(BIN)/python -r requirements.lock || $(BIN)/python -m pip install -r requirements.lock
	@touch $@

# The package itself, editable: only its metadata is installed. Its kernels are compiled now, not in a user's first run.
$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@echo "== package: pip install -e ."
	@$(BIN)/python -m pip install --quiet --no-deps -e .
	@$(BIN)/python -c "from ptacore import kernels; print('compiled kernels:', kernels.build_all())"
	@touch $@

tune-env: $(VENV)/.installed
	@echo "== Ray and Optuna: requirements-tune.lock"
	@$(UV) pip install --quiet --python $(BIN)/python -r requirements.lock -r requirements-tune.lock || \
		$(BIN)/python -m pip install --quiet -r requirements.lock -r requirements-tune.lock

newest: $(VENV)/.installed
	@echo "== the newest packages that pyproject.toml allows"
	@$(UV) pip install --upgrade --python $(BIN)/python -e '.[book,test]' || \
		$(BIN)/python -m pip install --upgrade --upgrade-strategy eager -e '.[book,test]'

# TAG=v1.2.3: the version must be that of the tag.
release: $(VENV)/.installed
	@$(BIN)/ptacore release --check $(if $(TAG),--tag "$(TAG)")
	@$(MAKE) --no-print-directory book
	@$(BIN)/ptacore claims
	@$(BIN)/ptacore release $(if $(TAG),--tag "$(TAG)")

# Newest versions that fit pyproject.toml. A CPU build of torch and the CUDA packages behind torch are written out
# of the file: torch asks for what the machine needs.
lock: TORCH := 2.13.0
lock: COMPILE = $(UV) pip compile --upgrade --constraints $(VENV)/constraints.txt --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet pyproject.toml -o $(VENV)/requirements.txt
lock: PORTABLE := sed -E '/^(nvidia-|cuda-|triton)/d; s/^(torch==[^+]*)\+cpu$$/\1/' $(VENV)/requirements.txt
lock: $(VENV)/.installed
	@echo "== requirements.lock and requirements-tune.lock (what is needed besides) from pyproject.toml"
	@echo "torch==$(TORCH)" > $(VENV)/constraints.txt
	@$(COMPILE) --extra book --extra test
	@$(PORTABLE) > requirements.lock
	@cp requirements.lock $(VENV)/constraints.txt
	@$(COMPILE) --extra tune
	@$(PORTABLE) | grep -vxFf requirements.lock > requirements-tune.lock
	@echo "now: make test"
