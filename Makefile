# `make` alone prints the targets. Everything runs from `.venv`, which `make setup` builds.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
LIBRARIES := git libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0
# Debian packages the part of Python that builds .venv separately: python3-venv, or python3.12-venv for PYTHON=python3.12.
VENV := $(notdir $(PYTHON))-venv
HAS_VENV = $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null
TRACKERS := redmine redmine-sqlite puma request-tracker5 rt5-db-sqlite rt5-standalone
# Redmine's packages need the bundler that Debian patched, also where a newer one came as default gem of Ruby.
BUNDLER = BUNDLER_VERSION=$$(apt-cache policy ruby-bundler | awk '/Candidate/ { sub(/-.*/, "", $$2); print $$2 }')
TEST_TOOLS := poppler-utils qpdf chromium openssl shellcheck
JOBS ?= auto
EXAMPLES ?= 20

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: report
report: libraries .venv/ready ## set up, and build the sample engagement in findings/ to Markdown, HTML and PDF in build/
	$(BIN)/findings-report build -f md -f html -f pdf

.PHONY: test
test: test-duration setup test-tools ## set up, and run the tests
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST)

.PHONY: test-duration
test-duration:
	@echo "all tests take about 20 minutes on 2 free cores, after the setup; the quick ones about 12: make test PYTEST=\"-m 'not slow'\""

.PHONY: properties
properties: setup test-tools ## run the property tests with EXAMPLES=20 times as many examples as CI, and new ones each time
	env -u CI FINDINGS_REPORT_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n $(JOBS) -m hypothesis

.PHONY: faults
faults: setup ## let every system call of the main commands fail, one after the other; takes half an hour
	FINDINGS_REPORT_EXAMPLES=24 $(BIN)/python -m pytest tests/commands/test_faults.py

.PHONY: crashes
crashes: setup ## kill the program 500 times at random moments, and look at what the next command leaves; takes half an hour
	FINDINGS_REPORT_EXAMPLES=42 $(BIN)/python -m pytest -s tests/commands/test_interruptions.py -k killed_at_any_moment

.PHONY: mutation
mutation: setup ## weaken the modules that guard, one place at a time, and list the changes that no test notices; MODULES=... EVERY=n FROM=m
	nice -n 19 $(BIN)/python tools/mutate.py --lowest 90 --every $(EVERY) --from $(FROM) $(MODULES)
EVERY ?= 1
FROM ?= 0

.PHONY: fuzz
fuzz: setup ## run each parser of untrusted input under a coverage-guided fuzzer for SECONDS=60; PARSERS=... (needs atheris)
	$(BIN)/python tools/fuzz.py --seconds $(SECONDS) $(PARSERS)
fuzz: SECONDS ?= 60

.PHONY: corpora
corpora: setup test-tools ## run the tests that read corpora of others in CORPORA=FOLDER, see CONTRIBUTING.md
	$(BIN)/python -m pytest -q -rs -s --corpora $(CORPORA) tests/authoring/test_yaml_agreement.py tests/rendering/test_corpora.py

.PHONY: bless
bless: setup ## update the expected outputs of the tests; review the difference
	$(BIN)/python -m pytest -q --bless tests/rendering/test_gold.py
	git diff --stat tests/gold

.PHONY: pictures
pictures: setup test-tools ## update the pictures of the README and the documentation
	$(BIN)/python tools/pictures.py

.PHONY: lint
lint: setup ## ruff, mypy --strict, the import contract, docs up to date, plain English
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate.py --check
	$(BIN)/python tools/check_english.py
	$(BIN)/python tools/sample_repository.py --check
	$(BIN)/python tools/pictures.py --check
	$(BIN)/python tools/build_site.py

.PHONY: format
format: setup ## put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: setup ## update the generated parts of the documentation
	$(BIN)/python tools/generate.py

.PHONY: site
site: setup ## build the documentation site in build/site/, and check its links and commands
	$(BIN)/python tools/build_site.py
	$(BIN)/python -m pytest -q -m "not slow" tests/tools/test_documented_commands.py

.PHONY: languages
languages: setup ## bring the message catalogues of reports up to date
	$(BIN)/python tools/catalogues.py

.PHONY: wheel
wheel: setup ## build the wheel and the source archive in dist/
	rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist .

.PHONY: release
release: setup ## build and check what is published of a version, twice, in dist/; ADDRESS=address of its files
	rm -rf dist && $(BIN)/python tools/release.py $(ADDRESS)

.PHONY: import-files
import-files: setup ## import every file of FOLDER, such as the SARIF tests of other projects; IMPORTER=sarif
	$(BIN)/python benchmarks/import_files.py $(or $(IMPORTER),sarif) $(FOLDER)

.PHONY: benchmarks
benchmarks: setup ## measure the figures of docs/performance.md; REPOSITORY=a clone to take real code from
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/html_report.py $(REPOSITORY)
	$(BIN)/python benchmarks/pdf.py $(REPOSITORY)
	$(BIN)/python benchmarks/assembly.py $(REPOSITORY)
	$(BIN)/python benchmarks/each.py $(REPOSITORY)
	$(BIN)/python benchmarks/cluster.py $(REPOSITORY)
	$(BIN)/python benchmarks/quotes.py $(REPOSITORY)
	$(BIN)/python benchmarks/matching.py --synthetic 10000

.PHONY: benchmarks-large
benchmarks-large: setup ## a PDF of 1,000 findings against WeasyPrint alone, and typst where it is installed, once: some ten minutes
	$(BIN)/python benchmarks/assembly.py $(REPOSITORY) --findings 1000 --rounds 1

.PHONY: benchmarks-cluster
benchmarks-cluster: setup ## a report of 20,000 findings and 1,000 engagements on a local cluster: time, and memory of all; half an hour
	$(BIN)/python benchmarks/cluster_large.py $(REPOSITORY)

.PHONY: setup
setup: libraries .venv/ready-dev ## create .venv with all development tools, and install the system libraries for PDF

# The versions are locked by hash: requirements.lock is what runs, requirements-dev.lock is everything. `make lock` moves them.
.venv/ready: pyproject.toml requirements.lock | python
	@echo "creating .venv: about half a minute the first time"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" .venv; \
	else $(PYTHON) -m venv .venv; fi
	@$(call install,--require-hashes --requirement requirements.lock)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.lock
	@echo "installing the development tools: about a minute the first time"
	@$(call install,--require-hashes --requirement requirements-dev.lock)
	@touch $@

# $(1): arguments of `pip install`
define install
if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python $(1); \
else $(BIN)/python -m pip install --quiet $(1); fi
endef

.PHONY: lock
lock: ## move the locks to the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --upgrade --group dev --output-file requirements-dev.lock $(LOCK)
	uv pip compile --group checkout --constraint requirements-dev.lock --output-file requirements.lock $(LOCK)
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml

# Without it .venv cannot be created, so a plain user has to install it first.
.PHONY: python
python:
	@command -v uv >/dev/null 2>&1 || $(HAS_VENV) || { $(call apt,$(VENV),.venv); $(HAS_VENV); } || \
	{ echo "$(PYTHON) cannot create .venv without its modules venv and ensurepip"; exit 1; }

.PHONY: libraries
libraries:
	@$(call apt,$(LIBRARIES),a PDF)

.PHONY: test-tools
test-tools: tests/editor/node_modules
	@$(call apt,$(TEST_TOOLS),some tests; without them those are skipped and listed)

.PHONY: tracker-servers
tracker-servers: ## install the issue trackers that tests start on loopback (Debian, as root)
	@$(call apt,$(TRACKERS),tests of trackers; without them those are skipped and listed,$(BUNDLER))

# What an editor runs on YAML, by hash. Debian's npm brings hundreds of packages: it is not installed, but used where it is.
tests/editor/node_modules: tests/editor/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
	  npm ci --prefix tests/editor --ignore-scripts --no-audit --no-fund --silent && touch $@; \
	else echo "needed for tests of what editors show, which are skipped and listed without: Node.js and npm"; fi

# $(1): Debian packages, $(2): what needs them, $(3): variables for installing. Installs what is missing when root, else prints the one command that does.
define apt
missing=""; for package in $(1); do dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
if [ -n "$$missing" ]; then \
  if ! command -v apt-get >/dev/null; then echo "not Debian: install the equivalents of$$missing; needed for $(2)"; \
  elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && $(3) DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
  else echo "needed for $(2): sudo apt-get install -y --no-install-recommends$$missing"; fi; \
fi
endef

.PHONY: clean
clean: ## remove what was built
	rm -rf .venv build dist
