package cluster

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestKeysetRotation rotates the keyset under load: when all nodes run, when one is frozen, which
// takes it for dead after 10 s, and when that one goes on. No call fails, and at each moment of a
// promotion all live nodes have the new key.
func TestKeysetRotation(t *testing.T) {
	t.Parallel()
	c := start(t, options{fsyncOff: true, listen: true})
	c.provider.pace(3*time.Second, 0, 0) // nodes seal all the time
	c.watchPromotions()
	vault := c.connectVault()
	crm, _ := c.connectCRM(true)
	loads := []*load{c.load(c.nodes[0], vault, crm), c.load(c.nodes[1], vault, crm), c.load(c.nodes[2], vault, crm)}
	await(t, loads...)
	t.Log(c.command("", "keyset", "rotate"))
	await(t, loads...)

	all := loads[2].stop()
	c.nodes[2].freeze()
	began := time.Now()
	t.Log(c.command("", "keyset", "rotate"))
	t.Logf("rotated past a frozen node in %s", time.Since(began))
	late := c.load(c.nodes[2], vault, crm) // these calls wait for it to go on
	await(t, loads[:2]...)
	c.nodes[2].thaw()
	await(t, late, loads[0], loads[1])
	another, _ := c.connectCRM(true)
	for _, n := range []*node{c.nodes[2], c.nodes[0]} { // the one seals, the other opens
		if got := ask(probes, call(t, http.MethodGet, n.URL, another, "crm", "")); got != "200" {
			t.Errorf("a refresh after the rotation, at node %s: %s", n.name, got)
		}
	}
	for _, l := range []*load{late, loads[0], loads[1]} {
		all = append(all, l.stop()...)
	}
	t.Logf("%s; p99 %s", all, all.quantile(0.99))
	if all.count("200") != len(all) {
		t.Errorf("calls failed: %s", all)
	}
	if got := c.postgres.Query(`SELECT count(DISTINCT substr(sealed, 1, 5)) FROM connections`); got != "1" {
		t.Errorf("connections are sealed by %s keys", got)
	}
	c.wantDistributed(2)
}

// watchPromotions has the database keep what it knows of the nodes whenever another key seals.
func (c *cluster) watchPromotions() {
	c.t.Helper()
	c.postgres.Query(`CREATE TABLE promotions (key TEXT, node TEXT, keys TEXT, silent BIGINT);
		CREATE FUNCTION keep_promotion() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO promotions SELECT NEW.value::text, id, keys,
				CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - seen_at FROM nodes;
			RETURN NULL;
		END $$;
		CREATE TRIGGER keep AFTER UPDATE ON meta FOR EACH ROW
			WHEN (NEW.name = 'primary_key' AND NEW.value <> OLD.value) EXECUTE FUNCTION keep_promotion()`)
}

// wantDistributed checks so many promotions: each node that was alive had the key.
func (c *cluster) wantDistributed(promotions int) {
	c.t.Helper()
	rows := c.postgres.Query(`SELECT key, node, silent, key = ANY(string_to_array(keys, ' ')) FROM promotions`)
	keys, behind := make(map[string]int), 0
	for row := range strings.Lines(rows) {
		fields := strings.Split(strings.TrimSpace(row), "|")
		keys[fields[0]]++
		if fields[3] != "t" {
			behind++
		}
	}
	c.t.Logf("nodes at the promotions: key, node, milliseconds since it was seen, whether it had the key\n%s", rows)
	dead := c.postgres.Query(`SELECT count(*) FROM promotions
		WHERE silent > 10000 AND key <> ALL(string_to_array(keys, ' '))`)
	if len(keys) != promotions || behind != 1 || dead != "1" {
		c.t.Errorf("%d promotions, %d nodes did not have the key, %s dead ones", len(keys), behind, dead)
	}
}

// load calls two connections at a node.
func (c *cluster) load(n *node, vault, crm string) *load {
	return begin(4, 40, func(i int) *http.Request {
		if i%2 == 0 {
			return call(c.t, http.MethodPost, n.URL, vault, "vault", "an order")
		}
		return call(c.t, http.MethodGet, n.URL, crm, "crm", "")
	})
}

// await waits until each of loads has had more answers.
func await(t *testing.T, loads ...*load) {
	t.Helper()
	for _, l := range loads {
		before := l.so()
		harness.Within(t, "answers", time.Minute, func() bool { return l.so() > before+40 })
	}
}

// TestKEKRotation replaces the key-encryption key as docs/keyset.md says, and restarts the nodes
// one after the other for it, while the others serve. No call fails.
func TestKEKRotation(t *testing.T) {
	t.Parallel()
	c := start(t, options{fsyncOff: true, listen: true})
	vault := c.connectVault()
	crm, _ := c.connectCRM(false)
	c.write("kek-new", harness.Run(t, os.Environ(), "", harness.Program(t), "keyset", "kek", "create"))
	old, fresh := "{file."+filepath.Join(c.dir, "kek")+"}", "{file."+filepath.Join(c.dir, "kek-new")+"}"
	var all outcomes
	for _, keys := range []string{fresh + " " + old, fresh} {
		c.copyFile("Caddyfile", func(text string) string {
			return options{listen: true}.edit(strings.Replace(text, "{file.{$KEK_FILE}}", keys, 1))
		})
		all = append(all, c.roll(vault, crm)...)
		if keys != fresh {
			t.Log(c.command("", "keyset", "kek", "rotate"))
		}
	}
	t.Log(c.command("", "keyset", "kek", "show"))
	t.Logf("%s; p99 %s", all, all.quantile(0.99))
	if all.count("200") != len(all) {
		t.Errorf("calls failed: %s", all)
	}
}

// roll restarts one node after the other, with a load on those that run.
func (c *cluster) roll(vault, crm string) (all outcomes) {
	c.t.Helper()
	var loads []*load
	for _, n := range c.nodes {
		loads = append(loads, c.load(n, vault, crm))
	}
	for i, n := range c.nodes {
		all = append(all, loads[i].stop()...)
		n.restart()
		loads[i] = c.load(n, vault, crm)
		for _, l := range loads {
			before := l.so()
			harness.Within(c.t, "answers", time.Minute, func() bool { return l.so() > before+20 })
		}
	}
	for _, l := range loads {
		all = append(all, l.stop()...)
	}
	return all
}
