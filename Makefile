GO ?= go
FUZZTIME ?= 10s
BENCH ?= .
COUNT ?= 6

# Tools have a module of their own, so that users of the library never see what they need.
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint
# actionlint needs another version of a package than golangci-lint does: it gets a build list of its own.
ACTIONLINT := $(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# The race detector needs cgo on Linux. Without a C compiler the tests still run.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

MODULES := $(patsubst %/,%,$(dir $(wildcard go.mod */go.mod)))

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile everything
	$(GO) build ./...

.PHONY: test
test: ## Run all tests, in random order and with the race detector
	$(GO) test $(RACE) -shuffle=on ./...

.PHONY: race
race: ## Run the tests of the packages with locks three times over with the race detector
	$(GO) test -race -shuffle=on -count=3 ./bucket/... ./transport/... ./metrics/...

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...
	cd bench && $(GO) vet ./...

.PHONY: lint
lint: ## Run golangci-lint
	$(LINT) run ./...
	cd examples && $(GO) tool -modfile=../tools/go.mod golangci-lint run --config ../.golangci.yml ./...
	cd bench && $(GO) tool -modfile=../tools/go.mod golangci-lint run --config ../.golangci.yml ./...

.PHONY: fmt
fmt: ## Format all files
	$(LINT) fmt

.PHONY: fmt-check
fmt-check: ## Fail if a file is not formatted, and say how it should be
	$(LINT) fmt --diff

.PHONY: actions
actions: ## Check the workflows of GitHub Actions
	$(ACTIONLINT)

.PHONY: tidy-check
tidy-check: ## Fail if go.mod or go.sum of any module is not tidy
	@set -e; for module in $(MODULES); do \
		echo "go mod tidy -diff # in $$module"; \
		(cd "$$module" && $(GO) mod tidy -diff); \
	done

.PHONY: examples
examples: ## Vet and test the examples, which are a module of their own
	cd examples && $(GO) vet ./... && $(GO) test $(RACE) ./...

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@set -e; listed=$$($(GO) test -list '^Fuzz' ./...); \
	printf '%s\n' "$$listed" | \
		awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { while (n > 0) print $$2, name[--n] }' | \
		while read -r package name; do \
			echo "$$package $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" || exit 1; \
		done

.PHONY: bench
bench: ## Run the benchmarks BENCH, COUNT times each; OLD=file compares with an earlier bench.out
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./... > bench.out
	cd bench && $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./... >> ../bench.out
	$(GO) tool -modfile=tools/go.mod benchstat $(OLD) bench.out

.PHONY: bench-once
bench-once: ## Run each benchmark of the bench module once, to see that it works
	cd bench && $(GO) test -bench . -benchtime 1x ./...

.PHONY: demo
demo: ## Show a plain client and an underlimit one side by side
	$(GO) run ./cmd/underlimit demo

.PHONY: check
check: fmt-check vet lint actions test examples bench-once tidy-check ## Everything that a change has to pass
