package authorization

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// photos is a provider as Instagram is: a code brings a token of an hour, that is traded for one of
// sixty days, and that one for the next. There are no refresh tokens, and all trades are GET
// requests.
type photos struct {
	*httptest.Server

	mu    sync.Mutex
	lines []string // without what is secret
}

func newPhotos(t *testing.T) *photos {
	t.Helper()
	p := new(photos)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP grants to whoever brings what was granted before, and is an API that tells the token
// that it got.
func (p *photos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	q := r.URL.Query()
	p.mu.Lock()
	p.lines = append(p.lines, r.Method+" "+r.URL.Path)
	p.mu.Unlock()
	grant := func(ok bool, answer string) {
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"error":{"message":"canary","type":"OAuthException","code":190}}`
		}
		_, _ = io.WriteString(w, answer)
	}
	switch r.URL.Path {
	case "/authorize":
		http.Redirect(w, r, q.Get("redirect_uri")+"?code=a-code&state="+q.Get("state"), http.StatusFound)
	case "/token":
		grant(r.PostForm.Get("code") == "a-code" && r.PostForm.Get("client_secret") == "photos-secret",
			`{"access_token":"canary-hour"}`)
	case "/access_token":
		grant(q.Get("grant_type") == "ig_exchange_token" && q.Get("access_token") == "canary-hour" &&
			q.Get("client_secret") == "photos-secret",
			`{"access_token":"canary-days-1","token_type":"bearer","expires_in":5184000}`)
	case "/refresh_access_token":
		grant(q.Get("grant_type") == "ig_refresh_token" && q.Get("access_token") == "canary-days-1" &&
			!strings.Contains(r.RequestURI, "client"),
			`{"access_token":"canary-days-2","token_type":"bearer","expires_in":5184000}`)
	default:
		_ = json.NewEncoder(w).Encode(seen{digest(r.Header.Get("Authorization"))})
	}
}

// asked returns the requests since the last time.
func (p *photos) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.lines
	p.lines = nil
	return lines
}

// app is the provider's, whose client's secret is in a file.
func (p *photos) app(secret string) string {
	return fmt.Sprintf(`
	app photos {
		name Photos
		auth_type o_auth
		upstream %[1]s/v1
		header Authorization "Bearer {access_token}"
		oauth2 {
			authorize_url %[1]s/authorize
			token_url %[1]s/token
			exchange %[1]s/access_token ig_exchange_token access_token
			renew %[1]s/refresh_access_token ig_refresh_token access_token
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	oauth_client photos {
		client_id photos-client
		client_secret {file.%[2]s}
	}
	`, p.URL, secret)
}

// TestRenewingLink connects by a link, and lets the token come of age.
func TestRenewingLink(t *testing.T) {
	p := newPhotos(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("photos-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOfficeAt(t, site, p.app(secret))
	address, id := o.link("photos")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept")
	v.Open(v.Onward().String()).Sees("back from the provider", 200, harness.SaysCreated)
	expectLines(t, "connecting", p, "GET /authorize", "POST /token", "GET /access_token")

	call := func(what, token string) {
		t.Helper()
		a, err := send(o.Gateway, o.Request(http.MethodGet, "/proxy/"+id+"/photos/me", nil))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, what, a, "200")
		if a.digest != bearer(token) {
			t.Errorf("%s: the API got another token", what)
		}
	}
	call("a young token", "canary-days-1")
	expectLines(t, "a young token", p, "GET /v1/me")
	o.leave(id, 40*time.Minute)
	call("a token whose time is half over", "canary-days-1") // the renewal goes on beside it
	harness.Within(t, "the renewal", 10*time.Second, func() bool {
		_, held := o.held(id)
		return held.AccessToken == "canary-days-2"
	})
	call("the next one", "canary-days-2")
	call("the next one, again", "canary-days-2")
	asked := p.asked()
	slices.Sort(asked)
	if want := []string{"GET /refresh_access_token", "GET /v1/me", "GET /v1/me", "GET /v1/me"}; !slices.Equal(asked,
		want) {
		t.Errorf("the provider was asked %q", asked)
	}
	if _, held := o.held(id); time.Until(held.Expiry) < 59*24*time.Hour || held.RefreshToken != "" {
		t.Errorf("the new token ends at %s", held.Expiry)
	}
	if strings.Contains(o.Log(), "canary") {
		t.Error("the log has a token")
	}
}

// expectLines compares what the provider was asked since the last time.
func expectLines(t *testing.T, what string, p *photos, want ...string) {
	t.Helper()
	if got := p.asked(); !slices.Equal(got, want) {
		t.Errorf("%s: the provider was asked\n got %q\nwant %q", what, got, want)
	}
}
