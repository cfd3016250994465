# Two commands matter: `make serve` and `make test`. `make help` lists the others.

# uv when it is there, else venv and pip; UV=no asks for pip. PYTHON=... names an interpreter. ARGS=... goes to the command.
export PYTHON UV

BIN := .venv/bin

# The name of a stamp holds the folder's checksum: scripts in a virtual environment name it, so a moved clone installs anew.
HERE := $(shell printf %s '$(CURDIR)' | cksum | cut -d ' ' -f 1)
INSTALLED := .venv/installed-$(HERE)
TESTABLE := .venv/testable-$(HERE)

.PHONY: serve test servers lint types format docs bench clean help

serve: $(INSTALLED) ## start an S3 server on 127.0.0.1:9000, data in ./bucketport-data
	@exec $(BIN)/bucketport serve $(ARGS)

test: lint types ## lint, types, and all tests
	$(BIN)/python -m pytest -n auto -q $(ARGS)

servers: $(TESTABLE) ## install the real servers, and the browser, that tests run against
	@.ci/servers

lint: $(TESTABLE) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TESTABLE) ## mypy, strict on src
	$(BIN)/mypy

format: $(TESTABLE) ## write the format that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## write docs/reference anew from the tables in the code
	$(BIN)/python docs/generate.py

bench: $(TESTABLE) ## CPU per request on this machine, beside a plain uvicorn hello (Linux)
	$(BIN)/python benchmarks/s3.py $(ARGS)

clean: ## remove the environment and what tools left behind
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile | expand -t 14

$(INSTALLED): pyproject.toml .ci/install
	@.ci/install
	@touch $@

$(TESTABLE): pyproject.toml .ci/install
	@.ci/install lint test
	@touch $@ $(INSTALLED)
