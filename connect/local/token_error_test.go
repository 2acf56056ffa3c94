package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// answer is one way in which a token endpoint answers.
type answer struct {
	status int
	body   string
	header map[string]string
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// refusalCase is an answer and what follows from it. logged is what the log must hold; nothing may
// be logged where it is empty.
type refusalCase struct {
	answer  http.Handler
	want    vending.Code
	retry   time.Duration
	flagged bool
	logged  string
}

// Short names, so that each case is one line.
const (
	gone    = vending.NeedsReconnection
	away    = vending.UpstreamUnavailable
	broken  = vending.InternalError
	limited = vending.RateLimited
)

var html = map[string]string{"Content-Type": "text/html"}

var refusalCases = map[string]refusalCase{
	"invalid_grant": {answer{400, `{"error":"invalid_grant","error_description":"canary-body"}`, nil}, gone,
		0, true, ""},
	"invalid_grant as 401":   {answer{401, `{"error":"invalid_grant"}`, nil}, gone, 0, true, ""},
	"in upper case":          {answer{400, `{"error":"INVALID_GRANT"}`, nil}, gone, 0, true, ""},
	"bad_refresh_token, 200": {answer{200, `{"error":"bad_refresh_token"}`, nil}, gone, 0, true, ""},
	"invalid_refresh_token":  {answer{200, `{"ok":false,"error":"invalid_refresh_token"}`, nil}, gone, 0, true, ""},
	"token_revoked":          {answer{200, `{"ok":false,"error":"token_revoked"}`, nil}, gone, 0, true, ""},
	"token_expired":          {answer{200, `{"ok":false,"error":"token_expired"}`, nil}, gone, 0, true, ""},
	"form-encoded": {answer{200, `error=bad_refresh_token`,
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, gone, 0, true, ""},
	"429 with seconds": {answer{429, `{"error":"slow_down"}`, map[string]string{"Retry-After": "17"}}, limited,
		17 * time.Second, false, ""},
	"429 without":            {answer{429, ``, nil}, limited, time.Second, false, ""},
	"429 with invalid_grant": {answer{429, `{"error":"invalid_grant"}`, nil}, limited, time.Second, false, ""},
	"500":                    {answer{500, `canary-body`, nil}, away, 0, false, ""},
	"503 that says when": {answer{503, ``, map[string]string{"Retry-After": "17"}}, away, 17 * time.Second, false,
		""},
	"503 with invalid_grant":  {answer{503, `{"error":"invalid_grant"}`, nil}, away, 0, false, ""},
	"temporarily_unavailable": {answer{400, `{"error":"temporarily_unavailable"}`, nil}, away, 0, false, ""},
	"redirect":                {answer{302, ``, map[string]string{"Location": "/elsewhere"}}, away, 0, false, ""},
	"empty 200":               {answer{200, ``, nil}, away, 0, false, ""},
	"HTML 200":                {answer{200, `<html>canary-body</html>`, html}, away, 0, false, ""},
	"200 without a token": {answer{200, `{"token_type":"bearer","refresh_token":"canary-refresh-x"}`, nil}, away, 0,
		false, ""},
	"token of a wrong type": {answer{200, `{"access_token":["canary-body"]}`, nil}, away, 0, false, ""},
	"expires_in of a wrong type": {answer{200, `{"access_token":"canary-body","expires_in":"soon"}`, nil}, away, 0, false,
		""},
	"oversized": {answer{200, `{"access_token":"` + strings.Repeat("x", 256<<10) + `"}`, nil}, away, 0,
		false, ""},
	"oversized form": {answer{200, "access_token=" + strings.Repeat("x", 256<<10),
		map[string]string{"Content-Type": "text/plain"}}, away, 0, false, ""},
	"invalid_client": {answer{401, `{"error":"invalid_client","error_description":"canary-body"}`, nil},
		broken, 0, false, `"provider_code":"invalid_client"`},
	"404": {answer{404, `canary-body`, html}, broken, 0, false, `"status":404`},
	"a code that logs": {answer{400, `{"error":"bad\u0000\ncode \u00e9 ` + strings.Repeat("y", 100) + `"}`, nil},
		broken, 0, false, `"provider_code":"badcode` + strings.Repeat("y", 57) + `"`},
	"a code with our token": {answer{400, `{"error":"unknown token canary-refresh-0"}`, nil}, broken, 0, false,
		`"provider_code":"(withheld)"`},
	"connection cut": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}), away, 0, false, ""},
	"malformed HTTP": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 canary-body\r\n\r\n")
	}), away, 0, false, ""},
	"never answers": {hanging(never), away, 0, false, ""},
	"slow drip":     {hanging(drip), away, 0, false, ""},
}

// TestRefusals is the fallback table: each answer of the provider, with a token that has ended,
// with one that is about to, and with one that the upstream has refused.
func TestRefusals(t *testing.T) {
	for name, c := range refusalCases {
		t.Run(name, c.check)
	}
}

func (c refusalCase) check(t *testing.T) {
	server := httptest.NewServer(c.answer)
	defer server.Close()
	var log bytes.Buffer
	store := openStore(t, t.TempDir())
	s := New(Options{
		Store: store, Catalog: appsAt(server.URL), Clients: clients, Transport: through(server.Client().Transport),
		RefreshTimeout: timeoutFor(c.answer),
		Logger:         slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	defer s.Close()
	ended, ending := importApp(t, store, "gmail", grantFor(-time.Second)), importApp(t, store, "gmail",
		grantFor(30*time.Second))
	refused := request(importApp(t, store, "gmail", grantFor(time.Hour)))
	refused.Force, refused.Refused = true, vending.NewOAuth("gmail", "canary-access-0", "", time.Time{})

	for _, r := range []vending.Request{request(ended), refused} {
		cred, err := s.Vend(t.Context(), r)
		if codeOf(err) != c.want || !cred.IsZero() {
			t.Fatalf("force %v: error %v, want %s", r.Force, err, c.want)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("force %v: the error quotes a secret", r.Force)
		}
		if e := vending.AsError(err); e.RetryAfter != c.retry {
			t.Errorf("force %v: retry after %v, want %v", r.Force, e.RetryAfter, c.retry)
		}
	}
	if cred, err := s.Vend(t.Context(), request(ending)); err != nil || tokenOf(cred) != "canary-access-0" {
		t.Errorf("a token that is still valid was not vended: %v", err)
	}
	for _, id := range []string{ended, ending, refused.Connection} {
		conn, v := stored(t, store, id)
		if conn.NeedsReconnection != c.flagged || v.RefreshToken != "canary-refresh-0" || v.AccessToken != "canary-access-0" {
			t.Errorf("flagged %v, want %v; or the grant has changed", conn.NeedsReconnection, c.flagged)
		}
	}
	if strings.Contains(log.String(), "canary") || !strings.Contains(log.String(), c.logged) ||
		(c.logged == "") != (log.Len() == 0) {
		t.Errorf("log %s\nwant %s", log.String(), c.logged)
	}
}

// hanging is a provider's answer that does not end, or does not come.
type hanging http.HandlerFunc

func (h hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(w, r) }

func never(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// timeoutFor is the timeout of a call: it is waited for only where the answer is not.
func timeoutFor(h http.Handler) time.Duration {
	if _, ok := h.(hanging); ok {
		return time.Second
	}
	return generous
}

func hijack(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// drip sends a byte whenever the last has gone out, until the client leaves.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// TestFlaggedIsNotAskedAgain checks that a grant that was refused for good costs one call.
func TestFlaggedIsNotAskedAgain(t *testing.T) { storetest.DirectAtOnce(t, testFlaggedIsNotAskedAgain) }

func testFlaggedIsNotAskedAgain(t *testing.T) {
	p := startProvider(t)
	p.current = "another"
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	for name, lifetime := range map[string]time.Duration{"ended": -time.Second, "ending": 30 * time.Second} {
		before := p.asked()
		r := request(importApp(t, store, "gmail", grantFor(lifetime)))
		for range 3 {
			_, err := s.Vend(t.Context(), r)
			if want := map[bool]vending.Code{true: vending.NeedsReconnection}[lifetime < 0]; codeOf(err) != want {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if n := p.asked() - before; n != 1 {
			t.Errorf("%s: %d calls, want 1", name, n)
		}
	}
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("canary-panic") }

var errBroken = errors.New("the store is broken")

func noClient(err error) func(*Options) {
	return func(o *Options) {
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) { return connect.OAuthClient{}, err }
	}
}

// TestMisconfigured has what only an operator can repair.
func TestMisconfigured(t *testing.T) { storetest.DirectAtOnce(t, testMisconfigured) }

func testMisconfigured(t *testing.T) {
	p := startProvider(t)
	for name, c := range map[string]struct {
		app    string
		change func(*Options)
		want   vending.Code
		cause  error
		logged string
	}{
		"no client": {"gmail", noClient(connect.ErrNoOAuthClient), vending.InternalError,
			connect.ErrNoOAuthClient, `"app":"gmail","tenant":"acme"`},
		"no client, wrapped": {"gmail", noClient(fmt.Errorf("looking: %w", connect.ErrNoOAuthClient)),
			vending.InternalError, connect.ErrNoOAuthClient, `"app":"gmail","tenant":"acme"`},
		"unknown client":    {"gmail", noClient(errBroken), vending.InternalError, errBroken, ""},
		"no token endpoint": {"openai", func(*Options) {}, vending.InternalError, errNotOAuth, `"app":"openai"`},
		"no transport": {"gmail", func(o *Options) {
			o.Transport = nil
		}, vending.UpstreamUnavailable, httpx.ErrNoTransport, ""},
		"no transport for the app": {"gmail", func(o *Options) {
			o.Transport = through(nil)
		}, vending.UpstreamUnavailable, httpx.ErrNoTransport, ""},
		"a panic": {"gmail", func(o *Options) {
			o.Transport = through(panicking{})
		}, vending.InternalError, nil, `refresh panicked`},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			store := openStore(t, t.TempDir())
			s := newSource(t, p, store, func(o *Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) }, c.change)
			_, err := s.Vend(t.Context(),
				vending.Request{Tenant: tenant, User: user, Connection: importApp(t, store, c.app, grantFor(-time.Second))})
			if codeOf(err) != c.want || c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if !strings.Contains(log.String(), c.logged) || strings.Contains(log.String(), "canary") {
				t.Errorf("log %s\nwant %s", log.String(), c.logged)
			}
		})
	}
	if n := p.asked(); n != 0 {
		t.Errorf("the provider was called %d times", n)
	}
}
