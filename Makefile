# The two commands of the README, and what they need. Everything happens in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= build

.PHONY: demo test lint format notebooks screenshots bench clean

demo: $(VENV)/.installed
	$(BIN)/python notebooks/run.py notebooks/01_quickstart.ipynb --out $(OUT)

test: $(VENV)/.test-installed lint
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile
	RLM_PROGRESS=none $(BIN)/python -m pytest --nbval-lax --nbval-current-env --no-header notebooks

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Executes the notebooks in place, as they are committed.
notebooks: $(VENV)/.test-installed
	for notebook in notebooks/*.ipynb; do $(BIN)/python notebooks/run.py $$notebook --in-place || exit 1; done

# The README's pictures. The other tests leave theirs in build/screenshots.
screenshots: $(VENV)/.test-installed
	RLM_SCREENSHOTS=docs $(BIN)/python -m pytest -q tests/browser/test_pictures.py

bench: $(VENV)/.test-installed
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp per set of dependencies, renewed when what they are written in changes.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[notebook]'
	touch $@

$(VENV)/.test-installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[notebook,test]'
	touch $@ $(VENV)/.installed
