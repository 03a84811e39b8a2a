# Any Python 3.7 or newer: it only runs scripts/setup.py.
PYTHON ?= python3
VENV := .venv/bin
# In one process, so that a seed gives one run, however busy the machine is.
ARGS ?= --run_distributed=false --preset=direct --env_name=control:walker:walk \
  --num_steps=60000 --eval_every=10000 --evaluation_episodes=5
# Three processes for two cores, since many tests wait; a file of tests each at a
# time, in the order of tests/conftest.py. A process that dies is not restarted:
# it would repeat its last test.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart=0
BENCH_ARGS ?=
# Where `make light` tests: versions of Python, and newest, oldest or a version.
PYTHONS ?= 3.12
JAX ?= newest

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast light soak lint docs api bench bench-compare clean

help:  ## Show this help.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup:  ## Make .venv with Python 3.10 and the locked packages.
	@$(PYTHON) scripts/setup.py

run: setup  ## Train an agent; ARGS="..." replaces the default flags.
	$(VENV)/python experiments/run_quinoa.py $(ARGS)

test: setup  ## Lint, build docs, run all tests, naming the ten slowest.
	@$(MAKE) --no-print-directory -j2 lint docs
	$(VENV)/python -m pytest --durations=10 $(PYTEST_ARGS)

test-fast: setup  ## Run the tests that take seconds.
	$(VENV)/python -m pytest -m "not slow" $(PYTEST_ARGS)

light:  ## Test what runs in one process elsewhere; PYTHONS=3.11,3.13 JAX=oldest.
	$(PYTHON) scripts/light.py --python=$(PYTHONS) --jax=$(JAX)

soak: setup  ## Run a program for minutes: flat memory, no loss of speed.
	$(VENV)/python -m pytest -m soak -s tests/experiments/lib/soak_test.py \
	  tests/cases_test.py

lint: setup  ## Check style, formatting and types.
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/pyright

# The variable keeps a notice of the theme's off the terminal. Not --quiet: that
# hides warnings, and then they are no errors.
docs: setup  ## Build the documentation into site/; a warning is an error.
	NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build

api: setup  ## Write down anew what the package exports.
	$(VENV)/python scripts/public_api.py --output=tests/public_api.txt

bench: setup  ## Measure the speed beside peers; BENCH_ARGS="--rows=learner".
	$(VENV)/python -m benchmarks $(BENCH_ARGS)

bench-compare: setup  ## Fail if speed or learning are worse than committed.
	$(VENV)/python -m benchmarks --compare $(BENCH_ARGS)
	$(VENV)/python experiments/run_suite.py --suite=quick --compare

clean:  ## Remove caches and built files, not .venv nor the runs.
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
