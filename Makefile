# Each target is one line: the work is in ops/ and tests/.
STACK ?= dev
PYTHON := .venv/bin/python

.PHONY: up preview advise preflight diagnose down history rollback status report test check ready
up: ready
	@$(PYTHON) -m ops up --stack $(STACK)

preview: ready
	@$(PYTHON) -m ops preview --stack $(STACK)

advise: ready
	@$(PYTHON) -m ops advise $(or $(SOURCE),examples/shop) $(if $(JSON),--json)

preflight: ready
	@$(PYTHON) -m ops preflight --stack $(STACK)

diagnose: ready
	@$(PYTHON) -m ops diagnose --stack $(STACK) $(if $(MINUTES),--minutes $(MINUTES))

down: ready
	@$(PYTHON) -m ops down --stack $(STACK) --data $(or $(DATA),keep)

status: ready
	@$(PYTHON) -m ops status --stack $(STACK) $(if $(JSON),--json) $(if $(WATCH),--watch)

report: ready
	@$(PYTHON) -m ops report --stack $(STACK) $(if $(OUT),--out $(OUT)) $(if $(LAST),--last $(LAST))

history: ready
	@$(PYTHON) -m ops history --stack $(STACK) $(if $(LAST),--last $(LAST))

rollback: ready
	@$(PYTHON) -m ops rollback --stack $(STACK) $(if $(TO),--to $(TO)) $(if $(SECRETS),--secrets $(SECRETS)) $(if $(YES),--yes)

test: ready
	@$(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-long: ready
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m long

check: ready
	@$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy

ready:
	@python3 ops/bootstrap.py
