package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

const (
	renewedToken = "canary-renewed"
	// life is that of Instagram's tokens.
	life = 60 * 24 * time.Hour
)

// renewer is a provider whose tokens renew themselves, as Instagram's and Threads' do.
type renewer struct {
	*httptest.Server

	mu     sync.Mutex
	lines  []string
	status int
	body   string
}

func startRenewer(t *testing.T, status int, body string) *renewer {
	t.Helper()
	r := &renewer{status: status, body: body}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *renewer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, req.Method+" "+req.RequestURI+" "+req.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

func (r *renewer) answers(status int, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.body = status, body
}

func (r *renewer) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func (r *renewer) app(slug string) (*catalog.App, bool) {
	return &catalog.App{Slug: slug, Name: slug, OAuth2: &catalog.OAuth2{
		AuthorizeURL: r.URL + "/authorize", TokenURL: r.URL + "/token",
		Renew: &catalog.Exchange{URL: r.URL + "/renew", GrantType: "ig_refresh_token", Param: "access_token"},
	}}, true
}

// renewing returns a source over p, without any OAuth client, as a renewal takes the token alone,
// and a request for a token that ends after life.
func renewing(t *testing.T, p *renewer, dir string, now *time.Time, change ...func(*Options)) (*Source, *store.Store,
	vending.Request) {
	t.Helper()
	imported := false
	store := openStoreAt(t, dir, func() time.Time {
		if !imported {
			return time.Now()
		}
		return *now
	})
	o := Options{RefreshTimeout: generous, Store: store, Catalog: p.app, Transport: through(p.Client().Transport),
		Now: func() time.Time {
			return *now
		}}
	noClient(connect.ErrNoOAuthClient)(&o)
	for _, c := range change {
		c(&o)
	}
	s := New(o)
	t.Cleanup(s.Close)
	v := grantFor(life)
	v.RefreshToken = ""
	r := request(importApp(t, store, "gmail", v))
	imported = true
	return s, store, r
}

// brief is the time of a refresh that a test waits out whole. Calls that are answered, or changes
// that the database refuses, take far less.
func brief(o *Options) { o.RefreshTimeout = 5 * time.Second }

// vendAlone vends, and waits for a renewal that was begun by that.
func vendAlone(t *testing.T, s *Source, store *store.Store, r vending.Request) (string, error) {
	t.Helper()
	c, _ := stored(t, store, r.Connection)
	cred, err := s.Vend(t.Context(), r)
	// which joins one under way
	_, _, _ = s.refreshes.Do(fmt.Sprintf("%s/%d", c.ID, c.Version), func() (any, error) { return nil, nil })
	return tokenOf(cred), err
}

// TestRenewal has tokens of sixty days without a refresh token, at all ages.
func TestRenewal(t *testing.T) { storetest.DirectAtOnce(t, testRenewal) }

func testRenewal(t *testing.T) {
	const (
		granted = `{"access_token":"` + renewedToken + `","token_type":"bearer","expires_in":5184000}`
		call    = "GET /renew?access_token=canary-access-0&grant_type=ig_refresh_token "
	)
	for name, c := range map[string]struct {
		age    time.Duration
		status int
		body   string
		forced bool
		token  string
		code   vending.Code
		calls  int
	}{
		"young":            {age: life/2 - time.Hour, status: 200, body: granted, token: "canary-access-0"},
		"half over":        {age: life/2 + time.Hour, status: 200, body: granted, token: renewedToken, calls: 1},
		"last minute":      {age: life - time.Minute, status: 200, body: granted, token: renewedToken, calls: 1},
		"over":             {age: life + time.Second, status: 200, body: granted, code: vending.NeedsReconnection},
		"provider is away": {age: life/2 + time.Hour, status: 503, token: "canary-access-0", calls: 1},
		"provider is busy": {age: life/2 + time.Hour, status: 429, token: "canary-access-0", calls: 1},
		"renewal is refused": {age: life/2 + time.Hour, status: 400, body: `{"error":{"message":"no","code":190}}`,
			token: "canary-access-0", calls: 1},
		"answer has ended": {age: life/2 + time.Hour, status: 200,
			body: `{"access_token":"canary-ended","expires_at":1600000000}`, token: "canary-access-0", calls: 1},
		"answer is nonsense": {age: life/2 + time.Hour, status: 200, body: `{"ok":true}`, token: "canary-access-0",
			calls: 1},
		"token is refused":   {age: life/2 + time.Hour, status: 200, body: granted, forced: true, token: "canary-access-0"},
		"young, but refused": {age: time.Hour, status: 200, body: granted, forced: true, token: "canary-access-0"},
		"over, and refused": {age: life + time.Second, status: 200, body: granted, forced: true,
			code: vending.NeedsReconnection},
		"without its minutes": {age: life - time.Second, status: 503, token: "canary-access-0", calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := startRenewer(t, c.status, c.body)
			var now time.Time
			s, store, r := renewing(t, p, t.TempDir(), &now)
			_, begun := stored(t, store, r.Connection)
			now = begun.Expiry.Add(c.age - life) // the clock went on while the store was made
			if c.forced {
				r.Force, r.Refused = true, vending.NewOAuth("gmail", "canary-access-0", "", time.Time{})
			}
			for i := range 3 {
				want := c.token
				if i == 0 && want == renewedToken { // no call waits
					want = "canary-access-0"
				}
				token, err := vendAlone(t, s, store, r)
				if token != want || codeOf(err) != c.code {
					t.Errorf("token %q, %v; want %q and %q", token, err, want, c.code)
				}
			}
			if lines := p.asked(); len(lines) != c.calls || c.calls > 0 && lines[0] != call {
				t.Errorf("calls %q; want %d", lines, c.calls)
			}
			conn, held := stored(t, store, r.Connection)
			// it is stored in seconds
			if left := held.Expiry.Sub(now); c.token == renewedToken && (left > life || left < life-time.Second) {
				t.Errorf("the new token ends after %s", left)
			}
			if conn.NeedsReconnection != (c.code != "") {
				t.Errorf("needs reconnection: %t", conn.NeedsReconnection)
			}
		})
	}
}

// TestRenewalAgain: what failed is retried after a while, and then no longer.
func TestRenewalAgain(t *testing.T) { storetest.DirectAtOnce(t, testRenewalAgain) }

func testRenewalAgain(t *testing.T) {
	p := startRenewer(t, http.StatusServiceUnavailable, "")
	now := time.Now().Add(life/2 + time.Hour)
	s, store, r := renewing(t, p, t.TempDir(), &now)
	for i, step := range []struct {
		later time.Duration
		token string
		calls int
	}{
		{0, "canary-access-0", 1},
		{59 * time.Minute, "canary-access-0", 1},
		{2 * time.Minute, "canary-access-0", 2},
		{time.Hour, renewedToken, 2},
	} {
		now = now.Add(step.later)
		if i == 2 {
			p.answers(http.StatusOK, `{"access_token":"`+renewedToken+`","expires_in":5184000}`)
		}
		token, err := vendAlone(t, s, store, r)
		if calls := len(p.asked()); err != nil || token != step.token || calls != step.calls {
			t.Errorf("step %d: token %q, %d calls, %v; want %q and %d", i, token, calls, err, step.token, step.calls)
		}
	}
}

// TestUnsavedRenewal makes the store fail after the provider has renewed. The old token may have
// ended by that, so the new one is not lost, and the provider is not asked again.
func TestUnsavedRenewal(t *testing.T) { storetest.DirectAtOnce(t, testUnsavedRenewal) }

func testUnsavedRenewal(t *testing.T) {
	p := startRenewer(t, http.StatusOK, `{"access_token":"`+renewedToken+`","expires_in":5184000}`)
	dir := t.TempDir()
	now := time.Now().Add(life/2 + time.Hour)
	s, store, r := renewing(t, p, dir, &now, brief)
	repair := breakStore(t, dir)
	for i, want := range []string{"canary-access-0", "canary-access-0", "canary-access-0", renewedToken} {
		if i == 2 {
			repair()
		}
		if token, err := vendAlone(t, s, store, r); err != nil || token != want {
			t.Errorf("vend %d: token %q, %v; want %q", i, token, err, want)
		}
	}
	if lines := p.asked(); len(lines) != 1 {
		t.Errorf("calls %q", lines)
	}
}

// TestUnsavedRenewalOutlivesTheToken: what waits to be stored is there when the old token has
// ended, too.
func TestUnsavedRenewalOutlivesTheToken(t *testing.T) {
	storetest.DirectAtOnce(t, testUnsavedRenewalOutlivesTheToken)
}

func testUnsavedRenewalOutlivesTheToken(t *testing.T) {
	p := startRenewer(t, http.StatusOK, `{"access_token":"`+renewedToken+`","expires_in":5184000}`)
	dir := t.TempDir()
	now := time.Now().Add(life - time.Minute)
	s, store, r := renewing(t, p, dir, &now, brief)
	repair := breakStore(t, dir)
	for i, want := range []string{"canary-access-0", "", renewedToken, renewedToken} {
		if i == 2 {
			repair()
		}
		token, err := vendAlone(t, s, store, r)
		if token != want || (want == "") != (codeOf(err) == vending.InternalError) {
			t.Errorf("vend %d: token %q, %v; want %q", i, token, err, want)
		}
		now = now.Add(2 * time.Minute)
	}
	if c, _ := stored(t, store, r.Connection); c.NeedsReconnection || len(p.asked()) != 1 {
		t.Errorf("needs reconnection: %t, calls %q", c.NeedsReconnection, p.asked())
	}
}

// TestHangingRenewal has a provider that does not answer: no call waits for it, or asks it again.
func TestHangingRenewal(t *testing.T) { storetest.DirectAtOnce(t, testHangingRenewal) }

func testHangingRenewal(t *testing.T) {
	p := startRenewer(t, http.StatusOK, "")
	answer := make(chan struct{})
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-answer
		p.ServeHTTP(w, r)
	})
	now := time.Now().Add(life/2 + time.Hour)
	s, store, r := renewing(t, p, t.TempDir(), &now, brief)
	vend := func() {
		t.Helper()
		ctx, leave := context.WithCancel(t.Context())
		cred, err := s.Vend(ctx, r)
		leave()
		if err != nil || tokenOf(cred) != "canary-access-0" {
			t.Errorf("token %q, %v", tokenOf(cred), err)
		}
	}
	vend()
	vend()
	if token, err := vendAlone(t, s, store, r); err != nil || token != "canary-access-0" { // for the time of a refresh
		t.Errorf("token %q, %v", token, err)
	}
	vend()
	close(answer)
	if s.renewals.due(r.Connection, now) {
		t.Error("the renewal is due again at once")
	}
}

// TestRefreshBeforeRenewal: a refresh token is the better means where there is one.
func TestRefreshBeforeRenewal(t *testing.T) { storetest.DirectAtOnce(t, testRefreshBeforeRenewal) }

func testRefreshBeforeRenewal(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store, func(o *Options) {
		o.Catalog = func(slug string) (*catalog.App, bool) {
			app, ok := p.apps(slug)
			app.OAuth2.Renew = &catalog.Exchange{URL: p.URL + "/renew", GrantType: "x", Param: "access_token"}
			return app, ok
		}
	})
	r := request(importApp(t, store, "gmail", grantFor(30*time.Second)))
	if cred, err := s.Vend(t.Context(), r); err != nil || tokenOf(cred) != "canary-access-1" {
		t.Errorf("token %q, %v", tokenOf(cred), err)
	}
	if p.asked() != 1 || p.calls[0].URL.Path != "/token" {
		t.Errorf("%d calls", p.asked())
	}
}
