# make help lists the targets. Nothing here is needed to build: go build does.

.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz golden nightly

# Seconds for each fuzz target; nightly takes more.
T ?= 10

# The packages that own goldens: their tests rewrite them where they read
# MPSTACK_UPDATE, directly or through capture/golden.
goldens = $(sort $(patsubst %,./%,$(patsubst %/,%,$(dir $(shell \
	git grep -lE 'MPSTACK_UPDATE|mpstack/capture/golden"' -- '*_test.go')))))

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## build dist/mpstack and run its demo (ARGS= for its flags)
	@mkdir -p dist
	CGO_ENABLED=0 go build -o dist/mpstack ./cmd/mpstack
	./dist/mpstack demo $(ARGS)

test: ## everything that must hold before a change lands (./check.sh)
	./check.sh

bench: ## all benchmarks, one package at a time; then the ratios: PASS or FAIL
	@mkdir -p dist
	go test -p 1 -run '^$$' -bench . -benchmem ./... | tee dist/bench.txt
	@printf '\n%s\n' 'ratios within this run: measured, target'
	@awk 'NF==4 && $$4~/^(PASS|FAIL|INFO)$$/' dist/bench.txt
	@! grep -qE ' FAIL$$' dist/bench.txt

fuzz: ## every fuzz target for T= seconds (10)
	T=$(T) ./check.sh fuzz

golden: ## rewrite the goldens; look at the difference before committing it
	MPSTACK_UPDATE=1 go test -count=1 $(goldens)
	@git status --short

nightly: T = 60
nightly: ## longer fuzzing (T=60), and the goldens on arm64 under qemu-user
	@command -v qemu-aarch64 >/dev/null || ./check.sh qemu
	T=$(T) ./check.sh fuzz
	CGO_ENABLED=0 GOARCH=arm64 go test -count=1 -exec qemu-aarch64 $(goldens)
