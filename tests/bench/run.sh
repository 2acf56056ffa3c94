#!/usr/bin/env bash
# Builds the binary as it is shipped and measures it; writes RESULTS.md beside this file.
set -euo pipefail
cd "$(dirname "$0")/../.."
make build
go run ./tests/bench -out tests/bench/RESULTS.md "$@"
cat tests/bench/RESULTS.md
