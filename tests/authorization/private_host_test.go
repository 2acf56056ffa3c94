package authorization

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// forge is a Git server on a private name, below a path.
type forge struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newForge(t *testing.T) *forge {
	f := new(forge)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.got = append(f.got, r.Host+r.URL.Path+" "+r.Header.Get("Authorization"))
		f.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/access_token") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w,
				`{"access_token":"fresh-8801","token_type":"bearer","refresh_token":"next-8801","expires_in":3600}`)
			return
		}
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=2>; rel="next"`, r.Host, r.URL.Path))
	}))
	t.Cleanup(f.Close)
	return f
}

// asked returns what came since the last time.
func (f *forge) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

// forges configures the app `forge`, whose host comes with the client, and `pasted`, whose host an
// end user enters.
func forges(t *testing.T, host string) string {
	return fmt.Sprintf(`
	app forge {
		auth_type o_auth
		upstream http://{host}/api/v1
		field host Host {
			kind host
			site_path
			from client
		}
		oauth2 {
			authorize_url http://{host}/login/oauth/authorize
			token_url http://{host}/login/oauth/access_token
		}
		allow_http
		allow_private 127.0.0.0/8 ::1/128
	}
	app pasted {
		auth_type api_key
		upstream http://{host}/api/v1
		field host Host {
			kind host
			site_path
		}
		field api_key Key secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8 ::1/128
	}
	oauth_client forge {
		client_id id
		client_secret %s
		field host %s
	}
	`, harness.Secret(t, "FORGE_SECRET", "client-8803"), host)
}

// TestPrivateHosts: the host of an OAuth client, and one that the operator configured for a static
// connection, may be a name or an address of the operator's own network, below a path. Calls and
// token calls go there, and links come back as the gateway's. What an end user entered may not.
func TestPrivateHosts(t *testing.T) {
	f := newForge(t)
	port := f.Listener.Addr().String()[strings.LastIndexByte(f.Listener.Addr().String(), ':'):]
	for _, host := range []string{"localhost" + port, "localhost" + port + "/git", "127.0.0.1" + port,
		"127.0.0.1" + port + "/a/Git"} {
		t.Run(strings.ReplaceAll(host, "/", "|"), func(t *testing.T) { f.reached(t, host) })
	}
}

func (f *forge) reached(t *testing.T, host string) {
	dir := t.TempDir()
	store, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g := harness.Start(t,
		fmt.Sprintf("data_dir %q\nsource local\nsource static {\nconnection fixed {\ntenant other\nuser *\napp "+
			"pasted\nfield host %s\nfield api_key %s\n}\n}\n", dir, host, harness.Secret(t, "FORGE_KEY", "key-8802"))+
			forges(t, host)+tenant(t)+"tenant other {\nsource static\nkey "+harness.Secret(t, "AUTHORIZATION_OTHER",
			harness.KeyB)+"\n}\n", site)
	put := func(app string, auth vending.AuthType, v connect.GrantValues) string {
		t.Helper()
		id, err := store.ImportConnection(t.Context(),
			connect.Connection{Tenant: "acme", User: harness.Alice, App: app, AuthType: auth}, connect.NewGrant(v))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	f.asked()

	id := put("forge", vending.OAuth, connect.GrantValues{AccessToken: "old-8801", RefreshToken: "first-8801",
		Expiry: time.Now().Add(-time.Second), Fields: []vending.Field{{Name: "host", Value: host}}})
	callLinked(t, g, "/proxy/"+id+"/forge/user/repos", harness.KeyA, `</proxy/`+id+`/forge/user/repos?page=2>; rel="next"`)
	bare, _, _ := strings.Cut(host, "/")
	path := strings.TrimPrefix(host, bare)
	got := f.asked()
	want := []string{bare + path + "/login/oauth/access_token", bare + path + "/api/v1/user/repos Bearer fresh-8801"}
	if len(got) != 2 || !strings.HasPrefix(got[0], want[0]) || got[1] != want[1] {
		t.Errorf("the client's host got %q, want %q", got, want)
	}

	callLinked(t, g, "/proxy/fixed/pasted/user", harness.KeyB, `</proxy/fixed/pasted/user?page=2>; rel="next"`)
	if got := f.asked(); !slices.Equal(got, []string{bare + path + "/api/v1/user "}) {
		t.Errorf("the static connection's host got %q", got)
	}

	id = put("pasted", vending.APIKey,
		connect.GrantValues{Fields: []vending.Field{{Name: "host", Value: host}, {Name: "api_key", Value: "k"}}})
	if a, err := send(g, g.Request(http.MethodGet, "/proxy/"+id+"/pasted/user", nil)); err != nil ||
		a.status == http.StatusOK {
		t.Errorf("an end user's host: %s, %v", a, err)
	}
	if got := f.asked(); len(got) != 0 {
		t.Errorf("an end user's host got %q", got)
	}
}

// callLinked asserts that a call by the key is answered 200 with the link, without the gateway's
// origin.
func callLinked(t *testing.T, g *harness.Gateway, path, key, link string) {
	t.Helper()
	res, err := g.Client.Do(g.Request(http.MethodGet, path, nil, "Authorization: Bearer "+key))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := strings.Replace(res.Header.Get("Link"), g.URL, "", 1); res.StatusCode != http.StatusOK || got != link {
		body, _ := io.ReadAll(res.Body)
		t.Errorf("%s: %d with Link %q, want %q: %s", path, res.StatusCode, got, link, body)
	}
}
