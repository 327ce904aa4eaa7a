# webot needs Python 3.11 or newer and make; everything else comes into .venv by itself.
# Another Python than the first good one on the path: make run PYTHON=/path/to/python3

.DEFAULT_GOAL := help
.PHONY: help run test pytest lint lock docs pictures screens editor fmt clean
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(call is_new_enough,$(name)) && echo $(name))))
is_new_enough = $(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1

BIN := .venv/bin
FOLDERS := adapters chains exports pipeline storage web
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# pip compiles on one core.
INSTALL := $(PIP) install --no-compile --require-hashes
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib || true
# Four on two cores: tests also wait, for a database or a browser. Each takes a PostgreSQL and 1 GB.
JOBS ?= 4

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r goal said; do printf '%-10s  %s\n' "$$goal" "$$said"; done

run: .venv/ready ## Start webot with its simulator; prints the address to open
	@$(BIN)/python -m compileall -q $(FOLDERS)
	@exec $(BIN)/webot serve

# Beside one another: the types of a fresh clone keep one core busy for half a minute.
test: .venv/ready-to-test ## Run every check and every test
	@$(MAKE) --no-print-directory --jobs=2 lint pytest

# In the order of their folders: files of few tests that wait for minutes would come last, and be waited for alone.
# What fails beside three other processes is run once more, alone: what fails again refuses. On a loaded machine about
# one test in 9,000 failed for want of time. What passed only alone is listed above as failed, to be put right.
PYTEST := nice -n 15 $(BIN)/python -m pytest
# What they import is compiled before: each would compile all of it, at the same time.
pytest: .venv/ready-to-test
	@$(BIN)/python -m compileall -q -j 0 $(FOLDERS)
	@CHROMIUM="$$(sh .ci/chromium)" && PGBOUNCER="$$(sh .ci/pgbouncer)" && export CHROMIUM PGBOUNCER PYTHONDONTWRITEBYTECODE= && \
	if $(PYTEST) --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder; then exit 0; else test $$? -eq 1; fi && \
	echo "Once more, alone, what failed:" && $(PYTEST) --last-failed --last-failed-no-failures none --maxfail 1

lint: .venv/ready-to-test ## Run the checks that need no running
	@$(BIN)/ruff format --check --quiet . || { echo "make fmt puts this right"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

lock: $(BIN)/python ## Pin the dependencies of pyproject.toml; UPGRADE=--upgrade takes the newest
	@$(PIP) install uv
	@$(call pin,pyproject.toml,runtime)
	@$(call pin,--group dev --constraint requirements/runtime.txt,development)
	@$(call pin,requirements/build.in,build)

pin = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate $(UPGRADE) $(1) --output-file requirements/$(2).txt

docs: .venv/ready ## Write docs/settings.md and settings.zh-CN.md, and what click says in Chinese
	@$(BIN)/python -m web.settings.reference >docs/settings.md.new && mv docs/settings.md.new docs/settings.md
	@$(BIN)/python -m web.settings.reference zh >docs/settings.zh-CN.md.new && mv docs/settings.zh-CN.md.new docs/settings.zh-CN.md
	@$(BIN)/python -m web.terminal.click_words >click.mo.new && mv click.mo.new web/terminal/locale/zh/LC_MESSAGES/click.mo

pictures: .venv/ready-to-test ## Take the pictures of README and docs/ again, from a running service
	@CHROMIUM="$$(sh .ci/chromium)" && export CHROMIUM && exec $(BIN)/python -m tests.screenshots

screens: .venv/ready-to-test ## Take every page of the console into screens/, both languages, light and dark, phone and wide
	@CHROMIUM="$$(sh .ci/chromium)" && export CHROMIUM && exec $(BIN)/python -m tests.screenshots.every_page screens

editor: ## Bundle the console's editor of chains again; needs npm
	@cd web/console/chains/editor && npm ci --no-audit --no-fund && node_modules/.bin/esbuild editor.js --bundle --minify --format=iife \
	--global-name=webotEditor --target=es2021 --legal-comments=none --outfile=../codemirror.min.js

fmt: .venv/ready-to-test ## Put the code into its form
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

clean: ## Remove what make has made; data/ and your settings stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find $(FOLDERS) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an environment is made anew when what it is made from has changed.

$(BIN)/python:
	@$(if $(PYTHON),:,echo "webot needs Python 3.11 or newer, and there is none on the path ($$(python3 --version 2>&1))."; echo "Install one, or name it: make run PYTHON=/path/to/python3.11"; exit 1)
	@$(call is_new_enough,$(PYTHON)) || { \
	echo "webot needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	echo "Name another: make run PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv --clear .venv || { \
	rm -rf .venv; echo "If venv is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }

.venv/ready: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what webot needs into .venv (once, about a minute) ..."
	@$(INSTALL) -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@$(COMPILE)
	@touch $@

.venv/ready-to-test: requirements/development.txt .venv/ready
	@echo "Installing what the tests need ..."
	@$(INSTALL) -r requirements/development.txt
	@$(COMPILE)
	@touch $@
