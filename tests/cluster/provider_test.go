package cluster

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the provider knows its client and its API key by.
const (
	clientID     = "client-of-acme"
	clientSecret = "secret-of-acme-8PZc1dWw0qk"
	rightKey     = "key-of-alice-yq5V0nJk2"
)

// provider is an API on a real socket, and an OAuth server that rotates: each refresh ends the
// refresh token that it came with, and a refresh token that comes a second time ends the grant.
type provider struct {
	// addr is host and port.
	addr string

	mu     sync.Mutex
	codes  map[string]*grant // by authorization code
	tokens map[string]*grant // by access and refresh token, the old ones too
	calls  map[string]int    // of the API, by node
	seen   map[string]bool   // access tokens that the API was called with
	dead   map[string]time.Time
	uses   []use
	life   time.Duration
	before time.Duration
	after  time.Duration
	answer time.Duration
}

// grant is what a user has consented to. Its fields are the provider's: see grantOf.
type grant struct {
	access, refresh string // the current ones
	ended           bool   // by a reuse, or revoked
}

// use is one call of the token endpoint with a refresh token.
type use struct {
	node string
	// token is the refresh token, grant what it belongs to: nil for one that is unknown.
	token string
	grant *grant
	at    time.Time
	// again says that the token had been used before: the grant has ended by that.
	again bool
	// unheard says that the node was killed before anything was done for it.
	unheard bool
	// gave is the new access token.
	gave string
	// rotated is when the new tokens were valid, answered when they were on their way; zero where they
	// never were. Between the two, and until a node has stored them, no one else knows them.
	rotated, answered time.Time
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{codes: make(map[string]*grant), tokens: make(map[string]*grant), calls: make(map[string]int),
		seen: make(map[string]bool), dead: make(map[string]time.Time), life: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /{node}/token", p.token)
	mux.HandleFunc("POST /{node}/revoke", p.revoke)
	mux.HandleFunc("/{node}/api/stream", p.stream)
	mux.HandleFunc("/{node}/api/", p.api)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // before Close waits for those of killed nodes
	p.addr = server.Listener.Addr().String()
	return p
}

// pace has access tokens live for life, and the token endpoint wait before it rotates and after it
// has.
func (p *provider) pace(life, before, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.life, p.before, p.after = life, before, after
}

// answerAfter has the API wait before each answer.
func (p *provider) answerAfter(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = wait
}

// grant makes a grant that no browser has asked for, and returns its first tokens.
func (p *provider) grant() *grant {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := new(grant)
	p.rotate(g)
	return g
}

// grantOf returns a copy of what a grant is now.
func (p *provider) grantOf(g *grant) grant {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *g
}

// bury runs what kills a node. Nothing is rotated meanwhile, and nothing is rotated for the node
// after it: a use of a token is before the node's death, or the provider has noticed that its
// caller is gone.
func (p *provider) bury(node string, kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kill()
	p.dead[node] = time.Now()
}

// deaths returns when each node was killed, by its name.
func (p *provider) deaths() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.dead)
}

// saw reports whether the API was called with an access token.
func (p *provider) saw(access string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[access]
}

// refreshes returns all uses of refresh tokens, in their order.
func (p *provider) refreshes() []use {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.uses)
}

// reuses returns those that came with a token that had been used.
func (p *provider) reuses() []use {
	return slices.DeleteFunc(p.refreshes(), func(u use) bool { return !u.again })
}

// called returns how many calls of the API have come from each node.
func (p *provider) called() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

// rotate gives a grant new tokens.
func (p *provider) rotate(g *grant) {
	g.access, g.refresh = "at-"+rand.Text(), "rt-"+rand.Text()
	p.tokens[g.access], p.tokens[g.refresh] = g, g
}

// authorize consents at once, in the name of the browser that asks.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := "code-" + rand.Text()
	p.mu.Lock()
	p.codes[code] = new(grant)
	p.mu.Unlock()
	back := q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back, http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	switch {
	case id != clientID || secret != clientSecret:
		refuse(w, "invalid_client")
	case r.FormValue("grant_type") == "authorization_code":
		p.mu.Lock()
		g := p.codes[r.FormValue("code")]
		delete(p.codes, r.FormValue("code"))
		p.mu.Unlock()
		p.issue(w, g)
	case r.FormValue("grant_type") == "refresh_token":
		p.renew(w, r)
	default:
		refuse(w, "unsupported_grant_type")
	}
}

// renew is a refresh. What has happened by the end of the wait before it has happened for good: a
// caller that is gone by then loses the new tokens.
func (p *provider) renew(w http.ResponseWriter, r *http.Request) {
	token := r.FormValue("refresh_token")
	p.mu.Lock()
	n, before, after := len(p.uses), p.before, p.after
	p.uses = append(p.uses, use{node: r.PathValue("node"), token: token, grant: p.tokens[token], at: time.Now()})
	p.mu.Unlock()
	time.Sleep(before)
	p.mu.Lock()
	u := &p.uses[n]
	_, u.unheard = p.dead[u.node]
	switch g := u.grant; {
	case g == nil, u.unheard:
	case !g.ended && g.refresh == token:
		u.rotated = time.Now()
		p.rotate(g)
		u.gave = g.access
	default:
		g.ended, u.again = true, true
	}
	g := u.grant
	if u.rotated.IsZero() {
		g = nil
	}
	p.mu.Unlock()
	time.Sleep(after)
	if p.issue(w, g) {
		p.mu.Lock()
		p.uses[n].answered = time.Now()
		p.mu.Unlock()
	}
}

// issue answers with a grant's tokens; those of a code are its first. It reports whether the answer
// was written with tokens.
func (p *provider) issue(w http.ResponseWriter, g *grant) bool {
	if g == nil {
		refuse(w, "invalid_grant")
		return false
	}
	p.mu.Lock()
	if g.access == "" {
		p.rotate(g)
	}
	body, err := json.Marshal(map[string]any{"access_token": g.access, "refresh_token": g.refresh,
		"token_type": "bearer", "expires_in": int(p.life.Seconds())})
	p.mu.Unlock()
	if err != nil {
		panic(err) // of texts alone
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(body)
	return err == nil && http.NewResponseController(w).Flush() == nil
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `{"error":%q}`, code)
}

func (p *provider) revoke(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.tokens[r.FormValue("token")]; g != nil {
		g.ended = true
	}
}

// admits counts a call of the API, and answers it where its credential is invalid.
func (p *provider) admits(w http.ResponseWriter, r *http.Request) bool {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	p.calls[r.PathValue("node")]++
	p.seen[bearer] = true
	g, wait := p.tokens[bearer], p.answer
	ok := r.Header.Get("X-Api-Key") == rightKey || strings.HasPrefix(bearer, "at-") && g != nil && !g.ended
	p.mu.Unlock()
	time.Sleep(wait)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
	}
	return ok
}

// api answers with what was asked of it.
func (p *provider) api(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !p.admits(w, r) {
		return // the caller is gone, or has its answer
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"method": r.Method, "node": r.PathValue("node"), "body": string(body)})
}

// stream sends an event every 50 ms until its caller leaves.
func (p *provider) stream(w http.ResponseWriter, r *http.Request) {
	if !p.admits(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
