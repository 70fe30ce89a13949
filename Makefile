# Two commands: `make demo` restores a photograph, `make test` checks everything. Both set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SITE := build/site-venv

.PHONY: demo test lint types wheel docs site clean

$(VENV)/runtime: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/lab: $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab,web,dev]'
	touch $@

demo: $(VENV)/runtime
	$(BIN)/python examples/demo.py

test: $(VENV)/lab
	$(MAKE) --no-print-directory --output-sync --jobs 3 lint types wheel site
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not exhaustive" --durations 20

lint: $(VENV)/lab
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/lab
	$(BIN)/mypy

# The wheel alone, in an environment of its own, without torch and without this checkout.
wheel: $(VENV)/lab
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel . > build/wheel/log.txt
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt build/wheel/*.whl
	cd build/wheel && PATH=venv/bin:$$PATH sh ../../tests/wheel.sh

docs: $(VENV)/lab
	$(BIN)/python docs/generate.py

$(SITE)/ready: docs/requirements.txt constraints.txt
	test -x $(SITE)/bin/python || $(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r docs/requirements.txt
	touch $@

# The pages of docs/ as a site, in an environment of its own: open build/site/index.html. A broken link fails.
site: $(SITE)/ready
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet

clean:
	rm -rf $(VENV) build demo
