# Each target is one line: the work is in ops/ and tests/.
STACK ?= dev
PYTHON := .venv/bin/python

.PHONY: up down test check ready
up: ready
	@$(PYTHON) -m ops up --stack $(STACK)

down: ready
	@$(PYTHON) -m ops down --stack $(STACK) --data $(or $(DATA),keep)

test: ready
	@$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: ready
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy

ready:
	@python3 ops/bootstrap.py
