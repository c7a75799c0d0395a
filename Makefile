# Parley: `make` or `make help` lists what there is. Settings go on the same line: make bench BENCH=--tls
SOURCES := Sources Tests Examples Benchmarks Conformance Fuzz/Sources Package.swift Fuzz/Package.swift

# Optimised, as it is given to users: with the Swift runtime in the program, and without checks that the debug build of the tests makes.
RELEASE := -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked

ARGS ?=
BENCH ?=
CONFORMANCE ?=
FUZZ_SECONDS ?= 600

.PHONY: help run build release test check bench conformance fuzz format lint clean
.NOTPARALLEL:

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: release ## Start a server to play with; it prints addresses and tokens (ARGS=... are its options)
	@swift build $(RELEASE) --product whiteboard
	.build/release/parley serve --dev $(ARGS)

build: ## Debug build, which is what the tests use
	@scripts/bootstrap run
	swift build

release: ## Optimised build: .build/release/parley
	@scripts/bootstrap run
	swift build $(RELEASE) --product parley

test: ## Everything: unit, integration, fuzz, conformance (PARLEY_BINARY=... tests that server)
	@scripts/bootstrap test
	@scripts/test

check: ## The quick part of it: lint, unit tests, fast integration tests
	@scripts/bootstrap test
	@scripts/test --quick

bench: ## Speed and memory beside a C floor and Node's ws (BENCH="--rounds 7 --only fan16", BENCH=--tls)
	@scripts/bootstrap bench
	@$(MAKE) --no-print-directory release
	swift build $(RELEASE) --product socketio-fixture
	Benchmarks/bench.py --parley .build/release/parley --check $(BENCH)
	Benchmarks/allocations.py --parley .build/release/parley --check
	Benchmarks/backends.py --parley .build/release/parley --check

conformance: ## All of the Autobahn suite, a quarter of an hour (CONFORMANCE="--quick", "--shard 1/4", "6.4.*")
	@scripts/bootstrap conformance
	@$(MAKE) --no-print-directory release
	Conformance/run --parley .build/release/parley $(CONFORMANCE)

fuzz: ## Feed the parsers random bytes (FUZZ_SECONDS=600)
	@scripts/bootstrap run
	Fuzz/run --seconds $(FUZZ_SECONDS)

format: ## Rewrite the sources in the project's format
	swift format --in-place --parallel -r $(SOURCES)

lint: ## Complain about format and faults in every language of the tree, and about what does not belong into it
	@scripts/bootstrap lint
	@scripts/lint $(SOURCES)

clean: ## Remove all that was built or fetched
	rm -rf .build .tools Fuzz/.build
