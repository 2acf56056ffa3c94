#!/usr/bin/env bash
# Builds the binary as it is shipped, a plain Caddy and the benchmarks of the floor, and measures them.
# Without arguments it writes RESULTS.md and its chart next to this file; with some, like -quick or
# -only, it prints the results.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v wrk >/dev/null || { echo "install wrk, which makes the load: apt-get install wrk" >&2; exit 1; }
make build
CGO_ENABLED=0 go build -trimpath -pgo=off -o bin/bench-caddy ./tests/bench/caddy
CGO_ENABLED=0 go build -trimpath -o bin/bench ./tests/bench
CGO_ENABLED=0 go test -c -trimpath -o bin/bench-floor ./tests/bench
ulimit -n "$(ulimit -Hn)"
if [ $# -eq 0 ]; then
	set -- -out tests/bench
fi
exec bin/bench "$@"
