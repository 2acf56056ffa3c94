#!/usr/bin/env bash
# Runs everything: vet, the linter, the tests under the race detector, those of the nested modules, those of the SDKs, those of providers'
# client libraries, and those in a browser. Installs what they need where apt is at hand. Ends with a line that counts what ran.
set -uo pipefail
cd "$(dirname "$0")/.."

need() { # command, Debian package, apt-get's options
	command -v "$1" >/dev/null && return
	if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${@:2}" >/dev/null
	else
		echo "please install $2 (for $1)" >&2
		exit 1
	fi
}
need gcc gcc # the race detector needs cgo
need curl curl
need git git # a client of an app that is a git server
need chromium chromium # a customer's browser
need node nodejs
need npm npm
need python3 python3
need ip iproute2 # providers at their real host names, in a network of the tests' own
need nginx nginx-light # a shared cache in front of the gateway
need systemd-socket-activate systemd --no-install-recommends # hands a socket over; it starts no service here
/usr/bin/python3 -c 'import requests' 2>/dev/null || need python3-requests python3-requests # clients in Python; Debian's python3 has them
/usr/bin/python3 -c 'import httpx' 2>/dev/null || need python3-httpx python3-httpx
/usr/bin/python3 -c 'import boto3' 2>/dev/null || need python3-boto3 python3-boto3
/usr/bin/python3 -c 'import dropbox' 2>/dev/null || need python3-dropbox python3-dropbox
[ -x /usr/bin/aws ] || need awscli awscli
need openssl openssl # a certificate for stand-ins of providers
/usr/bin/python3 -c 'import oauthlib' 2>/dev/null || need oauthlib python3-oauthlib # an OAuth 1 provider; Debian's python3 has it
need php php-cli # servers that fold what rules must judge
[ -e /usr/share/php/Symfony/Component/HttpFoundation/Request.php ] || need symfony php-symfony-http-foundation
# A WordPress and its database: without the packages that would start services.
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || need mariadbd mariadb-server-core --no-install-recommends
php -r 'exit((int)!extension_loaded("mysqli"));' || need mysqli php-mysql
[ -e /usr/share/wordpress/wp-load.php ] || need wordpress wordpress --no-install-recommends
need ruby ruby
ruby -e 'require "rack"; require "webrick"' 2>/dev/null || { need rack ruby-rack && need webrick ruby-webrick; }
# The packages, installed in an overlay that boots.
need systemd-nspawn systemd-container --no-install-recommends
need rpm rpm --no-install-recommends
need lintian lintian --no-install-recommends
# Servers for tests. Installing their packages starts none here: a policy for invoke-rc.d(8) forbids it meanwhile.
quiet() ( # as need
	policy=/usr/sbin/policy-rc.d
	if [ "$(id -u)" = 0 ]; then
		trap 'rm -f "$policy"; [ ! -e "$policy.kept" ] || mv "$policy.kept" "$policy"' EXIT
		[ ! -e "$policy" ] || mv "$policy" "$policy.kept"
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	need "$@"
)
command -v redis-server >/dev/null || quiet redis-server redis-server || exit 1
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || quiet pgbouncer pgbouncer || exit 1
command -v initdb >/dev/null || [ -n "${PG_BIN:-}" ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
	quiet initdb postgresql --no-install-recommends || exit 1
if [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
	echo "please install Node 20 or later; this is $(node --version)" >&2
	exit 1
fi

failed=0
step() { # name, command…
	echo "== $1"
	shift
	"$@" || failed=1
}

# The profile of cmd/vendgate is for programs that are shipped. Here it would have all dependencies compiled
# a second time.
export GOFLAGS="${GOFLAGS-} -pgo=off"
step "vet" go vet ./...
step "lint" go tool -modfile=golangci-lint.mod golangci-lint run ./...

work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT
# Prometheus, to scrape a gateway. Unpacked, because the package would start a service.
if ! { command -v prometheus && command -v promtool; } >/dev/null; then
	mkdir "$work/prometheus"
	(cd "$work/prometheus" && apt-get update -qq && apt-get download -qq prometheus && dpkg -x prometheus_*.deb .) || {
		echo "please install prometheus (for prometheus and promtool)" >&2
		exit 1
	}
	PATH=$PATH:$work/prometheus/usr/bin
fi
show() { # the exit code of what wrote $log.part
	cat "$log.part" >>"$log"
	# People see the packages, and whatever failed with its output.
	go run ./tests/report <"$log.part" || return 1
	return "$1"
}
# The race detector, except inside SQLite, its C library and its allocator, all C translated to Go.
# Their memory is mapped outside Go's heap, where the detector ignores every access and atomic;
# instrumenting them would take four fifths of the CPU time of tests that use SQLite. Its driver and
# everything else stay instrumented. The last -race of the compiler's flags wins.
race=-race
for c in sqlite/lib libc memory; do
	race+=" -gcflags=modernc.org/$c=-race=false"
done
tests() { # folder, packages…
	(cd "$1" && shift && CGO_ENABLED=1 go test $race -timeout 20m -json "$@") >"$log.part"
	show $?
}
node_tests() { # folder
	local reporter=--test-reporter=$PWD/tests/report/node.mjs
	(cd "$1" && npm ci --no-audit --no-fund >&2 && SUITE=$1 NODE_OPTIONS=$reporter npm test --silent) >"$log.part"
	show $?
}
python_tests() { # folder
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/report/python.py "$1" >"$log.part"
	show $?
}
program() { # variable, folder, package: builds it once for all that run it
	export "$1=$work/$1"
	(cd "$2" && CGO_ENABLED=0 go build -trimpath -o "${!1}" "$3")
}
step "build" program VENDGATE_BIN . ./cmd/vendgate
step "build" program AUTHSERVER_BIN tests/authserver .
step "build" program OLDLINK_BIN . ./tests/browser/oldlink
step "tests" tests . ./...
step "tests of the authorization server" tests tests/authserver ./...
check() { # folder of a nested module, its name
	step "vet $2" env -C "$1" go vet ./...
	step "lint $2" env -C "$1" go tool -modfile="$PWD/golangci-lint.mod" golangci-lint run --config "$PWD/.golangci.yml" ./...
}
check tests/deployment "the tests of the compose file and the workflows"
step "tests of the compose file and the workflows" tests tests/deployment ./...
CHROMIUM=$(command -v chromium)
export CHROMIUM
check tests/board "the tests of the board"
step "tests of the board" tests tests/board ./...
check tests/cluster "the tests of clusters"
step "tests of clusters" tests tests/cluster ./...
check sdk/go "the Go SDK"
step "tests of the Go SDK" tests sdk/go ./...
check deploy/helm/tests "the tests of the Helm chart"
check deploy/release "the release"
# Without the race detector, which would take minutes for compressing and for building helm: nothing in
# these is concurrent.
race='' step "tests of the Helm chart" tests deploy/helm/tests ./...
race='' step "tests of the release" tests deploy/release ./...
step "tests of the Node SDK" node_tests sdk/node
step "tests of the Python SDK" python_tests sdk/python
step "tests of client libraries" node_tests tests/clients
step "tests of client libraries in Python" python_tests tests/clients/python
step "tests in a browser" node_tests tests/browser

echo "== in all"
go run ./tests/report -count <"$log" || failed=1
exit $failed
