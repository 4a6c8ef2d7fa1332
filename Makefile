# Every target does all the set-up it needs. Needs Python ≥ 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ZOO := .venv-rl-zoo
EXTRAS := contrib sbx envs envpool video tensorboard wandb dashboard dask postgres
DEMO := experiments/quickstart/ppo_pendulum.toml

comma := ,
space := $(subst ,, )

.PHONY: extras docs demo test test-all lint check slow rl-zoo calibration bench distributions protocols paper chaos fuzz constraints clean help
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /: /' | sort

$(READY): pyproject.toml constraints.txt
	@./.ci/make-venv "$(PYTHON)" "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

extras: $(READY)  ## the optional packages too, whose tests are skipped without them
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable '.[dev,docs,$(subst $(space),$(comma),$(EXTRAS))]'

demo: $(READY)  ## the tutorial's problem: tune, re-run the best trials on fresh seeds, rank, report
	$(BIN)/robusttune run $(DEMO)

test: $(READY)  ## the fast tests, to be run all day
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-all: $(READY)  ## every test: all cases, whole studies, real training, killed studies, simulations (minutes)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m '' --hypothesis-profile=thorough

docs: $(READY)  ## all pages as a site in build/site; a broken link or an unknown page is an error
	$(BIN)/python -m sphinx -q -W --keep-going -n -E -b html docs build/site
	@echo "build/site/index.html"

lint: $(READY)  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test test-all  ## all that a change must pass, as .ci/run

slow: $(READY)  ## tests that train for real
	$(BIN)/python -m pytest -m slow

rl-zoo: $(READY)  ## does RL Zoo train what is exported, and can its searches be imported? (an environment of its own)
	@[ -e $(ZOO)/.ready ] || { ./.ci/make-venv "$(PYTHON)" "$(ZOO)" && touch $(ZOO)/.ready; }
	$(ZOO)/bin/python -m pip install --quiet --disable-pip-version-check --requirement .ci/torch.txt rl_zoo3==2.9.2 pandas
	ROBUSTTUNE_RL_ZOO_PYTHON=$(CURDIR)/$(ZOO)/bin/python $(BIN)/python -m pytest -m slow tests/unit/interop

calibration: $(READY)  ## do the intervals keep their nominal coverage?
	$(BIN)/python -m pytest -m statistical
	$(BIN)/python -m benchmarks.calibration

bench: $(READY)  ## speed, ours against theirs in one run
	$(BIN)/python -m benchmarks.stats_speed
	$(BIN)/python -m benchmarks.lockstep_speed
	$(BIN)/python -m benchmarks.tuning_speed
	$(BIN)/python -m benchmarks.post_evaluation_speed
	$(BIN)/python -m benchmarks.simulation_speed

distributions: $(READY)  ## many seeds of each trainer: do their scores differ? (hours, resumable)
	$(BIN)/python -m benchmarks.lockstep_distributions

protocols: $(READY)  ## the study of protocols, or what is missing of it (hours, resumable), and its page
	$(BIN)/python -m experiments.protocols --workers 2
	$(BIN)/python -m analysis.build protocols

paper: $(READY)  ## every table and figure of the paper and of the documentation, from committed results (a minute)
	$(BIN)/python -m analysis.build

chaos: $(READY)  ## kill studies at random moments, and worse; nothing may be lost or doubled (an hour, resumable)
	$(BIN)/python -m benchmarks.chaos

fuzz: $(READY)  ## any bytes as a study file, table or database: a study or an error of our own (an hour, resumable)
	$(BIN)/python -m benchmarks.fuzz

constraints: $(READY)  ## make constraints.txt anew
	$(BIN)/pip-compile --quiet --upgrade $(foreach extra,dev docs $(EXTRAS),--extra $(extra)) --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-header --allow-unsafe --constraint .ci/torch.txt --output-file constraints.txt pyproject.toml
	@# A build's local label (2.13.0+cpu) would bind other machines to the build of this one.
	@# Nightly builds are withdrawn after a while; SBX needs one of any day.
	sed -i -E 's/^(torch==[0-9.]+)\+.*/\1/; s/ *-c .*torch.txt/ -c .ci\/torch.txt/; /^tfp-nightly/,+1d' constraints.txt

clean:  ## remove the environment and caches
	rm -rf $(VENV) $(ZOO) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
