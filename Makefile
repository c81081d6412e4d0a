# Two commands: make up, make test. `make help` lists the rest.
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help up down verify status check test lint unit docs system molecule lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(VENV)/requirements.txt  ## bring up the whole service on this machine and check it
	ansible-playbook site.yml -i inventories/local

down: $(VENV)/requirements.txt  ## stop it; images and data stay
	ansible-playbook playbooks/down.yml -i inventories/local

verify: $(VENV)/requirements.txt  ## send a picture through the running service
	ansible-playbook playbooks/verify.yml -i inventories/local

status: $(VENV)/requirements.txt  ## what runs, how the streams flow, and whether all is well
	ansible-playbook playbooks/status.yml -i inventories/local

check: lint unit  ## the fast half of the tests

test: lint unit system molecule  ## everything below

lint: $(VENV)/requirements-dev.txt  ## style of Ansible, YAML and Python; locks
	ruff check
	ruff format --check
	yamllint --strict .
	ansible-lint --offline
	scripts/lock.sh --check

unit: $(VENV)/requirements-dev.txt  ## the Python package and the inventory checks
	pytest tests/unit

system: $(VENV)/requirements-dev.txt  ## a second deployment beside the first, with real Docker, Kafka and Chromium
	ansible-playbook tests/prepare.yml -i inventories/local
	pytest --durations=20 tests/system

molecule: $(VENV)/requirements-dev.txt  ## labs of several hosts with systemd, Debian 12 and 13
	ansible-playbook playbooks/docker.yml -i inventories/local
	molecule destroy --all
	molecule test --all

docs: $(VENV)/requirements.txt  ## write docs/variables.md from the roles' specs
	$(VENV)/bin/python scripts/variables.py > docs/variables.md

lock: $(VENV)/requirements-dev.txt  ## bring the locks in line with the *.in files
	scripts/lock.sh

clean:  ## remove the virtual environment and the caches
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .ansible

# The development lock holds the other one whole: with it installed, `make up` installs nothing.
$(VENV)/requirements.txt: requirements.txt
	@scripts/venv.sh $(VENV) $<
$(VENV)/requirements-dev.txt: requirements-dev.txt $(VENV)/requirements.txt
	@scripts/venv.sh $(VENV) $<
