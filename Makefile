# Each target sets up what it needs: a .venv beside this file, from the registry that pip knows.
# PYTHON=/path/to/python chooses the interpreter (3.11 or later); VENV= another place.

# A name on PATH may be a shim that fails when it is run, so each candidate is run. A Python without
# ensurepip (Debian splits it off) makes a venv without pip.
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3 python
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints-dev.txt
# -qq: only errors; a machine's own index settings may warn a line a package.
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq -c $(CONSTRAINTS)
# The clients that the benchmarks compare with need versions of their own.
BENCH := $(VENV)/bench
# mutmut has an environment of its own too, and works on copies of the tree beside it.
MUTANTS := $(VENV)/mutants
# Which of tests/verify/mutants/*.cfg: `make mutants PARTS=pure` takes minutes, all of it longer.
# ARGS="'aiocloudauth._runtime.runner.*'" chooses among the mutants of a part.
PARTS := pure http runtime

# How many tests, or mutants, at a time.
JOBS := 2
# ARGS= goes to pytest, as in `make test ARGS='-k clock'`.
ARGS :=
# What `make test` runs.
TESTS := tests --ignore=tests/verify
# Those of tests/verify that are measured.
REACHING := command_line table close_in_programs neighbours telemetry
# What runs pytest: RUN='.venv/bin/coverage run' measures.
RUN := $(BIN)/python
PYTEST = $(RUN) -m pytest -n $(JOBS) --dist worksteal

.DELETE_ON_ERROR:
.PHONY: help demo test verify cover report simulate refusals soak model fleet fuzz api lint format wheel bench \
    bench-quick bench-kit mutants clean

help:
	@echo "make demo    a session under load against an embedded server: watch it not lapse"
	@echo "make test    what every change has to pass, in three minutes (ARGS='-k name' to choose)"
	@echo "make verify  long courses, planted bugs, memory, forks, examples (FULL=1: whole years)"
	@echo "make cover   make test, and the branch coverage, which has to be 100 %"
	@echo "make api     make the operations' table, types and stub from their facts"
	@echo "make lint    ruff, mypy --strict, basedpyright, the import contracts"
	@echo "make format  let ruff put the layout right"
	@echo "make wheel   build, install in a fresh venv, import every module alone"
	@echo "make simulate  a year of faults on virtual time (ARGS='--seed 2')"
	@echo "make refusals  what refused tokens and outages cost, in numbers, on virtual time"
	@echo "make soak      200 workers on real sockets (ARGS='--seconds 600')"
	@echo "make model     every state of small fleets (a few minutes)"
	@echo "make fleet     fleets of real processes with a real Valkey and a folder (10 min)"
	@echo "make fuzz      a million random answers against the parsers"
	@echo "make mutants   do the tests notice a changed line? (long; PARTS=pure: the pure part)"
	@echo "make bench   measure, beside other clients (10 min), and renew docs/benchmarks.*"
	@echo "make bench-quick  measure this package alone (1 min), and print the table"
	@echo "make bench-kit    measure the test kit: start, requests a second, lifetimes (half a minute)"
	@echo "make clean   remove what the above made"

$(BIN)/python:
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

# Three stamps: the demo does not wait for the tests' packages, nor the tests for the tools.
$(VENV)/run.stamp: EXTRA :=
$(VENV)/test.stamp: EXTRA := [test]
$(VENV)/dev.stamp: EXTRA := [dev]
$(VENV)/%.stamp: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing aiocloudauth$(EXTRA) into $(VENV)"
	@$(PIP) -e '.$(EXTRA)'
	@touch $@

demo: $(VENV)/run.stamp
	@$(BIN)/python -m aiocloudauth demo $(ARGS)

test: $(VENV)/test.stamp
	$(PYTEST) $(TESTS) $(ARGS)

# The second line: what is tested with generated data is tested with more of it.
verify: $(VENV)/dev.stamp
	$(PYTEST) tests/verify --timeout=600 --hypothesis-profile=verify $(ARGS)
	$(PYTEST) tests --ignore=tests/verify -m hypothesis --timeout=600 --hypothesis-profile=verify

# Not pytest-cov: pytest loads this package's own plugin before pytest-cov could start to measure.
cover: $(VENV)/dev.stamp
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test RUN='$(BIN)/coverage run'
	@$(MAKE) --no-print-directory report

# Of `make verify` these reach lines that `make test` does not; the others would take twice as long.
report: $(VENV)/dev.stamp
	@$(BIN)/coverage run -m pytest -q -n $(JOBS) --timeout=600 -k 'not walk' \
	    $(REACHING:%=tests/verify/test_%.py)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

simulate: $(VENV)/test.stamp
	@$(BIN)/python -m tests.verify.simulated_year.run $(ARGS)

refusals: $(VENV)/test.stamp
	@$(BIN)/python -m tests.verify.refusals

soak: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.verify.soak $(ARGS)

model: $(VENV)/test.stamp
	@$(BIN)/python -m tests.verify.fleet_model.explore $(ARGS)

fleet: $(VENV)/test.stamp
	@$(BIN)/python -m tests.verify.fleet $(ARGS)

fuzz: $(VENV)/test.stamp
	$(RUN) -m pytest tests/verify/test_random_answers.py --timeout=0 --hypothesis-profile=fuzz $(ARGS)

# The table, the types, the stub and the list of operations, from aiocloudauth/api/facts.json.
api: $(VENV)/run.stamp
	@$(BIN)/python tools/generate_api.py

# All of them run, so that one round shows every finding.
CHECKS := "ruff check" "ruff format --check --diff" mypy "basedpyright --pythonpath $(BIN)/python" \
    "lint-imports --no-logo"
lint: $(VENV)/dev.stamp
	@failed=; \
	for check in $(CHECKS); do \
	    echo "$(BIN)/$$check"; $(BIN)/$$check || failed="$$failed [$$check]"; \
	done; \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed" >&2; exit 1; fi

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(VENV)/dev.stamp
	@.ci/wheel $(BIN)/python

$(BENCH)/stamp: benchmarks/requirements.txt benchmarks/constraints.txt | $(BIN)/python
	@echo "Setting up $(BENCH), with the clients to compare with"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check install -qq \
	    -c benchmarks/constraints.txt -r benchmarks/requirements.txt -e .
	@touch $@

bench-kit: $(VENV)/test.stamp
	@$(BIN)/python -m benchmarks.kit

bench: $(BENCH)/stamp
	@$(BENCH)/bin/python -m benchmarks --write $(ARGS)

bench-quick: $(BENCH)/stamp
	@$(BENCH)/bin/python -m benchmarks --quick $(ARGS)

$(MUTANTS)/stamp: pyproject.toml $(CONSTRAINTS) tests/verify/mutants/constraints.txt | $(BIN)/python
	@echo "Setting up $(MUTANTS), with mutmut"
	@$(BIN)/python -m venv $(MUTANTS)
	@$(MUTANTS)/bin/python -m pip --disable-pip-version-check install -qq \
	    -c $(CONSTRAINTS) -c tests/verify/mutants/constraints.txt mutmut mypy -e '.[test]'
	@touch $@

# mutmut reads its settings from, and writes to, the directory it is run in. All parts run, and the
# report tells of each: a mutant that lives is to be read, it fails nothing by itself.
mutants: $(MUTANTS)/stamp
	@for part in $(PARTS); do \
	    rm -rf $(MUTANTS)/$$part && mkdir $(MUTANTS)/$$part || exit 1; \
	    cp -R aiocloudauth tests pyproject.toml README.md $(MUTANTS)/$$part || exit 1; \
	    cp tests/verify/mutants/$$part.cfg $(MUTANTS)/$$part/setup.cfg || exit 1; \
	    (cd $(MUTANTS)/$$part && ../bin/mutmut run --max-children $(JOBS) $(ARGS)) || exit 1; \
	done
	@$(BIN)/python tests/verify/mutants/report.py $(addprefix $(MUTANTS)/,$(PARTS))

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache \
	    .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
