# Everything runs in .venv, which the first command sets up.
PYTHON ?= python3
BIN := .venv/bin
OUT := out/demo

.PHONY: demo test test-all lint bench docs package clean

demo: .venv/core ## generate digits with a bundled model, and say where the pictures are
	$(BIN)/jinc sample mnist -n 40 --guidance 2 --out $(OUT)

test: .venv/dev ## the core of the tests, and the doctests, on up to four cores
	$(BIN)/python -m pytest -q -m "not slow" -n logical --maxprocesses 4 --dist worksteal

test-all: test ## slow tests too, one at a time, for some of them measure
	$(BIN)/python -m pytest -q -m slow

lint: .venv/dev ## style, types, and the layers of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev ## speed, memory and cost on this machine: results/bench/report.md, in ten minutes
	$(BIN)/python bench/report.py

docs: .venv/dev ## the documentation in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

package: .venv/dev ## dist/ with the wheel, built from the source archive, and tried on its own
	rm -rf dist
	$(BIN)/python -m build > /dev/null
	$(BIN)/pip install -q --no-deps --target dist/installed dist/jinc-*.whl
	cd dist && PYTHONPATH=installed ../$(BIN)/python -P -c \
		"import jinc; assert 'installed' in jinc.__file__; from jinc.cli import main; main()" \
		sample digits --out samples > /dev/null

clean: ## the environment and the demonstration's run
	rm -rf .venv dist site $(OUT)

.venv/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

.venv/dev: .venv/core
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@
