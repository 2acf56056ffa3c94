package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// TestTakeover kills nodes at random moments, again and again, while their connections are
// refreshed all the time, at a provider that ends a grant when a refresh token comes twice. No
// token is sent twice but by a process that took over from one that was killed, which cannot know
// whether its predecessor had an answer. So a connection is lost only where the kill fell after the
// rotation and before the commit of the new tokens.
//
// With VENDGATE_SOAK there are 300 kills.
func TestTakeover(t *testing.T) {
	kills := 15
	if os.Getenv("VENDGATE_SOAK") != "" {
		kills = 300
	}
	c := start(t, options{fsyncOff: true, listen: true})
	c.provider.pace(3*time.Second, 40*time.Millisecond, 40*time.Millisecond) // a refresh each 1.5 s
	u := c.use(30)
	for i := range kills {
		c.killOne(i)
	}
	for _, n := range c.nodes {
		n.await()
	}
	u.end()
	u.judge(kills)
}

// killOne kills a node that is ready at a random moment, and starts it again at once.
func (c *cluster) killOne(i int) {
	c.t.Helper()
	var n *node
	harness.Within(c.t, "a node that is ready", time.Minute, func() bool {
		n = c.nodes[rand.IntN(len(c.nodes))]
		return n.ready()
	})
	<-time.After(rand.N(2 * time.Second))
	c.provider.bury(n.heard, n.kill)
	n.beginAs(fmt.Sprintf("%s-%d", n.name, i+1))
}

// users call connections of the app crm at all nodes in turn until they end.
type users struct {
	c      *cluster
	store  *store.Store
	client *http.Client
	ended  chan struct{}
	done   sync.WaitGroup

	mu          sync.Mutex
	connections []*connection
	came        map[string]int
}

// connection is one that the users call, or have called.
type connection struct {
	id    string
	grant *grant
	// lost says that a caller was told to connect again, flagged that the store said so by then.
	lost, flagged bool
}

// use begins to call so many connections, each by two users. A connection that is lost gives its
// place to another.
func (c *cluster) use(places int) *users {
	c.t.Helper()
	u := &users{c: c, store: c.openStore(), ended: make(chan struct{}), came: make(map[string]int),
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	for range places {
		p := &place{now: u.connect()}
		for i := range 2 {
			u.done.Go(func() { u.call(p, i) })
		}
	}
	return u
}

// openStore opens the nodes' database, as a command does.
func (c *cluster) openStore() *store.Store {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "kek"))
	if err != nil {
		c.t.Fatal(err)
	}
	kek, err := vault.ParseKEK(strings.TrimSpace(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := store.Open(c.t.Context(), store.Options{Dir: c.t.TempDir(), Existing: true, Postgres: c.postgres.URL,
		KeyEncryptionKeys: []vault.KEK{kek}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return s
}

// connect stores another connection, whose token has ended.
func (u *users) connect() *connection {
	g := u.c.provider.grant()
	now := u.c.provider.grantOf(g)
	id, err := u.store.ImportConnection(context.Background(), connect.Connection{Tenant: "acme", User: harness.Alice,
		App: "crm", AuthType: vending.OAuth}, connect.NewGrant(connect.GrantValues{AccessToken: now.access,
		RefreshToken: now.refresh, Expiry: time.Now().Add(-time.Second)}))
	if err != nil {
		u.c.t.Error(err)
	}
	conn := &connection{id: id, grant: g}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.connections = append(u.connections, conn)
	return conn
}

// place is where users find the connection to call.
type place struct {
	mu  sync.Mutex
	now *connection
}

func (p *place) connection() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// call calls what is in its place until the users end, and then until it is answered.
func (u *users) call(p *place, i int) {
	for {
		conn := p.connection()
		n := u.c.nodes[i%len(u.c.nodes)]
		i++
		what := ask(u.client, call(u.c.t, http.MethodGet, n.URL, conn.id, "crm", ""))
		u.mu.Lock()
		u.came[what]++
		u.mu.Unlock()
		if strings.Contains(what, string(vending.NeedsReconnection)) {
			u.replace(p, conn)
		}
		select {
		case <-u.ended:
			if what == "200" {
				return
			}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// replace looks at a connection that a caller was told has ended, and puts another in its place.
func (u *users) replace(p *place, conn *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != conn {
		return // another caller did
	}
	row, err := u.store.Connection(context.Background(), "acme", harness.Alice, conn.id)
	if err != nil {
		u.c.t.Error(err)
	}
	conn.lost, conn.flagged = true, row.NeedsReconnection
	p.now = u.connect()
}

// end returns when each user has had an answer of its connection's API.
func (u *users) end() {
	close(u.ended)
	u.done.Wait()
	u.client.CloseIdleConnections()
}

// judge says what has become of all refreshes.
func (u *users) judge(kills int) {
	t, deaths := u.c.t, u.c.provider.deaths()
	t.Helper()
	if len(deaths) != kills {
		t.Errorf("%d kills, want %d", len(deaths), kills)
	}
	byToken := make(map[string][]use)
	all := u.c.provider.refreshes()
	for _, each := range all {
		byToken[each.token] = append(byToken[each.token], each)
	}
	takeovers, unheard := 0, 0
	for _, uses := range byToken {
		takeovers += len(uses) - 1
		u.wantTakeovers(uses, deaths)
		if uses[0].unheard {
			unheard++
		}
	}
	lost, latest := u.wantLost(byToken, deaths)
	t.Logf("%d kills; %d refreshes, %d by a process that took over, %d of them reuses; %d tokens sent and not heard; "+
		"%d connections, %d of them lost, by kills within %s of the provider's answer; answers %v", kills, len(all),
		takeovers,
		len(u.c.provider.reuses()), unheard, len(u.connections), lost, latest, u.came)
}

// wantTakeovers checks that each use of a token but the first is by another process, and that the
// one before it was dead by then.
func (u *users) wantTakeovers(uses []use, deaths map[string]time.Time) {
	u.c.t.Helper()
	var before []string
	for i, each := range uses {
		if i > 0 {
			death, dead := deaths[uses[i-1].node]
			if !dead || !death.Before(each.at) {
				u.c.t.Errorf("node %s sent a token at %s that node %s, which was alive, had sent at %s", each.node, each.at,
					uses[i-1].node, uses[i-1].at)
			}
		}
		if slices.Contains(before, each.node) {
			u.c.t.Errorf("node %s sent a token twice", each.node)
		}
		before = append(before, each.node)
	}
}

// wantLost checks that each connection whose grant has ended was flagged when a caller first heard
// of it, and that the kill of the process which had its tokens rotated came after the rotation and
// before the commit: the new tokens were never vended. It returns how many there are, and how long
// after the provider's answer such a kill came at most.
func (u *users) wantLost(byToken map[string][]use, deaths map[string]time.Time) (lost int, latest time.Duration) {
	t := u.c.t
	t.Helper()
	for _, conn := range u.connections {
		g := u.c.provider.grantOf(conn.grant)
		if g.ended != conn.lost || conn.lost != conn.flagged {
			t.Errorf("connection %s: its grant has ended: %t, its callers know: %t, it was flagged by then: %t", conn.id,
				g.ended, conn.lost, conn.flagged)
		}
		if !g.ended {
			continue
		}
		lost++
		found := false
		for _, uses := range byToken {
			first, again := rotation(uses, conn.grant)
			if again == nil {
				continue
			}
			found = true
			death := deaths[first.node]
			if death.Before(first.rotated) || !death.Before(again.at) || u.c.provider.saw(first.gave) {
				t.Errorf("a connection was lost by a kill at %s, but its tokens were rotated at %s, answered at %s and used: %t",
					death, first.rotated, first.answered, u.c.provider.saw(first.gave))
			}
			if !first.answered.IsZero() {
				latest = max(latest, death.Sub(first.answered))
			}
		}
		if !found {
			t.Errorf("connection %s was lost, and no token of its was reused", conn.id)
		}
	}
	return lost, latest
}

// rotation returns the use of a token of a grant that rotated it, and the first one after that; nil
// where there is none.
func rotation(uses []use, g *grant) (first use, again *use) {
	if uses[0].grant != g {
		return first, nil
	}
	for i := range uses {
		switch {
		case uses[i].again:
			return first, &uses[i]
		case !uses[i].rotated.IsZero():
			first = uses[i]
		}
	}
	return first, nil
}
