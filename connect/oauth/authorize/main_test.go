package authorize

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant      = "acme"
	redirectURI = "https://gate.example.com/connect/callback?a=b c"
)

// now is the clock of every authorizer here.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// arrival is a request as a provider got it.
type arrival struct {
	line, authorization, body string
	header                    http.Header
}

// provider is an authorization server and an API at once. It answers as told, and keeps what it
// got.
type provider struct {
	*httptest.Server
	answer http.Handler

	mu  sync.Mutex
	got []arrival
}

func startProvider(t *testing.T, h http.Handler) *provider {
	t.Helper()
	p := &provider{answer: h}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	p.got = append(p.got, arrival{r.Method + " " + r.RequestURI, r.Header.Get("Authorization"), string(body), r.Header})
	p.mu.Unlock()
	p.answer.ServeHTTP(w, r)
}

// calls returns what arrived since the last look.
func (p *provider) calls() []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// answer is one way in which a provider answers.
type answer struct {
	status int
	body   string
	header map[string]string
}

func (a answer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// granted is a token endpoint's answer to everything.
var granted = answer{200,
	`{"access_token":"canary-access","token_type":"bearer","expires_in":3600,"refresh_token":"canary-refresh","scope":"a b"}`, nil}

// generous is more than any call takes that is answered, however busy the machine is.
const generous = 30 * time.Second

// hanging is a provider's answer that does not end, or does not come.
type hanging http.HandlerFunc

func (h hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(w, r) }

func never(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// timeoutFor is the timeout of a call: it is waited for only where the answer is not.
func timeoutFor(h http.Handler) time.Duration {
	if _, ok := h.(hanging); ok {
		return 2 * time.Second
	}
	return generous
}

// stage is an authorizer before a provider.
type stage struct {
	*provider
	*Authorizer
	log *bytes.Buffer
}

func newStage(t *testing.T, h http.Handler, change ...func(*Options)) *stage {
	t.Helper()
	s := &stage{provider: startProvider(t, h), log: new(bytes.Buffer)}
	o := Options{
		Clients: func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "client:id", Secret: vending.NewSecret("canary client+secret")}, nil
		},
		Transport: func(*catalog.App) http.RoundTripper { return s.Client().Transport },
		Timeout:   timeoutFor(h),
		Logger:    slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:       func() time.Time { return now },
	}
	for _, f := range change {
		f(&o)
	}
	s.Authorizer = New(o)
	return s
}

// consents is an app whose end users authorize it at the provider.
func (s *stage) consents(change ...func(*catalog.App)) *catalog.App {
	app := &catalog.App{
		Slug: "mail", Name: "Acme Mail", AuthType: "o_auth", Upstream: s.URL + "/api", AllowHTTP: true,
		OAuth2: &catalog.OAuth2{
			AuthorizeURL: s.URL + "/authorize?audience=x%20y&audience=z", TokenURL: s.URL + "/token",
			RevokeURL: s.URL + "/revoke",
			Scopes:    []string{"read", "write"},
		},
	}
	for _, f := range change {
		f(app)
	}
	return app
}

// keyed is an app with the field api_key and a verify request.
func (s *stage) keyed(change ...func(*catalog.App)) *catalog.App {
	app := &catalog.App{
		Slug: "crm", Name: "Acme CRM", AuthType: "api_key", Upstream: s.URL + "/api", AllowHTTP: true,
		Fields:    []catalog.Field{{Name: "api_key", Label: "API key", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{api_key}"}},
		Verify:    &catalog.Verify{Path: "/me"},
	}
	for _, f := range change {
		f(app)
	}
	return app
}

// machine is an app of client credentials.
func (s *stage) machine(change ...func(*catalog.App)) *catalog.App {
	app := &catalog.App{
		Slug: "machine", Name: "Acme Machines", AuthType: "o_auth", Upstream: s.URL + "/api", AllowHTTP: true,
		Fields: []catalog.Field{{Name: "client_id", Label: "Client ID"},
			{Name: "client_secret", Label: "Client secret", Secret: true}},
		OAuth2: &catalog.OAuth2{TokenURL: s.URL + "/token", RevokeURL: s.URL + "/revoke",
			Grant: catalog.GrantClientCredentials, Scopes: []string{"a", "b"}, ScopeSeparator: ","},
	}
	for _, f := range change {
		f(app)
	}
	return app
}

func fields(pairs ...string) (list []vending.Field) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, vending.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}

// mustBe checks that err is a problem of kind that spills nothing, and that the log spills nothing
// either.
func (s *stage) mustBe(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	var p *Error
	if !errors.As(err, &p) || p.Kind != kind {
		t.Fatalf("error %v, want the problem %s", err, kind)
	}
	for _, text := range []string{p.Message(), p.Title(), p.Error(), s.log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("%q spills what it should not", text)
		}
	}
	return p
}

// reaching has hosts, with their ports, reached at the sockets of providers.
func reaching(hosts map[string]*provider) func(*catalog.App) http.RoundTripper {
	rt := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			p, known := hosts[address]
			if !known {
				return nil, errors.New("dialled " + address)
			}
			return new(net.Dialer).DialContext(ctx, network, p.Listener.Addr().String())
		}}
	return func(*catalog.App) http.RoundTripper { return rt }
}
