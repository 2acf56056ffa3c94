package hosted_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/web/hosted"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

const alice = "alice@example.com"

// sites are whatever hosts there are: all names lead here. Each is a WordPress below /blog.
type sites struct {
	*httptest.Server

	scope    string // what a token is granted for
	instance string // whose account it is
	onToken  func() // runs once, while the next token call waits for its answer
	home     string // how it calls itself, as `home` of https://developer.wordpress.org/rest-api/reference/ has it

	mu    sync.Mutex
	lines []string
}

func newSites(t *testing.T) *sites {
	t.Helper()
	s := &sites{home: "http://www.shop.example/blog"}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sites) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.lines = append(s.lines, r.Method+" "+r.Host+r.RequestURI)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/token" {
		if run := s.onToken; run != nil {
			s.onToken = nil
			run()
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": "access-1", "scope": s.scope, "instance": s.instance})
		return
	}
	_, password, _ := r.BasicAuth()
	switch path, below := strings.CutPrefix(r.URL.Path, "/blog/wp-json"); {
	case !below:
		w.WriteHeader(http.StatusNotFound)
	case path == "/":
		_ = json.NewEncoder(w).Encode(map[string]string{"home": s.home, "url": s.home, "name": "A site"})
	case password != "right":
		w.WriteHeader(http.StatusUnauthorized)
	case path == "/wp/v2/posts": // as rest_url() in WP_REST_Posts_Controller::get_items
		w.Header().Set("Link", "<"+s.home+`/wp-json/wp/v2/posts?page=2>; rel="next"`)
	default:
		_, _ = io.WriteString(w, `{"id":1}`)
	}
}

// asked are the requests since the last time.
func (s *sites) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

// app is WordPress as the catalog has it.
func (s *sites) app() *catalog.App {
	return &catalog.App{
		Slug: "wordpress", Name: "WordPress", AuthType: "basic", Upstream: "http://{host}/wp-json", AllowHTTP: true,
		Fields: []catalog.Field{
			{Name: "host", Label: "Site", Kind: catalog.KindHost, SitePath: true, Cut: []string{"/wp-admin", "/wp-login.php"}},
			{Name: "username", Label: "User"}, {Name: "password", Label: "Password", Secret: true},
		},
		Verify:    &catalog.Verify{Path: "/wp/v2/users/me"},
		SiteNames: &catalog.SiteNames{URL: "http://{host}/wp-json/?_fields=home,url", Paths: []string{"home", "url"}},
	}
}

// office is the pages over a store, whose links are for Alice.
type office struct {
	*testing.T
	*httptest.Server
	sites *sites
	store *store.Store
	app   *catalog.App
	log   bytes.Buffer
}

func (o *office) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&o.log, nil)) }

// events are the audit trail of a connection, the oldest first, with their details.
func (o *office) events(id string) (events []string) {
	o.Helper()
	rows, _, err := o.store.Audit(o.Context(), connect.AuditFilter{Connection: id})
	if err != nil {
		o.Fatal(err)
	}
	for _, r := range slices.Backward(rows) {
		events = append(events, strings.TrimSpace(string(r.Event)+" "+r.Detail))
	}
	return events
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s := newSites(t)
	return newOfficeOf(t, s, s.app())
}

// newOfficeOf is one whose only app is given; all that it calls is at sites.
func newOfficeOf(t *testing.T, s *sites, app *catalog.App) *office {
	t.Helper()
	o := &office{T: t, sites: s, app: app}
	if err := o.app.Check(); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.store.Close() })
	toSites := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, o.sites.Listener.Addr().String())
	}, DisableKeepAlives: true}
	h := hosted.New(hosted.Options{
		Store: o.store, Pages: page.New(connect.Root),
		Authorizer: authorize.New(authorize.Options{Clients: aClient, Logger: o.logger(),
			Transport: func(*catalog.App) http.RoundTripper {
				return toSites
			}}),
		Catalog: o.lookup,
		Tenant: func(_ context.Context, id string) (connect.Tenant, error) {
			return connect.Tenant{ID: id, Email: "ops@acme.example", Brand: connect.Brand{Name: "Acme"}}, nil
		},
	})
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Serve(w, r, hosted.Where{Origin: o.URL}, strings.TrimPrefix(r.URL.EscapedPath(), connect.Root+"/"))
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *office) lookup(slug string) (*catalog.App, bool) { return o.app, slug == o.app.Slug }

// aClient is known to all providers.
func aClient(context.Context, string, string) (connect.OAuthClient, error) {
	return connect.OAuthClient{ID: "client", Secret: vending.NewSecret("client-secret")}, nil
}

func noClient(context.Context, string, string) (connect.OAuthClient, error) {
	return connect.OAuthClient{}, connect.ErrNoOAuthClient
}

// visit opens a link and accepts it.
func (o *office) visit(l connect.Link, err error) *harness.Visitor {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
	return harness.NewVisitor(o, nil).Open(o.URL + connect.LinkPath(l.Token.Reveal()))
}

// connect makes a connection to a site by a link, and returns its id.
func (o *office) connect(host string) string {
	o.Helper()
	l, err := o.store.CreateLink(o.Context(),
		connect.Connection{Tenant: "acme", User: alice, App: "wordpress", AuthType: vending.Basic})
	v := o.visit(l, err).Submit("accept")
	v.Submit("credentials", "field.host", host, "field.username", "alice", "field.password", "right").Sees("connected",
		200, harness.SaysCreated)
	return l.Connection.ID
}

func (o *office) renew(id string) *harness.Visitor {
	o.Helper()
	return o.visit(o.store.RenewLink(o.Context(), "acme", alice, id))
}

func (o *office) held(id string) connect.GrantValues {
	o.Helper()
	_, g, err := o.store.Grant(o.Context(), "acme", alice, id)
	if err != nil {
		o.Fatal(err)
	}
	return g.Reveal()
}

// TestSiteBelowPath: what is pasted is where the credential is tried and where calls go, path and
// all.
func TestSiteBelowPath(t *testing.T) {
	o := newOffice(t)
	id := o.connect("https://Shop.example/blog/wp-admin/profile.php?user=1")
	want := []string{"GET shop.example/blog/wp-json/wp/v2/users/me", "GET shop.example/blog/wp-json/?_fields=home,url"}
	if asked := o.sites.asked(); !slices.Equal(asked, want) {
		t.Errorf("the site was asked %q, want %q", asked, want)
	}
	held := o.held(id)
	if held.Fields[0] != (vending.Field{Name: "host", Value: "shop.example/blog"}) ||
		!slices.Equal(held.SiteNames, []string{"www.shop.example/blog"}) {
		t.Errorf("the connection has the host %q and the names %q", held.Fields[0].Value, held.SiteNames)
	}
}

// TestRenewedSite: a refresh link shows the address of its connection, and takes no other, whatever
// the browser sends.
func TestRenewedSite(t *testing.T) {
	o := newOffice(t)
	id := o.connect("bücher.example/blog")
	o.sites.asked()
	v := o.renew(id).Sees("invitation", 200, "xn--bcher-kva.example/blog")
	v.Submit("accept").Sees("form", 200, "This connection keeps its address.")
	if !strings.Contains(v.Page, `value="xn--bcher-kva.example/blog" readonly`) {
		t.Errorf("the form does not show the address: %s", v.Text())
	}
	for _, other := range []string{"evil.example/blog", "xn--bcher-kva.example", "xn--bcher-kva.example/Blog",
		"xn--bcher-kva.example:8443/blog", "https://bucher.example/blog"} {
		v.Submit("credentials", "field.host", other, "field.username", "alice", "field.password", "right").
			Sees(other, 422, "is another address than the one of this connection")
	}
	if asked := o.sites.asked(); asked != nil {
		t.Errorf("a credential went to %q", asked)
	}
	v.Submit("credentials", "field.host", "https://BÜCHER.example/blog/", "field.username", "alice", "field.password",
		"wrong").
		Sees("a wrong password", 422, "does not accept what you entered")
	v.Submit("credentials", "field.host", "https://BÜCHER.example/blog/", "field.username", "alice", "field.password",
		"right").
		Sees("the same address", 200, "Credentials updated").Sees("the same address", 200, "xn--bcher-kva.example/blog")
	if held := o.held(id); held.Fields[0].Value != "xn--bcher-kva.example/blog" {
		t.Errorf("the connection has the host %q", held.Fields[0].Value)
	}
}

// TestLinksOfConnectedSite has a caller follow the Link of a site that calls itself otherwise, and
// of one that calls itself by a stranger's name: the call goes to the connection's own host both
// times.
func TestLinksOfConnectedSite(t *testing.T) {
	for _, home := range []string{"http://www.shop.example/blog", "https://api.victim.example",
		"https://api.victim.example/blog"} {
		o := newOffice(t)
		o.sites.home = home
		id := o.connect("shop.example/blog")
		o.sites.asked()
		source := local.New(local.Options{Store: o.store, Catalog: o.lookup, Clients: noClient})
		defer source.Close()
		placement, err := inject.NewPlacement(o.app)
		if err != nil {
			t.Fatal(err)
		}
		call := func(path, query string) http.Header {
			t.Helper()
			cred, err := source.Vend(t.Context(), vending.Request{Tenant: "acme", User: alice, Connection: id, App: "wordpress"})
			if err != nil {
				t.Fatal(err)
			}
			x, err := inject.NewInjection(placement, cred, path, query, query != "", nil)
			if err != nil {
				t.Fatal(err)
			}
			header, err := o.sites.get(inject.WithInjection(t.Context(), x))
			if err != nil {
				t.Fatal(err)
			}
			x.RewriteLinks(header, func() inject.Gateway {
				return inject.Gateway{Origin: "https://gw.example", Path: "/proxy/c/wordpress"}
			})
			return header
		}
		const next = `<https://gw.example/proxy/c/wordpress/wp/v2/posts?page=2>; rel="next"`
		if got := call("/wp/v2/posts", "").Get("Link"); got != next {
			t.Errorf("%s: Link is %q, want %q", home, got, next)
		}
		call("/wp/v2/posts", "page=2")
		want := []string{"GET shop.example/blog/wp-json/wp/v2/posts", "GET shop.example/blog/wp-json/wp/v2/posts?page=2"}
		if asked := o.sites.asked(); !slices.Equal(asked, want) {
			t.Errorf("%s: asked %q, want %q", home, asked, want)
		}
	}
}

// get sends the request of the context's exchange.
func (s *sites) get(ctx context.Context) (http.Header, error) {
	proxy, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return nil, err
	}
	base := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, proxy.Host)
		}}
	res, err := (&inject.Transport{Base: base}).RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	return res.Header, errors.Join(err, res.Body.Close())
}

// TestSiteWithoutNames: a site that does not say how it calls itself, or says nonsense, is
// connected all the same.
func TestSiteWithoutNames(t *testing.T) {
	for home, want := range map[string][]string{
		"": nil, "nonsense": nil, "https://shop.example/blog/": nil, "javascript:alert(1)": nil, "https://u:p@x.example": nil,
		"https://x.example/?a": nil,
		"https://x.example":    {"x.example"},
	} {
		o := newOffice(t)
		o.sites.home = home
		if got := o.held(o.connect("shop.example/blog")).SiteNames; !slices.Equal(got, want) {
			t.Errorf("%q: names %q, want %q", home, got, want)
		}
	}
	o := newOffice(t)
	o.app.SiteNames.URL = "http://{host}/elsewhere" // 404
	if got := o.held(o.connect("shop.example/blog")).SiteNames; got != nil {
		t.Errorf("names %q", got)
	}
}
