#!/usr/bin/env bash
# Runs three gateways behind a load balancer, on PostgreSQL and Redis, all on this machine: a worked
# example. It needs Debian's packages postgresql and redis-server, whose own services it leaves alone.
#
#	deploy/cluster/cluster.sh [DIRECTORY]
#
# Everything is kept in DIRECTORY, or in a new one that is deleted at the end. Ctrl-C ends everything.
# BASE_PORT (8080) is the balancer's; the next six are the others'. VENDGATE_BIN is the program.
set -euo pipefail
cd "$(dirname "$0")"

program=$(realpath "${VENDGATE_BIN:-../../bin/vendgate}")
[ -x "$program" ] || { echo "there is no $program: run make build, or set VENDGATE_BIN" >&2; exit 1; }
pg_bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
[ -x "$pg_bin/initdb" ] || { echo "there is no initdb: install postgresql, or set PG_BIN" >&2; exit 1; }
command -v redis-server >/dev/null || { echo "there is no redis-server: install redis-server" >&2; exit 1; }

balancer=${BASE_PORT:-8080}
gateways=("$((balancer + 1))" "$((balancer + 2))" "$((balancer + 3))")
export DEMO_PORT=$((balancer + 4))
postgres=$((balancer + 5)) redis=$((balancer + 6))

umask 077
if [ $# -gt 0 ]; then
	mkdir -p "$1"
	dir=$(realpath "$1") temporary=''
else
	dir=$(mktemp -d /tmp/vendgate-cluster-XXXXXX) temporary=1
fi
pids=()
finish() {
	trap '' INT TERM
	echo "ending"
	# The balancer first, then the gateways at once, then what they use: each ends what it has begun.
	for group in "${pids[0]:-}" "${pids[*]:1:3}" "${pids[*]:4}"; do
		kill $group 2>/dev/null || :
		wait $group 2>/dev/null || :
	done
	[ ! -e "$dir/postgres/data/postmaster.pid" ] || as_postgres "$pg_bin/pg_ctl" -D "$dir/postgres/data" -m fast stop >/dev/null
	[ -z "$temporary" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 0' INT TERM

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
secret() { [ -e "$1" ] || head -c 24 /dev/urandom | base64 | tr -d '+/=' >"$1"; }
background() { # log, command…: a Ctrl-C is ours alone, so that we end them in order
	local log=$1
	shift
	setsid "$@" >>"$dir/$log.log" 2>&1 &
	pids=("$!" "${pids[@]}")
}
answers() { # address
	for _ in $(seq 300); do
		! "$program" health --url "$1" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	echo "no answer from $1; the logs are in $dir" >&2
	temporary=''
	exit 1
}

# PostgreSQL: one database, and a role that owns it and nothing else.
secret "$dir/postgres-password"
[ "$(id -u)" != 0 ] || chmod 711 "$dir" # for PostgreSQL's user
if [ ! -e "$dir/postgres/data" ]; then
	mkdir "$dir/postgres"
	[ "$(id -u)" != 0 ] || chown postgres "$dir/postgres"
	as_postgres "$pg_bin/initdb" -D "$dir/postgres/data" -U postgres -E UTF8 --auth-local=trust \
		--auth-host=scram-sha-256 >"$dir/initdb.log"
fi
as_postgres "$pg_bin/pg_ctl" -D "$dir/postgres/data" -w -l "$dir/postgres/log" \
	-o "-h 127.0.0.1 -p $postgres -k '$dir/postgres' -c max_connections=200" start >/dev/null
psql() { as_postgres "$pg_bin/psql" -h "$dir/postgres" -p "$postgres" -U postgres -X -q -v ON_ERROR_STOP=1 "$@"; }
if [ -z "$(psql -A -t -c "SELECT 1 FROM pg_database WHERE datname = 'vendgate'")" ]; then
	# By standard input: a password among arguments is for all users to read.
	psql <<-END
		CREATE ROLE vendgate LOGIN PASSWORD '$(cat "$dir/postgres-password")';
		CREATE DATABASE vendgate OWNER vendgate ENCODING 'UTF8' TEMPLATE template0;
	END
fi

# Redis: it holds budgets alone, so it keeps nothing on disk.
secret "$dir/redis-password"
cat >"$dir/redis.conf" <<-END
	bind 127.0.0.1
	port $redis
	save ""
	dir $dir
	requirepass $(cat "$dir/redis-password")
END
background redis redis-server "$dir/redis.conf"

# The key that seals the keyset, which is in the database. Anyone with both can read every credential.
[ -e "$dir/kek" ] || "$program" keyset kek create --out "$dir/kek"

# What all gateways share, for commands as well.
cat >"$dir/env" <<-END
	DATABASE_URL=postgres://vendgate:$(cat "$dir/postgres-password")@127.0.0.1:$postgres/vendgate?sslmode=disable
	REDIS_URL=redis://:$(cat "$dir/redis-password")@127.0.0.1:$redis/0
	KEK_FILE=$dir/kek
	PUBLIC_URL=http://127.0.0.1:$balancer
	DEMO_PORT=$DEMO_PORT
	XDG_DATA_HOME=$dir/caddy
	XDG_CONFIG_HOME=$dir/caddy
	VENDGATE_ADMIN=$dir/gateway-${gateways[0]}/admin.sock
	VENDGATE_DATA=$dir/gateway-${gateways[0]}/data
	VENDGATE_PORT=${gateways[0]}
END
set -a
. "$dir/env"
set +a

background provider "$program" run --config provider.Caddyfile
for port in "${gateways[@]}"; do
	mkdir -p "$dir/gateway-$port"
	VENDGATE_PORT=$port VENDGATE_ADMIN=$dir/gateway-$port/admin.sock VENDGATE_DATA=$dir/gateway-$port/data \
		background "gateway-$port" "$program" run --config Caddyfile
	answers "http://127.0.0.1:$port/health/ready" # the first makes the tables
done
BALANCER_PORT=$balancer GATEWAYS=$(printf '127.0.0.1:%s ' "${gateways[@]}") \
	background balancer "$program" run --config balancer.Caddyfile
answers "http://127.0.0.1:$balancer/health"

if [ ! -e "$dir/tenant-key" ]; then
	"$program" tenant create acme --email you@example.com --config Caddyfile >"$dir/tenant-key"
	echo '{"api_key":"demo-key-of-alice"}' | "$program" connection import --tenant acme --user alice@example.com \
		--app demo --config Caddyfile >"$dir/connection"
fi
cat <<END
Three gateways share PostgreSQL and Redis. Call them through the balancer:

  curl -H "Authorization: Bearer \$(cat $dir/tenant-key)" -H 'x-user-email: alice@example.com' \\
    http://127.0.0.1:$balancer/proxy/$(cat "$dir/connection")/demo/me

balancer    http://127.0.0.1:$balancer
gateways    $(printf 'http://127.0.0.1:%s ' "${gateways[@]}")
PostgreSQL  127.0.0.1:$postgres
Redis       127.0.0.1:$redis
logs        $dir/*.log
commands    set -a; . $dir/env; cd $PWD; $program tenant list --config Caddyfile

Ctrl-C ends everything.
END
wait "${pids[0]}"
