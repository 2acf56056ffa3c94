package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// reloaded is the real program with an admin API, in front of a babbler.
type reloaded struct {
	*harness.Gateway
	t       *testing.T
	b       *babbler
	process *harness.Process
	admin   string
}

func newReloaded(t *testing.T) *reloaded {
	t.Helper()
	a := &reloaded{t: t, b: newBabbler(t, nil), admin: harness.FreeAddr(t)}
	a.Gateway, a.process = harness.StartApart(t, func(g *harness.Gateway) string {
		a.Gateway = g
		return a.config("")
	})
	return a
}

// config is the whole Caddyfile, with more in its `vendgate` block and more sites.
func (a *reloaded) config(more string, sites ...string) string {
	_, port, _ := net.SplitHostPort(a.Addr)
	key := harness.Secret(a.t, "BEYOND_SECRET", "client-secret-53")
	return fmt.Sprintf(`{
	admin %s
	persist_config off
	auto_https off
	grace_period 2s
	log default {
		level DEBUG
		output file %q {
			roll_disabled
		}
	}
	vendgate {
		app key {
			auth_type api_key
			field api_key Key secret
			header X-Api-Key {api_key}
			upstream %s
			allow_http
			allow_private 127.0.0.0/8
		}
		source static {
			connection c-key {
				tenant alpha
				user *
				app key
				field api_key %s
			}
		}
		tenant alpha {
			key %s
			budget token unlimited
		}
		%s
	}
}
http://:%s {
	bind 127.0.0.1
	vendgate_proxy
}
%s
`, a.admin, a.LogFile, a.b.url, key, harness.Secret(a.t, "BEYOND_ALPHA", harness.KeyA), more, port,
		strings.Join(sites, "\n"))
}

// load gives the program a configuration; change changes its JSON. It returns the answer's status.
func (a *reloaded) load(caddyfile string, change func(map[string]any)) int {
	a.t.Helper()
	adapted, err := harness.Adapt(caddyfile)
	if err != nil {
		a.t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(adapted, &config); err != nil {
		a.t.Fatal(err)
	}
	if change != nil {
		change(config)
	}
	body, err := json.Marshal(config)
	if err != nil {
		a.t.Fatal(err)
	}
	res, err := http.Post("http://"+a.admin+"/load", "application/json", bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		a.t.Logf("loading: %d %s", res.StatusCode, text)
	}
	harness.OneListener(a.t, a.Addr, a.admin)
	return res.StatusCode
}

// logged is all that the program printed and wrote.
func (a *reloaded) logged() string { return a.process.Stdout() + a.process.Stderr() + a.Log() }

// around makes a call, does what happens, and only then has the babbler send what is beyond the
// answer.
func (a *reloaded) around(what func()) {
	a.t.Helper()
	before := strings.Count(a.logged(), beyondSeen)
	release := a.b.play(true, func(*http.Request) (string, string) { return reply("200 OK", "ok"), extra("") })
	defer release()
	if got := exchange(a.t, a.Addr, get("/proxy/c-key/key/x")); got.StatusCode != 200 {
		a.t.Errorf("answered %.300q", got.raw)
	}
	what()
	release()
	harness.Within(a.t, "the bytes beyond the answer", 10*time.Second, func() bool { return a.b.count() == 1 })
	harness.Within(a.t, "the log that tells of them", 10*time.Second, func() bool {
		return strings.Count(a.logged(), beyondSeen) > before
	})
	if text := a.logged(); strings.Contains(text, beyondCanary) {
		i := strings.Index(text, beyondCanary)
		a.t.Errorf("logged %.300q", text[max(0, i-200):])
	}
}

// TestBeyondReload: Caddy gives the standard logger another output at each load, also at one that
// fails, whose modules need not be provisioned. Connections outlive all of them.
func TestBeyondReload(t *testing.T) {
	a := newReloaded(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	// Without a default log of the configuration's own, Caddy makes one, and the standard logger's
	// output is that.
	bare := func(config map[string]any) { delete(config, "logging") }
	sink := func(config map[string]any) {
		config["logging"].(map[string]any)["sink"] = map[string]any{"writer": map[string]any{"output": "stderr"}}
	}
	for _, c := range []struct {
		name string
		want int
		load func() int
	}{
		{"the first configuration", 200, func() int { return 200 }},
		{"a reload", 200, func() int { return a.load(a.config("vend_timeout 14s"), nil) }},
		{"a reload without a log", 200, func() int { return a.load(a.config("vend_timeout 13s"), bare) }},
		{"a reload with a sink", 200, func() int { return a.load(a.config("vend_timeout 12s"), sink) }},
		{"a reload from a sink", 200, func() int { return a.load(a.config("vend_timeout 11s"), bare) }},
		{"a failure before all apps", 400, func() int {
			return a.load(a.config("vend_timeout 10s"), func(config map[string]any) {
				bare(config)
				config["storage"] = map[string]any{"module": "nonsense"}
			})
		}},
		{"a failure before all apps, with a sink", 400, func() int {
			return a.load(a.config("vend_timeout 9s"), func(config map[string]any) {
				sink(config)
				config["storage"] = map[string]any{"module": "nonsense"}
			})
		}},
		{"a failure of the app", 400, func() int {
			return a.load(a.config("tenant beta {\nkey {env.BEYOND_UNSET}\n}"), bare)
		}},
		{"a failure at the start", 400, func() int {
			return a.load(a.config("vend_timeout 8s", "http://"+taken.Addr().String()+" {\nbind 127.0.0.1\n}"), bare)
		}},
		{"a configuration that cannot be read", 400, func() int {
			return a.load(a.config(""), func(config map[string]any) { config["nonsense"] = true })
		}},
		{"a reload after all that", 200, func() int { return a.load(a.config("vend_timeout 7s"), bare) }},
	} {
		t.Run("53 "+c.name, func(t *testing.T) {
			a.t = t
			a.around(func() {
				if got := c.load(); got != c.want {
					t.Errorf("loading answered %d, want %d", got, c.want)
				}
			})
			a.around(func() {}) // by a connection of after it
		})
	}
}
