# Reeve's tasks. `make` alone lists them.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
# It only ends tests that hang: the longest package takes a tenth of it, and a
# slow machine many times as long as another.
LATE = 60m

.PHONY: help
help: ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: ## start Reeve with the sample fleet, in ./reeve-data
	$(GO) run ./cmd/reeve serve --sample

.PHONY: build
build: ## build the binary: ./reeve
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o reeve ./cmd/reeve

.PHONY: test
test: parts lint ## install what the tests need, then run every test
	$(GO) test -timeout $(LATE) ./...

.PHONY: modules
modules: # what the build, the tests and lint take from the network
	$(GO) list -deps -test ./... >/dev/null
	$(GO) run $(STATICCHECK) -version

.PHONY: parts
parts: # what the tests drive besides Go: clients, agents, a database
	@sh test/parts.sh

.PHONY: race
race: ## run the tests of everything under internal with the race detector, in their short form
	$(GO) test -race -short -timeout $(LATE) ./internal/...

.PHONY: test-postgres
test-postgres: ## run the tests once more with servers over PostgreSQL; those that have no server come from the cache
	REEVE_TEST_DATABASE=postgres $(GO) test -timeout $(LATE) ./internal/... ./cmd/...
	REEVE_TEST_DATABASE=postgres $(GO) test -timeout $(LATE) -run 'Go|Boto3' ./test/clients

.PHONY: lint
lint: ## formatting, vet and staticcheck
	@test -z "$$(gofmt -l cmd internal test)" || { gofmt -l cmd internal test; echo 'run: make fmt'; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -w cmd internal test

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME each (default 30s; 1000000x for a number of executions)
	@sh test/fuzz.sh $${FUZZTIME:-30s}

.PHONY: bench
bench: ## measure lists, writes, start and memory, and print one table (BENCH='-full -data DIR', BENCH=--help)
	$(GO) run ./test/bench $(BENCH)

.PHONY: chaos
chaos: ## the long form of trying to break servers and their database
	REEVE_CHAOS_LONG=1 $(GO) test -count=1 -timeout 60m -v ./test/chaos ./test/cluster

.PHONY: soak
soak: ## load with faults on both databases, for SOAK together (default 1h)
	SOAK=$${SOAK:-1h} $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./test/chaos

.PHONY: screenshots
screenshots: ## photograph every page of the console, light, dark and narrow, into bin/screenshots; renew the README's
	REEVE_SCREENSHOTS=$(CURDIR)/bin/screenshots REEVE_README_SCREENSHOTS=$(CURDIR)/docs/screenshots \
	$(GO) test -count=1 -timeout $(LATE) -run Screenshots ./test/browser

.PHONY: vuln
vuln: ## look for known vulnerabilities in what is linked
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: release
release: ## build the archives of a release in ./dist: the same bytes for the same commit and Go
	rm -rf dist
	$(GO) run ./internal/release -out dist

.PHONY: release-check
release-check: ## build HEAD for linux/amd64 in two clones, one with nothing cached, and compare (TARGETS=linux/arm64,…)
	$(GO) run ./internal/release -check -targets $${TARGETS:-linux/amd64}

.PHONY: third-party
third-party: ## rewrite docs/third-party.md: what is linked, and under which licences
	$(GO) run ./internal/release -third-party

.PHONY: generate
generate: ## regenerate internal/api (AWS_MODEL=FILE, AWS's service-2.json, for its half)
	$(GO) run ./internal/api/gen -reeve models/reeve/2026-12-01/service-2.json -out internal/api $(if $(AWS_MODEL),-aws $(AWS_MODEL))

.PHONY: docs
docs: ## write docs/commands.md from the commands' own help
	$(GO) run ./cmd/reeve docs > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md

.PHONY: clean
clean: ## remove what was built
	rm -rf reeve bin dist test/clients/js/node_modules test/browser/js/node_modules
