# Everything here needs Go alone, unless its line says otherwise.

GO      ?= go
ADDR    ?= 127.0.0.1:8080
BIN     := bin/workbench
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# Files that people write: not those of the tools, nor what git does not know.
SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.go' | grep -v '_templ\.go$$')

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: build ## build and serve on ADDR (127.0.0.1:8080)
	$(BIN) serve --addr $(ADDR)

.PHONY: build
build: engine ## build bin/workbench
	$(GO) build -o $(BIN) ./cmd/workbench

# Virtual time for browsers, which the server embeds.
.PHONY: engine
engine:
	GOOS=js GOARCH=wasm $(GO) build -trimpath -buildvcs=false -ldflags="-s -w" -o web/engine/dist/engine.wasm ./web/engine/wasm
	gzip -9nf web/engine/dist/engine.wasm
	cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" web/engine/dist/wasm_exec.js

.PHONY: test
test: ## run all tests, with the race detector where a C compiler is
	@GO="$(GO)" bash .ci/test

# One package at a time: two browsers on two cores wait for one another.
.PHONY: kill-orders
kill-orders: engine ## kill the orders service in mid-order, again and again, and count (the one with RabbitMQ needs rabbitmq-server)
	$(GO) test -count=1 -tags e2e -timeout 10m -run 'TestKillOrders|TestOrders' -v ./cmd/workbench

.PHONY: end-serve
end-serve: engine ## end the whole program under load with SIGTERM, and count what was cut
	$(GO) test -count=1 -tags e2e -timeout 10m -run 'TestServeEndsUnderLoad' -v ./cmd/workbench

.PHONY: black-hole
black-hole: engine ## measure p99 with a healthy Redis and with one that answers nothing, in one run (needs redis-server)
	$(GO) test -count=1 -tags e2e -timeout 10m -run 'TestRedisBlackHole' -v ./cmd/workbench

.PHONY: e2e
e2e: engine ## drive the site and the program as a person would (needs chromium)
	$(GO) test -count=1 -p 1 -timeout 40m -tags e2e ./web/e2e/... ./cmd/...

.PHONY: bench-traffic
bench-traffic: ## measure the traffic generator beside known tools (needs wrk for one of them)
	$(GO) run ./sim/load/bench

.PHONY: bench-chain
bench-chain: ## measure what each pattern costs, beside known libraries
	$(GO) run ./lab/chain/bench

.PHONY: bench-sim
bench-sim: ## measure virtual time beside other styles (python3-simpy for one of them)
	$(GO) run ./lab/virtual/bench

.PHONY: bench-grade
bench-grade: ## measure the wait for a verdict, beside bare go test (needs gcc)
	$(GO) build -o bin/bench-grade ./exercises/grade/bench
	bin/bench-grade

.PHONY: bench-plug
bench-plug: ## measure what a decision of a plugged-in answer costs, beside ours
	$(GO) build -o bin/bench-plug ./exercises/plug/bench
	bin/bench-plug

.PHONY: agree
agree: build ## play three loads live, in virtual time and on paper, and print how far apart they are
	$(BIN) agree

.PHONY: exercises
exercises: ## prove the exercises: right answers pass, mutants fail (needs gcc; minutes)
	$(GO) run ./exercises/prove -runs 20

.PHONY: limits
limits: ## grade answers as systems without namespaces do
	@GO="$(GO)" bash .ci/limits

.PHONY: windows
windows: ## grade answers as Windows does (needs wine and mingw; minutes)
	bash .ci/windows

.PHONY: bench-hub
bench-hub: ## measure what fifty open pages cost the server
	$(GO) run ./web/stream/bench

.PHONY: ablation
ablation: build ## show that each scenario is lost without its pattern and won with it
	$(BIN) ablation

.PHONY: proof
proof: build ## make the kept proof anew that the site shows
	$(BIN) ablation --engine virtual --json > lab/proof/proof.json.new
	mv lab/proof/proof.json.new lab/proof/proof.json
	$(BIN) strip --json > lab/proof/strip.json.new
	mv lab/proof/strip.json.new lab/proof/strip.json
	$(BIN) classics --json > lab/proof/classics.json.new
	mv lab/proof/classics.json.new lab/proof/classics.json

.PHONY: guide-numbers
guide-numbers: ## measure every figure of the guide again and fail on drift
	$(GO) run ./docs/guide/numbers

.PHONY: guide-keep
guide-keep: ## keep figures of the guide that are new or have drifted, and fill its texts
	$(GO) run ./docs/guide/numbers -keep

.PHONY: generate
generate: ## make templates' Go and the references anew
	$(GO) tool templ generate -path web
	$(GO) run ./docs/reference/write > docs/reference/patterns.md.new
	mv docs/reference/patterns.md.new docs/reference/patterns.md
	$(GO) run ./docs/reference/write trials > docs/reference/trials.md.new
	mv docs/reference/trials.md.new docs/reference/trials.md

.PHONY: assets
assets: ## make the browser's files anew (needs npm and its registry)
	cd web/assets && npm ci --ignore-scripts --no-audit --no-fund && sh build.sh

.PHONY: fmt
fmt: ## format Go and templates
	gofmt -w $(SOURCES)
	$(GO) tool templ fmt web

.PHONY: check
check: ## gofmt, vet, staticcheck, templates' format
	@out=$$(gofmt -l $(SOURCES)); if [ -n "$$out" ]; then echo "not gofmt-ed (make fmt):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags e2e ./...
	$(GO) tool templ fmt -fail web
	$(GO) tool staticcheck -tags e2e $$($(GO) list ./... | grep -v '^workbench/exercises/[0-9]')

.PHONY: verify
verify: generate ## check that generated code is what the sources make
	git diff --exit-code -- web docs/reference

.PHONY: ci
ci: ## all that a submission must pass (as root: installs what is missing)
	bash .ci/run
