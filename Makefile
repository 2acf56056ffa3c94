.PHONY: run build test soak lint bench docs sdks-latest

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

# The cases that take minutes: those of answers, once for each place of a caller key.
soak:
	VENDGATE_SOAK=1 go test -count=1 -timeout 20m -run TestCasesByPlace ./tests/hostile

bench:
	./tests/bench/run.sh

# What is generated of the documents: what the code says of itself, by Go alone, and the blocks and the
# table of docs/sdks.md. Tests fail where it was left out.
docs:
	go generate ./docs
	cd tests/clients && npm run --silent document

# The blocks of docs/sdks.md with the newest version of each library. It takes npm's registry, and root.
sdks-latest:
	cd tests/clients && npm run --silent latest
