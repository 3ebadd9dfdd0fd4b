# Everything a user or CI runs. Two commands do all set-up on a fresh Debian machine with Swift:
# `make demo` and `make test`.

# The one list of system packages: needed always, and optional (each switches on a package trait).
PACKAGES := libzstd-dev pkg-config
OPTIONAL := libedit-dev libpcre2-dev

# Release builds are for the processor they run on; `make build STOA_CPU=` gives a portable binary.
STOA_CPU ?= native
export STOA_CPU
SHELL := /bin/bash
has = $(shell pkg-config --exists $(1) 2>/dev/null && echo $(2))
COMMA := ,
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)
TRAIT_LIST = $(strip $(call has,libedit,LineEditing) $(call has,libpcre2-8,RegularExpressions))
TRAITS = $(if $(TRAIT_LIST),--traits $(subst $(SPACE),$(COMMA),$(TRAIT_LIST)))
RELEASE = swift build -c release --static-swift-stdlib $(TRAITS)
STOA = .build/release/stoa

.PHONY: all demo test build bench tpch ingest gate micro soak queries format lint clean packages peers

all: build

packages:
	@./.ci/packages $(PACKAGES) -- $(OPTIONAL)

build: packages
	$(RELEASE) --product stoa

# Loads the bundled shop and shows five answers, a profiled plan and where the bytes went.
demo: build
	$(RELEASE) --product shopdata
	@datasets/shop/demo.sh $(STOA) .build/release/shopdata

test: packages
	swift build --build-tests $(TRAITS)
	swift test --skip-build $(TRAITS)

# Peers come from PyPI, versions pinned, into .build/peers.
peers: packages
	@test -x .build/peers/bin/python || python3 -m venv .build/peers
	@.build/peers/bin/python -m pip install --quiet --disable-pip-version-check -r Benchmarks/peers/requirements.txt

# SCALE=1 REPEATS=7 are the defaults of the published table.
bench: peers
	$(RELEASE) --product stoa
	$(RELEASE) --product ssb
	.build/release/ssb --scale $(or $(SCALE),1) --repeats $(or $(REPEATS),7)

# The 22 queries of TPC-H; answers are compared with DuckDB's in the same run. ARGUMENTS="--memory-limit 50MB" and the like.
tpch: peers
	$(RELEASE) --product tpch
	.build/release/tpch --scale $(or $(SCALE),1) --repeats $(or $(REPEATS),7) $(ARGUMENTS)

# Durable commits and what tables are like under them, beside SQLite and DuckDB. PARTS="texts appender" runs only those;
# ARGUMENTS="--stream-rows 50000000 --delete-rows 60000000" are the sizes that figures are asked for.
ingest: peers
	$(RELEASE) --product ingest
	.build/release/ingest $(PARTS) --repeats $(or $(REPEATS),3) $(ARGUMENTS)

# One query of each flight as a plan built by hand, and through SQL, against DuckDB sorted the same way.
gate: peers
	$(RELEASE) --product ssb
	.build/release/ssb --engines plans,stoa,duckdb-sorted --queries Q1.1,Q2.1,Q3.1,Q4.1 --threads 1 \
	  --scale $(or $(SCALE),1) --repeats $(or $(REPEATS),21)

micro: packages
	$(RELEASE) --product micro
	.build/release/micro

# The durability table: simulated stops, kill -9, readers beside a writer, damaged files; minutes, or SOAK_SCALE=10 for hours.
soak: packages
	$(RELEASE) --product soak
	.build/release/soak --scale $(or $(SOAK_SCALE),1) $(SOAK)

# Random queries compared with DuckDB, 20,000 in some twenty minutes; a difference is made smaller and printed with its seed.
queries: build peers
	.build/peers/bin/python Tests/LogicTests/random_queries.py $(STOA) --queries $(or $(QUERIES),20000) --seed $(or $(SEED),1)

format:
	swift format -i -r -p Sources Tests Benchmarks datasets Package.swift

lint:
	swift format lint -r -p Sources Tests Benchmarks datasets Package.swift

clean:
	rm -rf .build
