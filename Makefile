# The laptop's commands. `make demo` and `make test` install what they need; nothing else has to be there but Python 3.12.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo run test check docs drawings infra lock clean
MAKEFLAGS += --no-print-directory

# Every process imports the same libraries: they are compiled once, also where a shell forbids it (containers often do).
unexport PYTHONDONTWRITEBYTECODE

# A stamp is written only after its installation has succeeded, so one that was interrupted is taken up again.
LAPTOP := .venv/installed-laptop
DEV := .venv/installed-dev
LOCALSTACK := .localstack/installed
DRAWINGS := .drawings/installed
INFRA := .infra/installed
BILHETAGEM := .venv/bin/bilhetagem

define INSTALL
@python=; for candidate in $(PYTHON) python3.12 python3 python; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' >/dev/null 2>&1; then python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo 'Python 3.12 is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3.12 ...' >&2; exit 1; \
fi; \
$$python requirements/install.py
endef

help: ## What can be done here
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(LAPTOP) $(LOCALSTACK) ## Install what demo and run need (locked, by hash)

demo: install ## Start everything, watch three purchases, stop everything
	@$(BILHETAGEM) demo $(ARGS)

run: install ## Start everything and keep it running; Ctrl-C drains and stops
	@$(BILHETAGEM) up $(ARGS)

# Four at a time on any machine: half of what they take is waiting.
test: $(DEV) $(LOCALSTACK) ## All tests, on SQLite, PostgreSQL and LocalStack; e.g. ARGS="-k stock"
	@.venv/bin/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV) ## Lint, format, types, import rules, generated files
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(BILHETAGEM) docs --check

docs: $(DEV) ## Write the generated documents and schemas again
	$(BILHETAGEM) docs

drawings: $(DEV) $(DRAWINGS) ## Draw the architecture and the network again; needs Chromium
	@.venv/bin/python -m infra.drawings

infra: $(INFRA) $(LOCALSTACK) ## The infrastructure: types, synthesis of dev and prod with cdk-nag, cfn-lint, tests
	@.infra/bin/python -m mypy --cache-dir .mypy_cache/infra infra >.infra/types 2>&1 & types=$$!; \
	.infra/bin/python -m pytest infra/tests --templates cdk.out $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat .infra/types; exit $$((tests | types))

lock: $(DEV) ## Resolve all dependencies anew
	@.venv/bin/python requirements/lock.py

clean: ## Remove the environments and all that a run left behind
	rm -rf .venv .localstack .drawings .infra infra/node_modules .bilhetagem cdk.out dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(LAPTOP): pyproject.toml requirements/build.txt requirements/laptop.txt
	$(INSTALL) laptop
	@touch $@

$(DEV): pyproject.toml requirements/build.txt requirements/dev.txt
	$(INSTALL) dev
	@touch $@ $(LAPTOP)

$(LOCALSTACK): requirements/build.txt localstack/requirements.txt
	$(INSTALL) localstack
	@touch $@

$(INFRA): pyproject.toml requirements/build.txt infra/requirements.txt
	$(INSTALL) infra
	@touch $@

# draw.io's viewer is all that is wanted of this wheel, so what it depends on stays away.
$(DRAWINGS): infra/drawings/requirements.txt | $(DEV)
	@.venv/bin/uv pip install --quiet --no-deps --require-hashes --target .drawings -r $<
	@touch $@
