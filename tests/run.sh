#!/usr/bin/env bash
# Runs everything: vet, the linter, the tests under the race detector, and those of the nested module. Installs what they need where apt is at
# hand. Ends with a line that counts what ran.
set -uo pipefail
cd "$(dirname "$0")/.."

need() { # command, Debian package
	command -v "$1" >/dev/null && return
	if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
	else
		echo "please install $2 (for $1)" >&2
		exit 1
	fi
}
need gcc gcc # the race detector needs cgo
need curl curl

failed=0
step() { # name, command…
	echo "== $1"
	shift
	"$@" || failed=1
}

step "vet" go vet ./...
step "lint" go tool -modfile=golangci-lint.mod golangci-lint run ./...

log=$(mktemp)
trap 'rm -f "$log"' EXIT
tests() { # folder, packages…
	(cd "$1" && shift && CGO_ENABLED=1 go test -race -timeout 20m -json "$@") >"$log.part"
	local code=$?
	cat "$log.part" >>"$log"
	# People see the packages, and whatever failed with its output.
	go run ./tests/report <"$log.part" || code=1
	rm -f "$log.part"
	return $code
}
step "tests" tests . ./...
step "tests of the authorization server" tests tests/authserver ./...

echo "== in all"
go run ./tests/report -count <"$log" || failed=1
exit $failed
