.PHONY: run cluster build release test soak million growth lint bench profile docs sdks-latest

# The one linter, pinned in golangci-lint.mod so that a clean machine has it.
LINT = go tool -modfile=golangci-lint.mod golangci-lint

run:
	go run ./cmd/vendgate playground

# Three gateways behind a load balancer, on PostgreSQL and Redis, all on this machine: docs/scaling.md.
cluster: build
	./deploy/cluster/cluster.sh

build:
	CGO_ENABLED=0 go build -trimpath -o bin/vendgate ./cmd/vendgate

# All artefacts of a release into dist/. VERSION=vX.Y.Z stands in for the commit's tag.
release:
	rm -rf dist
	cd tests/cluster && VENDGATE_SOAK=1 go test -count=1 -timeout 30m -run 'TestBudgets|TestRedis' -v .
	cd deploy/release && go run . -root ../.. -out ../../dist

lint:
	$(LINT) run ./...

test:
	./tests/run.sh

# The cases that take minutes: those of answers, once for each place of a caller key, those of the store
# through PgBouncer, budgets that three nodes share by the clock of a Redis, the same of three gateways,
# 300 kills of gateways that refresh, and two builds of all artefacts of a release.
soak:
	VENDGATE_SOAK=1 go test -count=1 -timeout 20m -run TestCasesByPlace ./tests/hostile
	VENDGATE_SOAK=1 go test -count=1 -timeout 20m -run TestSpread -v ./policy/redislimit
	VENDGATE_SOAK=1 go test -count=1 -timeout 40m ./connect/store ./connect/local
	cd tests/cluster && VENDGATE_SOAK=1 go test -count=1 -timeout 30m -run 'TestTakeover|TestBudgets|TestRedis' -v .
	cd deploy/release && VENDGATE_SOAK=1 go test -count=1 -timeout 60m -run TestReproducible .

# A million connections in SQLite and in PostgreSQL: the figures of docs/scaling.md. It takes about 15
# minutes, and 6 GB in TMPDIR.
million:
	go test -run '^$$' -bench Million -benchtime 2000x -timeout 60m -v ./connect/store

# What a call, a start and memory cost by how much a gateway has: the table in docs/scaling.md. It
# takes about 10 minutes, and 4 GB in TMPDIR. VENDGATE_STORES=DIR keeps the stores for the next time.
growth: build
	VENDGATE_BIN=$(CURDIR)/bin/vendgate go test -run '^$$' -bench Growth -benchtime 1x -timeout 60m -v ./connect/store

# The profile that builds of cmd/vendgate are optimized by: of that program under the benchmark's load.
# Make it again when the hot path has changed. It takes two minutes, wrk, and an idle machine.
profile: build
	CGO_ENABLED=0 go build -trimpath -o bin/bench ./tests/bench
	bin/bench -profile cmd/vendgate/default.pgo

# The gateway and what people use in its place: tests/bench/README.md. BENCH='-quick' is a first look.
bench:
	./tests/bench/run.sh $(BENCH)

# What is generated of the documents: what the code says of itself, by Go alone, and the blocks and the
# table of docs/sdks.md. Tests fail where it was left out.
docs:
	go generate ./docs
	cd tests/clients && npm run --silent document

# The blocks of docs/sdks.md with the newest version of each library. It takes npm's registry, and root.
sdks-latest:
	cd tests/clients && npm run --silent latest
