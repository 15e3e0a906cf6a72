# `make demo` and `make test` each set up everything they need: a .venv beside this file.
# PYTHON=/path/to/python chooses the interpreter (3.11 or later); VENV= another place.

# A name on PATH may be a shim that fails when it is run, so each candidate is run. A Python without
# ensurepip (Debian splits it off) makes a venv without pip.
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3 python
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

VENV := .venv
BIN := $(VENV)/bin
# -qq: only errors; a machine's own index settings may warn a line a package.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints-dev.txt
INPUTS := pyproject.toml constraints-dev.txt
# The clients that the benchmarks compare with need versions of their own.
BENCH := $(VENV)/bench
# mutmut has an environment of its own too, and works on copies of the tree beside it.
MUTANTS := $(VENV)/mutants
# Which of tests/mutants/*.cfg: `make mutants PARTS=pure` takes minutes, all of it longer.
# ARGS="'aiocloudauth.runner.*'" chooses among the mutants of a part.
PARTS := pure edge
JOBS := 2

# What runs pytest: `make cover` puts coverage here. ARGS= goes to pytest.
RUN := $(BIN)/python
ARGS :=
# Tests that take long, longer still under coverage, and reach no line that the others do not: random
# courses, other processes, documents.
UNCOVERED := invariants invariants_bite simulation lifecycle_stateful testing_session hostile_memory \
    forks_and_loops secrets_everywhere examples examples_own_suite readme project testing_docs budget

.DELETE_ON_ERROR:
.PHONY: help demo test cover simulate soak fuzz api lint format wheel bench bench-quick bench-kit mutants clean

help:
	@echo "make demo    a session under load against an embedded server: watch it not lapse"
	@echo "make test    the tests (ARGS='-k name' to choose)"
	@echo "make cover   branch coverage, which has to be 100 %, by those tests that add to it"
	@echo "make simulate  a year of faults on virtual time (ARGS='--seed 2')"
	@echo "make soak      200 workers on real sockets, SECONDS=60 for each Python (PYTHONS=... to choose)"
	@echo "make fuzz    at least 1,000,000 random answers against the parsers (ARGS='--inputs 50000 --seed 2')"
	@echo "make api     make the operations' table, types and stub from their facts"
	@echo "make lint    ruff, mypy --strict, the import contracts"
	@echo "make format  let ruff put the layout right"
	@echo "make wheel   build, install in a fresh venv, import every module alone"
	@echo "make bench   measure, beside other clients (10 min), and renew docs/benchmarks.*"
	@echo "make bench-quick  measure this package alone (1 min), and print the table"
	@echo "make bench-kit    measure the test kit: start, requests a second, lifetimes (half a minute)"
	@echo "make mutants  do the tests notice a changed line? (long; PARTS=pure: the pure part)"
	@echo "make clean   remove what the above made"

# Two stamps, so that the demo need not wait for the tools.
$(VENV)/runtime.stamp: $(INPUTS)
	@for python in $(or $(PYTHON),$(CANDIDATES)); do \
	    "$$python" -c '$(SUITS)' >/dev/null 2>&1 </dev/null && found=$$python && break; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "No Python 3.11 or later with venv and ensurepip (Debian: python3-venv) among:" \
	        "$(or $(PYTHON),$(CANDIDATES)). PYTHON=/path/to/python names one." >&2; \
	    exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv $(VENV)
	@$(PIP) -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp
	@echo "Installing the development tools into $(VENV)"
	@$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/runtime.stamp
	@$(BIN)/python -m aiocloudauth demo $(ARGS)

test: $(VENV)/dev.stamp
	$(RUN) -m pytest $(ARGS)

# Not pytest-cov: pytest loads this package's own plugin before pytest-cov could start to measure.
cover: $(VENV)/dev.stamp
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test RUN='$(BIN)/coverage run' \
	    ARGS='$(UNCOVERED:%=--ignore=tests/test_%.py) $(ARGS)'
	$(BIN)/coverage report

simulate: $(VENV)/dev.stamp
	@$(BIN)/python -m simulation.year $(ARGS)

# SECONDS is a variable of some shells too: only one given to make counts.
soak: $(VENV)/dev.stamp
	@$(BIN)/python -m simulation.soak \
	    --seconds $(if $(findstring command,$(origin SECONDS)),$(SECONDS),60) \
	    $(if $(PYTHONS),--python $(PYTHONS))

fuzz: $(VENV)/dev.stamp
	@$(BIN)/python -m fuzz $(ARGS)

# The table, the types, the stub and the list of operations, from aiocloudauth/api/facts.json.
api: $(VENV)/runtime.stamp
	@$(BIN)/python tools/generate_api.py

# All of them run, so that one round shows every finding.
lint: $(VENV)/dev.stamp
	@failed=; \
	for check in "ruff check" "ruff format --check --diff" "mypy" "lint-imports --no-logo"; do \
	    echo "$(BIN)/$$check"; $(BIN)/$$check || failed="$$failed [$$check]"; \
	done; \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed" >&2; exit 1; fi

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(VENV)/dev.stamp
	@.ci/wheel $(BIN)/python

$(BENCH)/stamp: $(VENV)/runtime.stamp benchmarks/requirements.txt benchmarks/constraints.txt
	@echo "Setting up $(BENCH), with the clients to compare with"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check install -qq \
	    -c benchmarks/constraints.txt -r benchmarks/requirements.txt -e .
	@touch $@

bench-kit: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.kit

bench: $(BENCH)/stamp
	@$(BENCH)/bin/python -m benchmarks --write $(ARGS)

bench-quick: $(BENCH)/stamp
	@$(BENCH)/bin/python -m benchmarks --quick $(ARGS)

$(MUTANTS)/stamp: $(VENV)/runtime.stamp tests/mutants/constraints.txt constraints-dev.txt
	@echo "Setting up $(MUTANTS), with mutmut"
	@$(BIN)/python -m venv $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check install -qq \
	    -c constraints-dev.txt -c tests/mutants/constraints.txt mutmut -e '.[testing]' \
	    hypothesis pytest-asyncio pytest-timeout
	@touch $@

# mutmut reads its settings from, and writes to, the directory it is run in. All parts run, and the
# report tells of each: a mutant that lives is to be read, it fails nothing by itself.
mutants: $(MUTANTS)/stamp
	@for part in $(PARTS); do \
	    rm -rf $(MUTANTS)/$$part && mkdir $(MUTANTS)/$$part || exit 1; \
	    cp -R aiocloudauth tests pyproject.toml README.md $(MUTANTS)/$$part || exit 1; \
	    cp tests/mutants/$$part.cfg $(MUTANTS)/$$part/setup.cfg || exit 1; \
	    (cd $(MUTANTS)/$$part && ../bin/mutmut run --max-children $(JOBS) $(ARGS)) || exit 1; \
	done
	@$(BIN)/python tests/mutants/report.py $(addprefix $(MUTANTS)/,$(PARTS))

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache \
	    .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
