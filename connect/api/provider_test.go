package api_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// provider is the third party behind every app here, as far as the API talks to it: it revokes.
type provider struct {
	server *httptest.Server

	// stall, where it is not nil, keeps the provider from answering until it is closed.
	stall chan struct{}

	mu      sync.Mutex
	status  int
	revoked []string // the forms it got
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{status: http.StatusOK}
	p.server = httptest.NewTLSServer(p)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	p.revoked = append(p.revoked, r.Method+" "+r.URL.Path+" "+r.PostForm.Encode())
	p.mu.Unlock()
	if p.stall != nil {
		<-p.stall
	}
	w.WriteHeader(p.status)
}

// got returns what was asked so far.
func (p *provider) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.revoked...)
}

func (p *provider) transport(*catalog.App) http.RoundTripper { return p.server.Client().Transport }

// apps are one of each kind, with names that are found by `mail` in different ways.
func (p *provider) apps() []catalog.App {
	code := func(change func(*catalog.OAuth2)) *catalog.OAuth2 {
		o := &catalog.OAuth2{AuthorizeURL: p.server.URL + "/authorize", TokenURL: p.server.URL + "/token"}
		if change != nil {
			change(o)
		}
		return o
	}
	oauth := func(slug, name string, o *catalog.OAuth2) catalog.App {
		return catalog.App{Slug: slug, Name: name, AuthType: "o_auth", Upstream: "https://api.example.com", OAuth2: o,
			AllowPrivate: []string{"127.0.0.0/8"}}
	}
	machine := oauth("machine", "Machine",
		&catalog.OAuth2{TokenURL: p.server.URL + "/token", Grant: catalog.GrantClientCredentials})
	machine.Fields = []catalog.Field{{Name: "client_id"}, {Name: "client_secret", Secret: true}}
	key := catalog.App{
		Slug: "key", Name: "Key", Categories: []string{"ai", "test"}, AuthType: "api_key",
		Upstream:  "https://api.example.com",
		Fields:    []catalog.Field{{Name: "api_key", Label: "API key", Secret: true}, {Name: "account"}},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{api_key}{account}"}},
	}
	basic := catalog.App{
		Slug: "basic", Name: "Basic", AuthType: "basic", Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "username"}, {Name: "password", Secret: true}},
	}
	big := oauth("big-mail", "Big", code(func(o *catalog.OAuth2) {
		o.Capture = []catalog.Capture{{Field: "realm", From: catalog.CaptureCallback, Path: "realmId"}}
	}))
	big.Fields = []catalog.Field{
		{Name: "region", Label: "Region", Options: []string{"eu", "us"}, Default: "eu"},
		{Name: "realm", From: catalog.FromGrant}, {Name: "developer", Secret: true, From: catalog.FromClient},
	}
	return []catalog.App{
		oauth("mail", "Mail", code(func(o *catalog.OAuth2) { o.RevokeURL = p.server.URL + "/revoke" })),
		oauth("gmail", "Gmail", code(nil)), oauth("mailer", "Mailer", code(nil)), big,
		oauth("acme", "Acme (Mail)", code(nil)), oauth("unregistered", "Unregistered", code(nil)),
		oauth("imported", "Imported", code(func(o *catalog.OAuth2) { o.AuthorizeURL = "" })),
		machine, key, basic,
	}
}
