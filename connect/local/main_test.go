package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(vendAsChild(dir))
	}
	storetest.Prepare(func(p storetest.Place) error {
		s, err := store.Open(context.Background(), optionsOf(p))
		if err == nil {
			err = s.Close()
		}
		return err
	})
	goleak.VerifyTestMain(services.WithShutdown(m))
}

const (
	tenant       = "acme"
	user         = "alice@example.com"
	clientSecret = "canary client+secret"
)

// provider is an OAuth authorization server that rotates: each refresh token works once.
type provider struct {
	*httptest.Server

	mu      sync.Mutex
	current string // the refresh token that works
	calls   []*http.Request
	forms   []string // their bodies
	issued  int

	// intercept runs before an answer, with how many tokens have been issued.
	intercept func(issued int)
}

func startProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{current: "canary-refresh-0"}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // a client that is stopped in the middle must not hold the others up
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	p.calls, p.forms = append(p.calls, r), append(p.forms, string(body))
	form, err := url.ParseQuery(string(body))
	ok := err == nil && form.Get("refresh_token") == p.current
	if ok {
		p.issued++
		p.current = fmt.Sprintf("canary-refresh-%d", p.issued)
	}
	issued, current, intercept := p.issued, p.current, p.intercept
	p.mu.Unlock()

	if intercept != nil {
		intercept(issued)
	}
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"canary-description"}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf("canary-access-%d", issued), "token_type": "bearer", "expires_in": 3600,
		"refresh_token": current,
	})
}

// beforeAnswer sets what runs when a call has taken effect and is not answered yet.
func (p *provider) beforeAnswer(f func(issued int)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = f
}

// asked returns how many calls the provider got.
func (p *provider) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// apps is a catalog whose token endpoint is p's.
func (p *provider) apps(slug string) (*catalog.App, bool) { return appsAt(p.URL)(slug) }

func appsAt(tokenURL string) func(string) (*catalog.App, bool) {
	return func(slug string) (*catalog.App, bool) {
		o := &catalog.OAuth2{TokenURL: tokenURL + "/token"}
		switch slug {
		case "gmail":
		case "basic-auth":
			o.ClientAuth = "header"
		case "machine":
			o.Grant, o.Scopes = catalog.GrantClientCredentials, []string{"a", "b"}
		case "openai":
			o = nil
		default:
			return nil, false
		}
		return &catalog.App{Slug: slug, Name: slug, OAuth2: o}, true
	}
}

func clients(context.Context, string, string) (connect.OAuthClient, error) {
	return connect.OAuthClient{ID: "client:id", Secret: vending.NewSecret(clientSecret)}, nil
}

// through has every app's token endpoint reached by rt.
func through(rt http.RoundTripper) func(*catalog.App) http.RoundTripper {
	return func(*catalog.App) http.RoundTripper { return rt }
}

// openStore makes grants seem to have been stored an hour ago, so that one with 30 s left is about
// to end and is not one that never had more.
func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	return openStoreAt(t, dir, func() time.Time { return time.Now().Add(-time.Hour) })
}

func openStoreAt(t testing.TB, dir string, now func() time.Time) *store.Store {
	t.Helper()
	o := optionsOf(storetest.At(t, dir))
	o.Now = now
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func optionsOf(p storetest.Place) store.Options {
	return store.Options{Dir: p.Dir, Postgres: p.Postgres, KeyEncryptionKeys: p.Keys}
}

// generous is more than any call takes that is answered, however busy the machine is.
const generous = 30 * time.Second

// newSource makes a source over p; change may set what it does not.
func newSource(t testing.TB, p *provider, store *store.Store, change ...func(*Options)) *Source {
	t.Helper()
	o := Options{Store: store, Catalog: p.apps, Clients: clients, Transport: through(p.Client().Transport),
		RefreshTimeout: generous}
	for _, c := range change {
		c(&o)
	}
	s := New(o)
	t.Cleanup(s.Close)
	return s
}

// grantFor is what p gave first, with an access token that ends after lifetime; 0 means unknown.
func grantFor(lifetime time.Duration) connect.GrantValues {
	v := connect.GrantValues{AccessToken: "canary-access-0", RefreshToken: "canary-refresh-0", TokenType: "Bearer",
		Scope: "mail"}
	if lifetime != 0 {
		v.Expiry = time.Now().Add(lifetime)
	}
	return v
}

func importApp(t testing.TB, s *store.Store, app string, v connect.GrantValues,
	change ...func(*connect.Connection)) string {
	t.Helper()
	c := connect.Connection{Tenant: tenant, User: user, App: app, AuthType: vending.OAuth}
	for _, f := range change {
		f(&c)
	}
	id, err := s.ImportConnection(t.Context(), c, connect.NewGrant(v))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func request(id string) vending.Request {
	return vending.Request{Tenant: tenant, User: user, Connection: id, App: "gmail"}
}

// stored returns what the store holds now.
func stored(t testing.TB, s *store.Store, id string) (connect.Connection, connect.GrantValues) {
	t.Helper()
	c, g, err := s.Grant(context.WithoutCancel(t.Context()), tenant, user, id)
	if err != nil {
		t.Fatal(err)
	}
	return c, g.Reveal()
}

// tokenOf names a credential's token without printing what it should not.
func tokenOf(c vending.Credential) string {
	token, _ := c.Field(vending.AccessToken)
	return token
}

func codeOf(err error) vending.Code {
	if err == nil {
		return ""
	}
	return vending.AsError(err).Code
}
