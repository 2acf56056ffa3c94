// Package cluster runs three gateways of the real program behind a load balancer, on PostgreSQL and
// Redis, with the files of deploy/cluster, and breaks parts of it. It is a module of its own, so
// that the product does not depend on toxiproxy.
//
//	client → load (load_test.go)
//	  └→ balancer (a process: Caddy by balancer.Caddyfile), or a node directly
//	       └→ node 0, 1, 2 (processes: vendgate by Caddyfile; node_test.go)
//	            ├→ proxy → PostgreSQL, or proxy → PgBouncer → proxy → PostgreSQL (proxy_test.go, tests/services)
//	            ├→ proxy → PostgreSQL, for LISTEN
//	            ├→ proxy → Redis
//	            └→ provider: an API and an OAuth server that rotates (provider_test.go)
//
// A test begins with start, which returns when all nodes are ready. Each node has proxies of its
// own, so that one can be cut off alone. Faults come by a proxy (cut, hang, slow, toward), by a
// signal to a service (Kill, Freeze of tests/services) or to a node (kill, freeze, stop, restart).
// A load counts each request that it has made by what came of it.
package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

// options say what differs from the worked example.
type options struct {
	// pgBouncer has the nodes reach PostgreSQL by a PgBouncer in transaction mode.
	pgBouncer bool
	// listen gives the nodes a direct connection for LISTEN, `listen_url`.
	listen bool
	// vendgate are more lines of the block `vendgate`.
	vendgate string
	// acme are more lines of the tenant acme; empty has all its budgets unlimited.
	acme string
	// customers are more tenants, with their budgets of vends a minute. See customer.
	customers map[string]int
	// limiter are more lines of the block `limiter redis`, each with its line feed.
	limiter string
	// local are lines of the source `local`, such as `margin 5s`.
	local string
	// shutdownDelay is a duration of Caddy's. Leave it empty for nodes without a balancer.
	shutdownDelay string
	// nodes is how many there are; 0 means three.
	nodes int
	// fsyncOff has PostgreSQL not wait for the disk: for tests that do not kill it.
	fsyncOff bool
}

// modes are the two ways to PostgreSQL that every promise holds for.
func modes(t *testing.T, o options, test func(*testing.T, options)) {
	t.Run("direct", func(t *testing.T) {
		o := o
		o.listen = true
		test(t, o)
	})
	t.Run("PgBouncer", func(t *testing.T) {
		o := o
		o.pgBouncer = true
		test(t, o)
	})
}

// cluster is all that runs.
type cluster struct {
	t testing.TB
	// URL is the balancer's, which start has not started: see balance.
	URL      string
	nodes    []*node
	provider *provider
	postgres *services.Postgres
	bouncer  *services.Bouncer // nil without PgBouncer
	behind   *proxy            // leads from PgBouncer to PostgreSQL
	redis    *services.RedisServer

	dir      string
	env      []string // of all nodes and commands
	balancer *harness.Process
}

// start starts PostgreSQL, Redis, the provider and the nodes, and returns when the nodes are ready.
func start(t testing.TB, o options) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), provider: newProvider(t), redis: services.Redis(t)}
	var settings []string
	if o.fsyncOff {
		settings = append(settings, services.FsyncOff)
	}
	c.postgres = services.OwnPostgreSQL(t, settings...)
	if o.pgBouncer {
		c.behind = newProxy(t, c.postgres.Addr)
		c.bouncer = services.PgBouncer(t, c.postgres.Via(c.behind.addr), "server_login_retry = 1")
	}
	balancer := harness.FreeAddr(t)
	c.URL = "http://" + balancer
	c.write("kek", harness.Run(t, os.Environ(), "", harness.Program(t), "keyset", "kek", "create"))
	c.write("client-secret", clientSecret)
	c.copyFile("balancer.Caddyfile", func(text string) string { return text })
	c.copyFile("Caddyfile", o.edit)
	c.write("apps.caddyfile", c.apps(o))
	c.env = harness.Environ(t, "DATABASE_URL="+c.databaseURL(), "DATABASE_LISTEN_URL="+c.postgres.URL,
		"REDIS_URL="+c.redis.URL, "KEK_FILE="+filepath.Join(c.dir, "kek"), "PUBLIC_URL="+c.URL, "TENANT_KEY="+harness.KeyA,
		"VENDGATE_APPS="+filepath.Join(c.dir, "apps.caddyfile"), "BALANCER_PORT="+port(balancer),
		"VENDGATE_SHUTDOWN_DELAY="+first(o.shutdownDelay, "0s"))
	if o.nodes == 0 {
		o.nodes = 3
	}
	for i := range o.nodes {
		c.nodes = append(c.nodes, c.newNode(i))
	}
	c.env = append(c.env, c.nodes[0].variables...) // for commands
	t.Cleanup(c.complain)
	c.nodes[0].start() // it makes the tables; the others may meet each other
	for _, n := range c.nodes[1:] {
		n.begin()
	}
	for _, n := range c.nodes {
		n.await()
	}
	return c
}

// complain shows what the nodes complained of, if the test has failed.
func (c *cluster) complain() {
	if !c.t.Failed() {
		return
	}
	for _, n := range c.nodes {
		for line := range strings.Lines(n.log()) {
			warning := strings.Contains(line, `"level":"warn"`) && strings.Contains(line, `"logger":"vendgate`)
			if warning || strings.Contains(line, `"level":"error"`) {
				c.t.Logf("node %s: %s", n.name, strings.TrimSpace(line))
			}
		}
	}
}

// databaseURL is where the nodes' proxies lead, without them.
func (c *cluster) databaseURL() string {
	if c.bouncer != nil {
		return c.bouncer.URL
	}
	return c.postgres.URL
}

// edit makes the worked example's Caddyfile that of the test.
func (o options) edit(text string) string {
	if o.listen {
		text = strings.Replace(text, "\t\t\tpostgres {env.DATABASE_URL}\n",
			"\t\t\tpostgres {env.DATABASE_URL}\n\t\t\tlisten_url {env.DATABASE_LISTEN_URL}\n", 1)
	}
	return strings.Replace(text, "\t\t\turl {env.REDIS_URL}\n", "\t\t\turl {env.REDIS_URL}\n"+o.limiter, 1)
}

// apps are the apps, the tenant and the options of the test. `crm` is OAuth, `vault` takes a key. A
// node's token endpoint and APIs have its number in their paths, so that the provider knows which
// node asks.
func (c *cluster) apps(o options) string {
	return fmt.Sprintf(`
	app crm {
		auth_type o_auth
		upstream http://%[1]s/{$NODE}/api
		oauth2 {
			authorize_url http://%[1]s/authorize
			token_url http://%[1]s/{$NODE}/token
			revoke_url http://%[1]s/{$NODE}/revoke
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	app vault {
		auth_type api_key
		upstream http://%[1]s/{$NODE}/api
		field api_key "API key" secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
	source local {
		%[2]s
	}
	oauth_client crm {
		client_id %[3]s
		client_secret {file.%[4]s}
	}
	tenant acme {
		key {env.TENANT_KEY}
		display_name "Acme Inc."
		email dev@acme.example
		%[5]s
	}
	%[6]s
	`, c.provider.addr, o.local, clientID, filepath.Join(c.dir, "client-secret"),
		first(o.acme, "budget token unlimited\nbudget api unlimited"), o.vendgate+c.customerLines(o.customers))
}

// write puts a file of the cluster's.
func (c *cluster) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// copyFile copies a file of deploy/cluster.
func (c *cluster) copyFile(name string, edit func(string) string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(c.t), "deploy", "cluster", name))
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(name, edit(string(text)))
}

// variant writes a Caddyfile of a name of its own, with a text in place of another.
func (c *cluster) variant(name, old, text string) {
	c.t.Helper()
	like, err := os.ReadFile(filepath.Join(c.dir, "Caddyfile"))
	if err != nil {
		c.t.Fatal(err)
	}
	other := strings.Replace(string(like), old, text, 1)
	if other == string(like) {
		c.t.Fatalf("%q is not in the Caddyfile", old)
	}
	c.write(name, other)
}

// balance starts the load balancer, at URL.
func (c *cluster) balance() {
	c.t.Helper()
	var gateways []string
	for _, n := range c.nodes {
		gateways = append(gateways, n.addr)
	}
	env := slices.Concat(c.env, []string{"GATEWAYS=" + strings.Join(gateways, " ")})
	c.balancer = harness.StartProcess(c.t, env, harness.Program(c.t), "run", "--config",
		filepath.Join(c.dir, "balancer.Caddyfile"))
	c.balancer.Await(c.t, "starting the balancer", time.Minute, func() bool { return status(c.URL+"/health") == 200 })
}

// command runs a command of the program on the cluster's store, and returns its output.
func (c *cluster) command(input string, args ...string) string {
	c.t.Helper()
	args = append(args, "--config", filepath.Join(c.dir, "Caddyfile"))
	return strings.TrimSpace(harness.Run(c.t, c.env, input, harness.Program(c.t), args...))
}

// connectVault stores a connection of Alice's to the app vault, and returns its id.
func (c *cluster) connectVault() string {
	c.t.Helper()
	return c.command(`{"api_key":"`+rightKey+`"}`, "connection", "import", "--tenant", "acme", "--user",
		harness.Alice, "--app", "vault")
}

// connectCRM stores a grant of Alice's whose access token has ended if expired, and returns the
// connection's id with the provider's view of the grant.
func (c *cluster) connectCRM(expired bool) (id string, g *grant) {
	c.t.Helper()
	g = c.provider.grant()
	left := time.Hour
	if expired {
		left = -time.Hour
	}
	credential := fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"expires_at":%q}`, g.access, g.refresh,
		time.Now().Add(left).UTC().Format(time.RFC3339))
	return c.command(credential, "connection", "import", "--tenant", "acme", "--user", harness.Alice,
		"--app", "crm"), g
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// serves waits until the balancer leads calls to a node again. A load must go on meanwhile.
func (c *cluster) serves(n *node) {
	c.t.Helper()
	before := c.provider.called()[n.name]
	harness.Within(c.t, "calls at node "+n.name, 30*time.Second, func() bool {
		return c.provider.called()[n.name] > before+10
	})
}
