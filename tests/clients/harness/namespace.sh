#!/bin/sh
# Runs a command in a network of its own, whose names and certificates are the tests': clients and the gateway there believe that
# they reach the providers' own hosts. Nothing leaves it. Where that cannot be had (it takes root, unshare, ip and openssl), the
# command runs all the same and finds NAMESPACE unset, so that its tests count as skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1-}" != --inside ]; then
	if [ "$(id -u)" = 0 ] && command -v ip >/dev/null && command -v openssl >/dev/null && unshare --net --mount true 2>/dev/null; then
		exec unshare --net --mount "$here/namespace.sh" --inside "$@"
	fi
	exec "$@"
fi
shift

NAMESPACE=$(mktemp -d)
export NAMESPACE
trap 'rm -rf "$NAMESPACE"' EXIT
# The gateway dials global unicast addresses alone, so these are: of the gateway, of the foreseen hosts, of all others.
ip link set lo up
for address in 12.34.56.1 12.34.56.2 12.34.56.3; do ip address add "$address/32" dev lo; done
mount --make-rprivate / 2>/dev/null || true
echo '127.0.0.1 localhost' >"$NAMESPACE/hosts"
# What the file of hosts does not know is asked of the tests' own name server, which takes note of it.
echo 'nameserver 127.0.0.1' >"$NAMESPACE/resolv.conf"
echo 'hosts: files dns' >"$NAMESPACE/nsswitch.conf"
for name in hosts resolv.conf nsswitch.conf; do
	[ -e "/etc/$name" ] || continue
	mount --bind "$NAMESPACE/$name" "/etc/$name"
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Vendgate tests' \
	-keyout "$NAMESPACE/ca.key" -out "$NAMESPACE/ca.pem" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$NAMESPACE/site.key" 2>/dev/null
# Clients trust the providers' hosts, too: one that goes there by itself is to be seen, not refused.
export SSL_CERT_FILE="$NAMESPACE/ca.pem" NODE_EXTRA_CA_CERTS="$NAMESPACE/ca.pem" REQUESTS_CA_BUNDLE="$NAMESPACE/ca.pem"
export AWS_CA_BUNDLE="$NAMESPACE/ca.pem" CURL_CA_BUNDLE="$NAMESPACE/ca.pem"
"$@"
