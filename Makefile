# Each target works as the first command typed on a machine with Python >= 3.11 and make.

PYTHON ?= python3
ARCH ?= x86_64
EXTRAS ?=
BIN := .venv/bin
RUN := $(BIN)/python
FAST_RINGS := tests/unit/ tests/contract/ tests/tools/
# The longest first, so that two workers end together; a ring that is not named here comes last.
LONGEST := $(patsubst %,tests/%/,local terraform provider package corpus ops clients)
SLOW_RINGS := $(LONGEST) $(filter-out $(FAST_RINGS) $(LONGEST),$(sort $(dir $(wildcard tests/*/test_*.py))))

# So many at a time on two cores: whole rings often wait for a server, files of the fast ones never
# (tests/conftest.py says how they are handed out).
FILES := --numprocesses 2
RINGS := --numprocesses 3

# Tests start Python hundreds of times, and each would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check up down package bench load cost prove simulate mutate schemas fuzz lock fmt release pictures screenshots client reference clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:
	@echo "make demo     photos through the whole workflow on this machine"
	@echo "make test     every check there is;  make check  the fast ones (half a minute)"
	@echo "make up/down  the same stack, left running / taken away; LOCAL_PROVIDER=real with the real provider"
	@echo "make package  the Lambda zip, ARCH=x86_64|arm64, EXTRAS=heic,pdf"
	@echo "make prove    what only AWS can say, in an account of yours: PROFILE=... REGION=... ACCOUNT=..."
	@echo "make release  everything that is published, VERSION=... KEY=...;  make screenshots  the README's pictures"
	@echo "make bench    performance against the peers;  make load  the fault audit"

.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m tools.environment

demo: .venv/ready
	@$(RUN) -m local demo

# FRESH=1 replaces what runs already; SETTINGS is a .tfvars file with inputs of the module; PORT.
up: .venv/ready
	@$(RUN) -m local up $(if $(FRESH),--fresh) $(if $(PORT),--port $(PORT)) $(if $(SETTINGS),--settings "$(SETTINGS)")

down: .venv/ready
	@$(RUN) -m local down

test: check
	@$(RUN) -m pytest $(SLOW_RINGS) -q $(RINGS)

check: .venv/ready
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run make fmt"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(RUN) -m pytest $(FAST_RINGS) -q $(FILES)

fmt: .venv/ready
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .
	@if command -v terraform >/dev/null; then terraform fmt -recursive; fi

package: .venv/ready
	@$(RUN) -m tools.package --architecture $(ARCH) --extras '$(EXTRAS)'

bench: .venv/ready
	@$(RUN) -m measure.bench

load: .venv/ready
	@$(RUN) -m measure.load

# Mutated real files, and formats' quantities, into the fenced converter, for twenty minutes.
fuzz: .venv/ready
	@$(RUN) -m tests.corpus.fuzz --seconds 1200

# Uploads through AWS's quotas, as a model: the plots and the table of docs/scale.md.
simulate: .venv/ready
	@$(RUN) -m measure.simulate

# Dollars per million uploads: a run on the local AWS is counted and multiplied by a dated price list.
cost: .venv/ready
	@$(RUN) -m measure.cost

# Asks an AWS account what only AWS can say, and takes everything away again; below a dollar.
prove: .venv/ready
	@test -n "$(PROFILE)" -a -n "$(REGION)" -a -n "$(ACCOUNT)" || { echo "Say where: make prove PROFILE=... REGION=... ACCOUNT=123456789012 (the account that may be used, by its number)"; exit 2; }
	@$(RUN) -m measure.prove --profile "$(PROFILE)" --region "$(REGION)" --account "$(ACCOUNT)"

# Breaks each promise once, in a copy, and shows that the tests notice.
mutate: .venv/ready
	@$(RUN) -m tests.faults.mutate
	@$(RUN) -m tests.terraform.mutate

# The wheel that the stand-in's schemas were extracted from (71 MB); with it a test extracts them anew.
schemas: .venv/ready
	@$(RUN) -m pip download --quiet --no-deps --dest build cdktn_provider_aws==25.8.1
	@$(RUN) -m pytest tests/standin/test_extract.py -q

# Pins every dependency with hashes, for every Python and platform.
lock: .venv/ready
	@$(RUN) -m tools.lock

# Everything that is published, in dist; KEY is a private SSH key that signs the checksums.
release: .venv/ready
	@test -n "$(VERSION)" || { echo "Say which version: make release VERSION=1.4.0"; exit 1; }
	@$(RUN) -m tools.release $(VERSION) $(if $(KEY),--key "$(KEY)")

# The pictures of docs/conversion.md, by the command that stands there.
pictures: .venv/ready
	@$(BIN)/upload-workflow convert docs/pictures/rocket.jpg --renditions docs/pictures/renditions.json --out docs/pictures/made

# Upload page and contact sheet as the README shows them; needs Chromium.
screenshots: .venv/ready
	@$(RUN) -m tests.clients.screenshots

# What npm and pages get of client/upload.ts; needs npm.
client: .venv/ready
	@$(RUN) -m tools.client

reference: .venv/ready
	@$(RUN) -m tools.reference

# First what `make up` left running, which nothing would find again.
clean:
	@test ! -e .local/running.json || $(MAKE) --no-print-directory down
	rm -rf build dist .local .venv
