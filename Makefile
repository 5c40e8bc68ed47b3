# Everything is installed into .venv; nothing else on the machine changes.
# Settings are HOLDOUT_* variables: `HOLDOUT_PORT=9000 make serve`.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := $(VENV)/bin/python -m tools.install

# Stamps: an installation is repeated only if the files that it depends on have changed.
RUNTIME := $(VENV)/.runtime-installed
CHECKS := $(VENV)/.checks-installed
CLIENTS := $(VENV)/.clients-installed
PEERS := $(VENV)/.peers-installed
STORES := $(VENV)/.stores-installed
KERNELS := $(VENV)/.kernels-compiled

# The tests start hundreds of processes; none of them should compile all sources again.
unexport PYTHONDONTWRITEBYTECODE

# Tests compare with the oracles (PyTorch, scikit-learn, ...). If one cannot be installed, its tests are skipped with a
# message; with CI set, this is an error. TORCH: cpu installs only the CPU build of PyTorch, any installs every build,
# none installs no build.
ifdef CI
OPTIONAL := exit 1
TORCH ?= any
else
OPTIONAL := echo "An oracle could not be installed: the tests that compare with it will be skipped."
TORCH ?= cpu
endif
INSTALL_TORCH := $(VENV)/bin/python -m tools.install_torch --$(TORCH)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo serve test thorough lint format clients bench simulate chaos soak stores contract coverage mutation constraints locks migration methods openapi examples

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(KERNELS) ## Install what the service needs, into .venv

demo: $(KERNELS) ## Train two losses on imbalanced digits and show the accuracy of each class; ARGS=--serve then serves them
	@$(VENV)/bin/holdout demo $(ARGS)

serve: $(KERNELS) ## Run the service on 127.0.0.1:8000
	@$(VENV)/bin/holdout serve

# Four processes for two cores, because many tests wait for other programs; each spends a quarter of a minute on imports,
# on the collection of the tests and on servers of its own.
test: $(CHECKS) $(KERNELS) ## Run the test suite, each case on one of the databases
	@$(VENV)/bin/pytest --numprocesses 4 --quick $(ARGS)

thorough: $(CHECKS) $(KERNELS) ## Run the test suite, each case on both databases, with the tests that take long
	@$(VENV)/bin/pytest --numprocesses 4 $(ARGS)

lint: $(CHECKS) ## Check style, types, the direction of imports, and whether generated files are current
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/python -m tools.make_methods --check
	@$(VENV)/bin/python -m tools.make_openapi --check

format: $(CHECKS) ## Format the code
	@$(VENV)/bin/ruff check --fix
	@$(VENV)/bin/ruff format

clients: $(CLIENTS) ## Lint the OpenAPI document, generate clients from it, check their types and use them
	@$(VENV)/bin/pytest -m slow tests/clients $(ARGS)

bench: $(PEERS) ## Compare training and the service with others; ARGS='polling many_experiments' runs only these
	@$(VENV)/bin/python -m benchmarks $(ARGS)

simulate: $(CHECKS) $(KERNELS) ## Simulate, with a known truth, how often intervals cover it and how often comparisons are wrong
	@$(VENV)/bin/python -m benchmarks.simulation $(ARGS)

chaos: $(CHECKS) ## Kill workers, agents, APIs and the database repeatedly, then audit the database
	@$(VENV)/bin/python -m tests.chaos $(ARGS)

soak: $(CHECKS) $(KERNELS) ## Let eight clients use the service for half an hour; its memory and files must not grow: ARGS='--minutes 5'
	@$(VENV)/bin/python -m tests.soak $(ARGS)

stores: $(STORES) $(KERNELS) ## Let S3 and Azure servers refuse, hang and know another key for a minute, and the service outlive it
	@$(VENV)/bin/pytest tests/service/store/artifacts/test_object_store.py
	@$(VENV)/bin/pytest -m slow tests/service/operations/test_store_outages.py $(ARGS)

contract: $(CHECKS) $(KERNELS) ## Test the service against its OpenAPI document with thousands of requests
	@$(VENV)/bin/pytest -m slow tests/contract $(ARGS)

coverage: $(CHECKS) ## Check that tests cover every branch of the queue and the agent
	@$(VENV)/bin/coverage run -m pytest --quiet tests/service/store/queue tests/service/agent/scripted
	@$(VENV)/bin/coverage report

mutation: $(CHECKS) ## Mutate the queue and the agent in a thousand ways, in mutants/, and count the surviving mutants
	@$(INSTALL) mutation
	@$(VENV)/bin/mutmut run --max-children 1
	@$(VENV)/bin/mutmut results

methods: $(RUNTIME) ## Write docs/methods.md from the docstrings
	@$(VENV)/bin/python -m tools.make_methods

openapi: $(CHECKS) ## Write the OpenAPI document from the routes, and print the breaking changes
	@$(VENV)/bin/python -m tools.make_openapi

examples: $(CHECKS) ## Run the commands of docs/api.md, save their responses as examples, then write the OpenAPI document
	@$(VENV)/bin/python -m tools.make_examples
	@$(VENV)/bin/python -m tools.make_openapi

migration: $(CHECKS) ## Write the migration from the last one to tables.py: make migration MESSAGE="what changes"
	@$(VENV)/bin/python -m tools.make_migration "$(MESSAGE)"
	@$(VENV)/bin/ruff format --quiet service/store/migrations/versions

constraints: $(CHECKS) ## Write constraints.txt: the versions that are installed in .venv
	@$(PIP) list --format=freeze --exclude holdout --exclude pip --exclude setuptools \
		| sed -E -e 's/\+.*//' -e '/^(nvidia|cuda|triton)/d' > constraints.new
	@mv constraints.new constraints.txt

locks: $(CHECKS) ## Write locks/: the versions of constraints.txt that the image installs, with their hashes
	@$(VENV)/bin/python -m tools.make_locks

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Holdout needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Holdout into $(VENV) ..."
	@$(INSTALL)
	@touch $@

# numba caches compiled kernels beside their sources, so that no first run waits for the compiler.
$(KERNELS): $(wildcard workers/nn/kernels/compiled/*.py) $(RUNTIME)
	@echo "Compiling the training kernels (once, about a minute) ..."
	@$(VENV)/bin/python -m workers.processes.preload
	@touch $@

# PyTorch is installed first and alone, so that no other requirement chooses its build.
$(CHECKS): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Holdout, its checks and the oracles into $(VENV) (a few minutes) ..."
	@$(INSTALL_TORCH) || { $(OPTIONAL); }
	@$(INSTALL) cluster telemetry test lint
	@$(INSTALL) optuna oracles servers || { $(OPTIONAL); }
	@touch $(RUNTIME) $@

# MLflow needs other versions of dependencies of the service, so it gets an environment of its own; H2O is a Java server.
$(PEERS): $(CHECKS)
	@echo "Installing the frameworks that benchmarks compare with (a few minutes) ..."
	@$(INSTALL) bench || echo "JAX could not be installed: the benchmarks skip it."
	@$(VENV)/bin/python -m venv $(VENV)/mlflow
	@$(VENV)/mlflow/bin/python -m pip --disable-pip-version-check install --quiet mlflow==3.17.2 \
		|| echo "MLflow could not be installed: the benchmarks skip it."
	@$(VENV)/bin/python -m venv $(VENV)/h2o
	@$(VENV)/h2o/bin/python -m pip --disable-pip-version-check install --quiet h2o==3.46.0.12 \
		|| echo "H2O could not be installed: the benchmarks skip it."
	@touch $@

# One server of Azure's protocol and one of S3's need Node.js and npm.
$(STORES): $(CHECKS)
	@echo "Installing the clients of object stores, azurite and s3rver (a few minutes) ..."
	@$(INSTALL) objectstore
	@npm install --prefix $(VENV)/stores --no-save --no-audit --no-fund --ignore-scripts --silent azurite@3.35.0 s3rver@3.7.1 \
		|| { $(OPTIONAL); }
	@touch $@

# Generators of clients need other versions of dependencies of the service, so they get an environment of their own.
# They also need Node.js, npm and Java; if one is missing, its tests are skipped with a message.
$(CLIENTS): tests/clients/requirements.txt tests/clients/package-lock.json $(CHECKS)
	@echo "Installing generators of clients (a few minutes) ..."
	@$(VENV)/bin/python -m venv $(VENV)/clients
	@$(VENV)/clients/bin/python -m pip --disable-pip-version-check install --quiet \
		--requirement tests/clients/requirements.txt
	@mkdir -p $(VENV)/node && cp tests/clients/package.json tests/clients/package-lock.json $(VENV)/node
	@cd $(VENV)/node && npm ci --no-audit --no-fund --ignore-scripts --silent || { $(OPTIONAL); }
	@touch $@
