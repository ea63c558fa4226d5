# Two commands: `make demo` and `make test`. Each makes the environments it needs; nothing is installed outside them.
PYTHON ?= python3
APP := .venv/bin
TRAINER := .venv-trainer/bin
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: help demo test lint format test-app test-trainer lab-up lab-down test-cluster test-faults test-suite clean \
	bench bench-projection bench-trainer bench-parse bench-scale bench-deadline soak \
	docs screenshots looks fuzz lock audit release-check
.DEFAULT_GOAL := help

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready .venv-trainer/ready ## the main job on the embedded cluster, with the real trainer on a tiny model
	@WEBSIGHT_TUI_TRAINER_PYTHON=$(CURDIR)/$(TRAINER)/python $(APP)/websight-tui demo $(DEMO_FLAGS)

test: lint test-app test-trainer ## lint and every test; says what was skipped and why

lint: .venv/dev-ready ## ruff, mypy strict, import contracts
	@$(APP)/ruff check .
	@$(APP)/ruff format --check .
	@$(APP)/mypy
	@$(APP)/lint-imports --no-cache

format: .venv/dev-ready ## let ruff put the code in shape
	@$(APP)/ruff check --fix-only --quiet .
	@$(APP)/ruff format .

test-app: .venv/dev-ready .venv-trainer/ready
	@WEBSIGHT_TUI_TRAINER_PYTHON=$(CURDIR)/$(TRAINER)/python $(APP)/pytest --ignore tests/trainer -n 2 --dist loadgroup

test-trainer: .venv-trainer/dev-ready
	@$(TRAINER)/pytest tests/trainer -n 2 --dist loadfile

# A real Slurm and real SSH servers on this machine: needs root and Debian's packages (installed by lab-up).
lab-up: ## start the lab of real Slurm clusters and SSH servers (root, Debian)
	tests/lab/lab.sh install
	tests/lab/lab.sh up

lab-down: ## end it
	tests/lab/lab.sh down

test-cluster: .venv/dev-ready ## the contract suite against the lab (make lab-up first)
	@$(APP)/pytest tests/contract tests/runs/test_lab_runs.py tests/runs/test_doctor_lab.py \
		tests/runs/test_bounds_lab.py tests/hostile/test_shell_words.py -n 2 --dist loadgroup
	@$(APP)/pytest tests/faults/test_lab.py # alone: it stops what the others need

SUITE ?= trixie
test-suite: .venv/dev-ready ## the same against the Slurm of another Debian: SUITE=bullseye 20.11, trixie 24.11, forky 26.05
	tests/lab/suite.sh $(SUITE) install
	tests/lab/suite.sh $(SUITE) up
	@status=0; LAB=/tmp/websight-lab-$(SUITE) $(APP)/pytest tests/contract/test_scheduler.py tests/runs/test_lab_runs.py \
	  tests/runs/test_doctor_lab.py tests/runs/test_bounds_lab.py -m cluster -n 2 --dist loadgroup || status=$$?; \
	  tests/lab/suite.sh $(SUITE) down; exit $$status

BENCH_FLAGS ?= --write
bench: .venv/dev-ready ## everything against its floor, its peers and its goals, into docs/benchmarks.md (15 minutes)
	@$(APP)/python -m bench.all $(BENCH_FLAGS)

test-faults: .venv/dev-ready ## everything that can break, on the embedded cluster and, if it is up, on the lab (docs/faults.md)
	@$(APP)/pytest $$($(APP)/python -m tests.faults.table) tests/faults -m "not cluster" -n 2 --dist loadgroup
	@$(APP)/pytest $$($(APP)/python -m tests.faults.table) -m cluster

LOGS ?= ../shared/logs
bench-projection: .venv/dev-ready ## backtest of the projection over a folder of logs (LOGS=…)
	@$(APP)/python -m bench.projection $(LOGS)

bench-trainer: .venv-trainer/ready ## the callback's cost a step; time from a signal to the saved checkpoint
	@$(TRAINER)/python -m bench.trainer

bench-parse: .venv/dev-ready ## MB/s of each log reader, times of chart reduction
	@$(APP)/python -m bench.parse

bench-scale: .venv/dev-ready ## docs/scale.md: a long history, many people, many nodes (bench/controller.py measures in the lab)
	@$(APP)/python -m bench.scale

bench-deadline: .venv-trainer/ready ## deadline mode against a run cut at the same time, tiny model
	@$(TRAINER)/python -m bench.deadline

lock: .venv/dev-ready ## requirements/*.lock anew, with hashes
	$(APP)/pip install $(PIP_FLAGS) --editable '.[release]'
	@$(APP)/python -m docs.locks

audit: .venv/dev-ready ## known vulnerabilities of the locked packages (needs the network)
	$(APP)/pip install $(PIP_FLAGS) --editable '.[release]'
	@for lock in app trainer; do $(APP)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/$$lock.lock || exit; done

release-check: .venv/dev-ready ## builds twice and compares; what stands in the way of a release (RELEASE=dist keeps it)
	@$(APP)/python -m docs.release_check $(RELEASE)

FUZZ_ROUNDS ?= 100000
fuzz: .venv/dev-ready ## search for input that breaks a parser (atheris, Linux; FUZZ_ROUNDS=… of each target)
	$(APP)/pip install $(PIP_FLAGS) --editable '.[fuzz]'
	@$(APP)/python -m tests.fuzz --rounds $(FUZZ_ROUNDS)

soak: .venv/dev-ready ## weeks of the app's life in two hours: do memory, descriptors and threads stay flat? (SOAK_FLAGS=…)
	@$(APP)/python -m bench.soak $(SOAK_FLAGS)

docs: screenshots ## make the pictures and tables of the documentation
	@$(APP)/python -m docs.make_presets
	@$(APP)/python -m docs.made_pages

screenshots: .venv/dev-ready .venv-trainer/ready ## make the pictures of every screen and the recorded session
	@$(APP)/python -m docs.screenshots
	@$(APP)/python -m docs.first_minute_pictures
	@WEBSIGHT_TUI_TRAINER_PYTHON=$(CURDIR)/$(TRAINER)/python $(APP)/python -m docs.demo_screenshots
	@$(APP)/python -m docs.report_picture

LOOKS_FLAGS ?=
looks: .venv/dev-ready ## every screen in every state as pictures and sheets, into looks/ (LOOKS_FLAGS="SCENE… --sizes 80x24")
	@$(APP)/python -m docs.every_screen $(LOOKS_FLAGS)

clean: ## remove the environments and caches
	rm -rf .venv .venv-trainer .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

# What is installed is what was locked, file by file: pip refuses anything with another hash. Only what builds this
# package itself (hatchling, in an environment of its own that pip makes and drops) is not under a lock here.
.venv/ready: pyproject.toml requirements/app.lock
	$(PYTHON) -m venv .venv
	$(APP)/pip install $(PIP_FLAGS) --require-hashes --requirement requirements/app.lock
	$(APP)/pip install $(PIP_FLAGS) --no-deps --editable .
	@touch $@

.venv/dev-ready: .venv/ready requirements/dev.lock
	$(APP)/pip install $(PIP_FLAGS) --require-hashes --requirement requirements/dev.lock
	@touch $@

# The trainer's minimal CPU set: LLaMA-Factory and torchvision without their dependency lists, which would pull in a
# web interface and gigabytes of CUDA builds. By versions, not by hashes: a machine may have a CPU build of torch, whose
# file is another one than the index's.
.venv-trainer/ready: pyproject.toml
	$(PYTHON) -m venv .venv-trainer
	$(TRAINER)/pip install $(PIP_FLAGS) --upgrade pip
	$(TRAINER)/python -c "import tomllib, pathlib; print('\n'.join(tomllib.loads(pathlib.Path('pyproject.toml').read_text())['project']['optional-dependencies']['demo']))" > .venv-trainer/demo.txt
	$(TRAINER)/pip install $(PIP_FLAGS) --requirement .venv-trainer/demo.txt
	$(TRAINER)/pip install $(PIP_FLAGS) --no-deps llamafactory==0.9.5 torchvision==0.28.0
	@touch $@

.venv-trainer/dev-ready: .venv-trainer/ready
	$(TRAINER)/pip install $(PIP_FLAGS) 'pytest>=8,<9' 'pytest-timeout>=2.3' 'pytest-asyncio>=1' 'pytest-xdist>=3.6'
	@touch $@
