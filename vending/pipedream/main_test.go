package pipedream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What no error, log line or other answer may ever hold.
const (
	clientSecret = "canary-client-secret"
	bearer       = "canary-access-token"
	secret       = "canary-credential"
)

const passAnswer = `{"access_token":"` + bearer + `","token_type":"Bearer","expires_in":3600}`

// sheets is a live account of google_sheets with an OAuth token.
const sheets = `{"id":"apn_1","name":"Work","external_id":"alice@example.com","healthy":true,"dead":false,"error":null,
	"app":{"name_slug":"google_sheets","auth_type":"oauth","custom_fields_json":"[]"},"expires_at":"2030-01-02T03:04:05Z",
	"credentials":{"oauth_client_id":"canary-id","oauth_access_token":"` + secret + `","oauth_refresh_token":"canary-refresh","oauth_uid":"canary-uid"}}`

// seen is one request as it came over the socket.
type seen struct {
	method, uri, body string
	header            http.Header
}

// stand answers as Pipedream's API, by the path: token, account and proxy.
type stand struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
}

// serve starts a stand. A nil handler answers as a healthy Pipedream would.
func serve(t *testing.T, token, account, proxy http.HandlerFunc) *stand {
	t.Helper()
	if token == nil {
		token = says(200, passAnswer)
	}
	s := &stand{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, seen{r.Method, r.RequestURI, string(body), r.Header.Clone()})
		s.mu.Unlock()
		switch path := r.URL.Path; {
		case path == "/v1/oauth/token":
			token(w, r)
		case strings.HasPrefix(path, "/v1/connect/proj_1/accounts/"):
			account(w, r)
		case strings.HasPrefix(path, "/v1/connect/proj_1/proxy/") && proxy != nil:
			proxy(w, r)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns the requests whose path holds part.
func (s *stand) asked(part string) (found []seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.Contains(r.uri, part) {
			found = append(found, r)
		}
	}
	return found
}

// says answers status and body, with header lines as name, value pairs.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// inTurn answers with one handler after the other, and with the last for good.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		next := handlers[0]
		if len(handlers) > 1 {
			handlers = handlers[1:]
		}
		mu.Unlock()
		next(w, r)
	}
}

// apps are OAuth apps, one of them with a field in its host, one with the client's id in a header,
// one that signs, one with two fields, and one with one.
func apps(t *testing.T) *catalog.Catalog {
	t.Helper()
	oauth := &catalog.OAuth2{AuthorizeURL: "https://a.example/authorize", TokenURL: "https://a.example/token"}
	c, err := catalog.New(
		catalog.App{Slug: "google-sheets", AuthType: "o_auth", Upstream: "https://sheets.example.com", OAuth2: oauth},
		catalog.App{Slug: "slack", AuthType: "o_auth", Upstream: "https://slack.example.com", OAuth2: oauth},
		catalog.App{
			Slug: "shop", AuthType: "o_auth", Upstream: "https://{shop}.shop.example.com", OAuth2: oauth,
			Fields: []catalog.Field{{Name: "shop"}},
		},
		catalog.App{
			Slug: "live", AuthType: "o_auth", Upstream: "https://live.example.com", OAuth2: oauth,
			Fields: []catalog.Field{{Name: "client_id", From: catalog.FromClient},
				{Name: "region", From: catalog.FromClient}},
			Placement: &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {access_token}",
				"Client-Id": "{client_id}"}},
		},
		catalog.App{
			Slug: "signed", AuthType: "o_auth", Upstream: "https://signed.example.com",
			OAuth1: &catalog.OAuth1{RequestTokenURL: "https://s.example/r", AuthorizeURL: "https://s.example/a",
				AccessTokenURL: "https://s.example/t"},
		},
		catalog.App{
			Slug: "mail", AuthType: "basic", Upstream: "https://mail.example.com",
			Fields: []catalog.Field{{Name: "username"}, {Name: "password", Secret: true}},
		},
		catalog.App{
			Slug: "openai", AuthType: "api_key", Upstream: "https://openai.example.com",
			Fields:    []catalog.Field{{Name: "api_key", Secret: true}},
			Placement: &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {api_key}"}},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newSource makes a source that asks s with a transport of its own.
func newSource(t *testing.T, s *stand, change ...func(*pipedream.Options)) *pipedream.Source {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	o := pipedream.Options{
		Endpoint: s.URL + "/", AllowHTTP: true, Transport: transport, Project: "proj_1", Environment: "development",
		ClientID: "the-client", ClientSecret: vending.NewSecret(clientSecret), Catalog: apps(t),
		Tenants: []string{"acme", "beta"},
	}
	for _, f := range change {
		f(&o)
	}
	source, err := pipedream.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { source.Close(); transport.CloseIdleConnections() })
	return source
}

// request asks for alice's google-sheets, account apn_1.
func request() vending.Request {
	return vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "apn_1", App: "google-sheets"}
}

func vend(s vending.Source, r vending.Request) (vending.Credential, error) {
	return s.Vend(context.Background(), r)
}

// refused asserts that Vend ended with code, without a credential and without a canary, and returns
// the error.
func refused(t *testing.T, cred vending.Credential, err error, code vending.Code) *vending.Error {
	t.Helper()
	var e *vending.Error
	if !errors.As(err, &e) || e.Code != code || e.Origin != vending.FromVending || !cred.IsZero() {
		t.Fatalf("Vend = credential %t, error %v; want none and %s", !cred.IsZero(), err, code)
	}
	clean(t, fmt.Sprintf("%v %+v %#v %s", err, err, err, e.Text()))
	return e
}

// clean asserts that text holds none of the canaries.
func clean(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "canary") {
		t.Errorf("a secret got out: %s", text)
	}
}

// vended asserts that Vend returned exactly the fields given as name, value pairs.
func vended(t *testing.T, cred vending.Credential, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("Vend: %v", err)
	}
	var got []string
	for name, value := range cred.Fields() {
		got = append(got, name, value)
	}
	if !slices.Equal(got, want) || cred.Relay() != nil {
		t.Errorf("fields = %q, relay %t; want %q", got, cred.Relay() != nil, want)
	}
}
