# What a newcomer needs: make demo, make test. Everything else is for those who build, package or measure.

PREFIX  ?= /usr/local
DESTDIR ?=
INIT    ?= systemd
SEEDS   ?= 1000
LONG    ?=
DEMO    ?= pair
SECONDS ?= 60
ONLY    ?=
K       ?=

# Daemons: Swift's library, libstdc++ and libgcc static, glibc shared, PIE (docs/decisions, D28).
STATIC := $(CURDIR)/.build/static
LINK   := --static-swift-stdlib -Xswiftc -L$(STATIC) -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
LINK   += -Xswiftc -use-ld=lld -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections
# Exclusive access is proved at compile time or checked by the tests' debug builds (D32).
LINK   += -Xswiftc -enforce-exclusivity=unchecked
PYTEST := /usr/bin/python3 -m pytest -p no:cacheprovider

.PHONY: all setup build demo test unit lab lab-asan interop bench agreement simulate fuzz docs lint format install clean

all: build

setup:
	@Tests/setup

build:
	@mkdir -p $(STATIC)
	@ln -sf "$$(gcc -print-file-name=libstdc++.a)" $(STATIC)/libstdc++.a
	swift build -c release $(LINK)

demo:
	@echo "make demo: builds hasup (minutes, the first time), then lets two nodes and a client in network namespaces of"
	@echo "their own lose a master. The demo touches nothing outside of them. What it needs is made before and stays: .build"
	@echo "and .venv in this folder; as root also missing Debian packages, and the user and the groups of hasup."
	@if [ "$$(id -u)" != 0 ] && ! unshare --user --map-root-user --net --mount true 2>/dev/null; then \
		echo "make demo: user namespaces aren't allowed for you here, so it needs root: sudo make demo" >&2; exit 1; fi
	@$(MAKE) --no-print-directory setup build
	@/usr/bin/python3 demo/demo.py $(DEMO)

test: setup build
	@LONG=$(LONG) ONLY=$(ONLY) K=$(K) Tests/run

# Without root, and without what the lab needs.
unit:
	@ONLY=$(ONLY) Tests/run $(if $(ONLY),,tidy) unit

lab: setup build
	@LONG=$(LONG) K=$(K) Tests/run lab

# 2,000 reloads with every access to memory checked; what was freed is kept for a while, so it takes its time and memory.
lab-asan: setup
	swift build --scratch-path .build-asan --sanitize=address
	HASUP_BUILD=$(CURDIR)/.build-asan/debug HASUP_SANITIZER=address LONG=1 $(PYTEST) -rs \
		Tests/Lab/test_long_life.py -k reloads

# The lab's tests of pairs; writes docs/interop.md.
interop: setup build
	Tests/interop

bench: setup build
	/usr/bin/python3 Tests/Bench/bench.py

# It builds the tests first, which takes minutes and prints nothing of its own.
agreement:
	@echo "make agreement: builds the tests, then checks the files in Tests/Corpus"
	@mkdir -p .build
	@swift test --filter CorpusTests >.build/agreement.log 2>&1; status=$$?; \
		sed -n '/^file  /,/^agreement/p; /recorded an issue/p' .build/agreement.log; \
		[ $$status = 0 ] || tail -n 20 .build/agreement.log >&2; exit $$status

simulate: setup build
	.build/release/hasup-sim --seeds $(SEEDS)
	.build/release/hasup-sim --services --seeds $(SEEDS)
	.build/release/hasup-sim --guards --seeds $(SEEDS)

# Each decoder of untrusted bytes for SECONDS, by libFuzzer of the Swift toolchain. Optimized code doesn't check unsafe
# subscripts, so the address sanitizer does; it has to stand in one option with the fuzzer, or the fuzzer is blind.
FUZZ := swift build -c release --scratch-path .build-fuzz --product hasup-fuzz -Xswiftc -enable-testing \
	--sanitize=fuzzer -Xswiftc -sanitize=fuzzer,address

fuzz: setup
	HASUP_FUZZ=1 $(FUZZ)
	Tests/Fuzz/run .build-fuzz/release/hasup-fuzz $(SECONDS)

docs: build
	.build/release/hasup keywords >docs/configuration.md
	.build/release/hasup keywords --manual >man/hasup.conf.5

lint:
	swift format lint -s -r Package.swift Sources Tests

format:
	swift format -i -r Package.swift Sources Tests

install:
	DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) INIT=$(INIT) packaging/install

clean:
	rm -rf .build .build-fuzz .build-asan .venv
