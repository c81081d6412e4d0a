# Two commands: make up, make test. `make help` lists the rest.
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help up down verify status check test prepare lint unit fuzz docs system faults first-hour arm64 onnx molecule cluster bench profile soak wall lock audit clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

# Lint and then the unit tests, beside what waits for the network half of its time.
test: $(VENV)/requirements-dev.txt  ## lint, unit, system and molecule (an hour and a quarter)
	$(MAKE) --jobs=2 --output-sync=target prepare lint unit
	$(MAKE) system molecule PREPARED=yes

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

prepare: $(VENV)/requirements-dev.txt
	ansible-playbook tests/prepare.yml -i inventories/local

# Where the tests have prepared this machine a moment ago, it is as it should be.
NEEDS := $(VENV)/requirements-dev.txt $(if $(PREPARED),,prepare)

system: $(NEEDS)  ## roles by themselves; then a second deployment beside the first, in all its parts
	pytest --durations=20 --numprocesses=3 --dist=loadfile tests/system/single_roles
	pytest --durations=20 --ignore=tests/system/single_roles tests/system

faults: $(NEEDS)  ## what breaks, more often and for longer than in `make system` (half an hour)
	FAULTS=long pytest -rP tests/system/test_faults.py tests/system/test_poison.py tests/system/test_frames.py

first-hour: $(NEEDS)  ## docs/first-hour.md and operating.md word for word, on fresh hosts (half an hour)
	pytest -rP tests/system/single_roles/first_hour.py

arm64:  ## the image, OpenVINO and Compose on arm64, in an emulator (up to an hour)
	tests/arm64.sh

onnx: $(VENV)/requirements-dev.txt  ## the image of workers with ONNX Runtime, 2 GB of packages (CUDA=12 or 13)
	ansible-playbook playbooks/docker.yml -i inventories/local
	tests/onnx_image.sh $(CUDA)

molecule: $(VENV)/requirements-dev.txt  ## labs of several hosts with systemd, Debian 12 and 13
	$(if $(PREPARED),,ansible-playbook playbooks/docker.yml -i inventories/local)
	molecule destroy --all
	molecule test --all

cluster: export CLUSTER_MODE ?= zookeeper
cluster: export CLUSTER_SECURITY ?= none
cluster: $(VENV)/requirements-dev.txt  ## three brokers, which are killed, filled up, made anew and upgraded (CLUSTER_MODE=kraft CLUSTER_SECURITY=sasl_tls; an hour)
	ansible-playbook playbooks/docker.yml -i inventories/local
	CLUSTER=long molecule test --scenario-name cluster

bench profile: export BROKER ?= localhost:9092
bench: $(VENV)/requirements-dev.txt  ## what the worker does in a second and what it costs (BROKER=localhost:9092)
	python tests/benchmarks/worker.py --broker $(BROKER)

profile: $(VENV)/requirements-dev.txt  ## the processor time of the worker's stages (BROKER=localhost:9092)
	python tests/benchmarks/worker.py profile --broker $(BROKER)

soak: export MINUTES ?= 30
soak: $(VENV)/requirements-dev.txt  ## whether what `make up` has started stays as it is (MINUTES=30, 1440 for a day)
	python tests/benchmarks/soak.py --minutes $(MINUTES)

wall: export MINUTES ?= 30
wall: $(VENV)/requirements-dev.txt  ## whether the viewer keeps up with 16 cameras in 50 browsers, its memory flat (MINUTES=30)
	python tests/benchmarks/viewer.py --minutes $(MINUTES)

docs: $(VENV)/requirements-dev.txt  ## write what is made of specs, tables and programs: docs/variables.md, platforms.md, engines.md, metrics.md, the dashboard
	$(VENV)/bin/python scripts/variables.py > docs/variables.md
	$(VENV)/bin/python scripts/platforms.py > docs/platforms.md
	$(VENV)/bin/python scripts/engines.py > docs/engines.md
	$(VENV)/bin/python scripts/metrics.py > docs/metrics.md
	$(VENV)/bin/python scripts/dashboard.py > files/monitoring/dashboard.json

lock: $(VENV)/requirements-dev.txt  ## bring the locks in line with the *.in files
	scripts/lock.sh

# Needs the Internet: https://api.osv.dev, beside PyPI.
audit: $(VENV)/requirements-dev.txt  ## known holes of what is locked, Python's packages and Kafka's jars
	@scripts/venv.sh .cache/audit requirements-audit.txt
	$(VENV)/bin/python scripts/audit.py

clean:  ## remove the virtual environment and the caches
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .ansible

# The development lock holds the other one whole: with it installed, `make up` installs nothing.
$(VENV)/requirements.txt: requirements.txt
	@scripts/venv.sh $(VENV) $<
$(VENV)/requirements-dev.txt: requirements-dev.txt $(VENV)/requirements.txt
	@scripts/venv.sh $(VENV) $<
