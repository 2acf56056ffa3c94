.PHONY: run build test lint bench

# The one linter, pinned in golangci-lint.mod so that a clean machine has it.
LINT = go tool -modfile=golangci-lint.mod golangci-lint

run:
	go run ./cmd/vendgate playground

build:
	CGO_ENABLED=0 go build -trimpath -o bin/vendgate ./cmd/vendgate

lint:
	$(LINT) run ./...

test:
	./tests/run.sh

bench:
	./tests/bench/run.sh
