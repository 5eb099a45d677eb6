# Two commands: `make demo` and `make test`. Both make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all check format clean

demo: $(READY)  ## every paper's claims at smoke scale, a verdict table, a report
	$(BIN)/halflife run --scale smoke
	$(BIN)/halflife report -o halflife-report.html

test: $(READY)  ## the tests, all but the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile

test-all: $(READY)  ## the tests, slow ones too
	$(BIN)/python -m pytest -n auto --dist loadfile -m ''

check: $(READY)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv halflife-report.html

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)
