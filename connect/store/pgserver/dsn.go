package pgserver

import (
	"cmp"
	"errors"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	// PostgreSQL's driver, chosen for its pool without database/sql, by which the one hot read takes
	// a third less time.
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrURL says that the URL of a PostgreSQL server cannot be used. It never repeats the URL,
// which holds the password.
var ErrURL = errors.New("the URL of the PostgreSQL server is invalid: write " +
	"postgres://role:password@host:5432/database?sslmode=verify-full, with / ? # @ : and % in the password as " +
	"%2F %3F %23 %40 %3A and %25")

const (
	// connectTimeout bounds the making of a connection to one address; connect_timeout in the URL
	// replaces it.
	connectTimeout = 2 * time.Second
	// pingTimeout bounds the question whether a connection that was idle still works.
	pingTimeout = time.Second
	// leastConns is what transactions, reads of one row and calls take side by side.
	leastConns = 4
	// connLifetime bounds how long a connection is used, so that they follow an address that has
	// moved, and spread over what is behind a load balancer.
	connLifetime = 30 * time.Minute
)

// dsn is a URL as it was read.
type dsn struct {
	*pgxpool.Config
	// mode is true if the URL says how statements are sent.
	mode bool
}

// parseDSN reads a URL, or libpq's keywords and values, as pgx does: that knows libpq's
// parameters, several hosts and target_session_attrs among them, and its own.
func parseDSN(url string) (d dsn, err error) {
	if strings.TrimSpace(url) == "" {
		return d, ErrURL
	}
	d.Config, err = pgxpool.ParseConfig(url)
	if err != nil {
		return d, ErrURL // pgx hides the password as well as it can, and may not find it
	}
	if err := d.check(); err != nil {
		return d, err
	}
	raw, err := pgconn.ParseConfig(url) // leaves pgx's own parameters
	if err != nil {
		return d, ErrURL
	}
	_, d.mode = raw.RuntimeParams["default_query_exec_mode"]
	if _, given := raw.RuntimeParams["pool_max_conns"]; !given {
		d.MaxConns = int32(min(max(8, 4*runtime.GOMAXPROCS(0)), 32)) // #nosec G115 -- at most 32
	}
	d.MaxConns = max(d.MaxConns, leastConns)
	if d.ConnConfig.ConnectTimeout == 0 {
		d.ConnConfig.ConnectTimeout = connectTimeout
	}
	if d.MaxConnLifetime > connLifetime {
		d.MaxConnLifetime, d.MaxConnLifetimeJitter = connLifetime, connLifetime/5
	}
	d.PingTimeout = pingTimeout
	if d.ConnConfig.RuntimeParams["application_name"] == "" {
		d.ConnConfig.RuntimeParams["application_name"] = "vendgate"
	}
	return d, nil
}

var hostName = regexp.MustCompile(`^[\pL\pN_]([\pL\pN_.-]*[\pL\pN_.])?$`)

// check refuses what is left of a password that was not encoded: errors name the host and the
// database.
func (d dsn) check() error {
	hosts := []string{d.ConnConfig.Host}
	for _, f := range d.ConnConfig.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, h := range hosts {
		_, err := netip.ParseAddr(h)
		if err != nil && !strings.HasPrefix(h, "/") && !hostName.MatchString(h) {
			return ErrURL
		}
	}
	if strings.ContainsAny(d.ConnConfig.Database, "@/:") {
		return ErrURL
	}
	return nil
}

// String names the database and where it is, by nothing that is secret.
func (d dsn) String() string {
	c := d.ConnConfig
	_, first := pgconn.NetworkAddress(c.Host, c.Port)
	addresses := []string{first}
	for _, f := range c.Fallbacks { // those of one host differ in their TLS
		if _, a := pgconn.NetworkAddress(f.Host, f.Port); !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	// The server takes the name of the role for that of the database, if there is none.
	return "PostgreSQL database " + cmp.Or(c.Database, c.User) + " at " + strings.Join(addresses, ", ")
}

// useExec has statements sent without preparing them, which takes no session. A pooler in
// transaction mode hands each transaction to another one.
func useExec(c *pgx.ConnConfig) {
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
}
