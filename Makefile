# Two commands: make up, make test. `make help` lists the rest.
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help up down verify status check test lint unit fuzz docs system faults arm64 onnx molecule bench profile soak lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(VENV)/requirements.txt  ## bring up the whole service on this machine and check it
	ansible-playbook site.yml -i inventories/local

down: $(VENV)/requirements.txt  ## stop it; images and data stay
	ansible-playbook playbooks/down.yml -i inventories/local

verify: $(VENV)/requirements.txt  ## send a picture through the running service
	ansible-playbook playbooks/verify.yml -i inventories/local

status: $(VENV)/requirements.txt  ## what runs, how the streams flow, and whether all is well
	ansible-playbook playbooks/status.yml -i inventories/local

check: $(VENV)/requirements-dev.txt  ## the fast half of the tests
	$(MAKE) --jobs=2 --output-sync=target lint unit

test: lint unit system molecule  ## lint, unit, system and molecule (over an hour)

lint: $(VENV)/requirements-dev.txt  ## style of Ansible, YAML and Python; locks
	ruff check
	ruff format --check
	yamllint --strict .
	ansible-lint --offline
	scripts/lock.sh --check

unit: $(VENV)/requirements-dev.txt  ## the Python package and the inventory checks
	pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder tests/unit

fuzz: export FUZZ_EXAMPLES ?= 20000
fuzz: $(VENV)/requirements-dev.txt  ## broken pictures, messages and settings, at random (FUZZ_EXAMPLES=20000 of each)
	pytest --durations=0 tests/unit/test_fuzz.py

system: $(VENV)/requirements-dev.txt  ## roles by themselves; then a second deployment beside the first, in all its parts
	ansible-playbook tests/prepare.yml -i inventories/local
	pytest --durations=20 --numprocesses=2 --dist=loadfile tests/system/single_roles
	pytest --durations=20 --ignore=tests/system/single_roles tests/system

faults: $(VENV)/requirements-dev.txt  ## what breaks, more often and for longer than in `make system` (half an hour)
	ansible-playbook tests/prepare.yml -i inventories/local
	FAULTS=long pytest -rP tests/system/test_faults.py tests/system/test_poison.py tests/system/test_frames.py

arm64:  ## the image, OpenVINO and Compose on arm64, in an emulator (up to an hour)
	tests/arm64.sh

onnx: $(VENV)/requirements-dev.txt  ## the image of workers with ONNX Runtime, 2 GB of packages (CUDA=12 or 13)
	ansible-playbook playbooks/docker.yml -i inventories/local
	tests/onnx_image.sh $(CUDA)

molecule: $(VENV)/requirements-dev.txt  ## labs of several hosts with systemd, Debian 12 and 13
	ansible-playbook playbooks/docker.yml -i inventories/local
	molecule destroy --all
	molecule test --all

bench profile: export BROKER ?= localhost:9092
bench: $(VENV)/requirements-dev.txt  ## what the worker does in a second and what it costs (BROKER=localhost:9092)
	python tests/benchmarks/worker.py --broker $(BROKER)

profile: $(VENV)/requirements-dev.txt  ## the processor time of the worker's stages (BROKER=localhost:9092)
	python tests/benchmarks/worker.py profile --broker $(BROKER)

soak: export MINUTES ?= 30
soak: $(VENV)/requirements-dev.txt  ## whether what `make up` has started stays as it is (MINUTES=30, 1440 for a day)
	python tests/benchmarks/soak.py --minutes $(MINUTES)

docs: $(VENV)/requirements.txt  ## write docs/variables.md, platforms.md and engines.md from the specs, the platforms' files and the engines' table
	$(VENV)/bin/python scripts/variables.py > docs/variables.md
	$(VENV)/bin/python scripts/platforms.py > docs/platforms.md
	$(VENV)/bin/python scripts/engines.py > docs/engines.md

lock: $(VENV)/requirements-dev.txt  ## bring the locks in line with the *.in files
	scripts/lock.sh

clean:  ## remove the virtual environment and the caches
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .ansible

# The development lock holds the other one whole: with it installed, `make up` installs nothing.
$(VENV)/requirements.txt: requirements.txt
	@scripts/venv.sh $(VENV) $<
$(VENV)/requirements-dev.txt: requirements-dev.txt $(VENV)/requirements.txt
	@scripts/venv.sh $(VENV) $<
