# chargebridge: two commands are enough: `make up` and `make test`. Each installs what it needs into .venv.
PYTHON ?= python3.11
UV := .venv/bin/uv
STAMP := .venv/.synced
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
# Images of containers like to set this; without compiled files each start of each process compiles all that it imports, which takes seconds.
export PYTHONDONTWRITEBYTECODE :=
JOBS ?= 5

.PHONY: up test lint style bench interop requirements eebus-rules soak docs clean
.DEFAULT_GOAL := help

help:
	@echo "make up       the demo site on a live page"
	@echo "make test     lint, types, import floors and all fast tests"
	@echo "make interop  foreign peers against ours"
	@echo "make requirements  OCPP requirements, rules of LPC and LPP: shown by which tests, and which are open"
	@echo "make bench    figures beside peers and physical limits"
	@echo "make soak     property tests with many more examples, 100,000 damaged telegrams a protocol, hundreds of kill -9"

$(UV):
	@tools/make-venv $(PYTHON)

$(STAMP): $(UV) pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --group dev
	@touch $@

up: $(STAMP)
	@.venv/bin/chargebridge up

style: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache

lint: style
	.venv/bin/mypy

# Tests are collected once beside the style checks, so that the workers find them compiled. Types are checked beside the tests, which wait for
# much, and told after them.
test: $(STAMP) browser
	@mkdir -p out
	@.venv/bin/python -m compileall -q src
	@.venv/bin/pytest --collect-only -qq >out/collected.txt 2>&1 & collecting=$$!; $(MAKE) --no-print-directory style || exit 1; wait $$collecting || true
	@.venv/bin/mypy >out/types.txt 2>&1 & types=$$!; \
	.venv/bin/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$types; types=$$?; echo "mypy:"; cat out/types.txt; exit $$((tests + types))

.PHONY: browser
browser:
	@tools/need-browser

soak: $(STAMP)
	.venv/bin/pytest -n $(JOBS) --timeout=0 -m slow
	HYPOTHESIS_PROFILE=soak .venv/bin/pytest -n $(JOBS) --timeout=0 tests/properties tests/planning/test_exact.py tests/planning/test_invariants.py
	SCHEMA_EXAMPLES=100 .venv/bin/pytest -n $(JOBS) --timeout=0 -m "" tests/wire/ocpp/test_generated.py
	FUZZ_INPUTS=100000 .venv/bin/pytest -n $(JOBS) --timeout=0 tests/wire/meter/test_fuzz_many.py
	KILL_UPDATES=60 .venv/bin/pytest --timeout=0 tests/stations/test_kill.py
	EEBUS_MISHAPS=3000 .venv/bin/pytest --timeout=0 tests/links/eebus/test_mishaps.py

bench: $(UV)
	@$(UV) sync --quiet --frozen --group dev --group bench
	@touch $(STAMP)
	.venv/bin/python -m benchmarks

interop: $(UV)
	@$(UV) sync --quiet --frozen --group dev --group interop
	@touch $(STAMP)
	.venv/bin/python -m interop

requirements: $(STAMP)
	@.venv/bin/python tools/ocpp_requirements.py --open
	@.venv/bin/python tools/eebus_rules.py --open

eebus-rules: $(STAMP)
	.venv/bin/python tools/write_eebus_rules.py

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache out
