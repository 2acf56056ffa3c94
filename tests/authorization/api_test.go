package authorization

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// api is the upstream: it asks the provider whether a token is valid, and keeps what it got.
type api struct {
	*httptest.Server
	// valid judges a bearer token.
	valid func(r *http.Request) bool
	// refuses makes it answer 401 to everything.
	refuses atomic.Bool

	mu  sync.Mutex
	got []received
}

// received is a request as the upstream got it.
type received struct {
	authorization string
	body          []byte
	status        int
}

// seen is what the upstream answers: the digest of the token that it got.
type seen struct {
	Digest string `json:"authorization_sha256"`
}

func newAPI(t *testing.T, valid func(r *http.Request) bool) *api {
	t.Helper()
	a := &api{valid: valid}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// provides reports whether the provider's own API takes the request's token.
func (p *provider) provides(r *http.Request) bool {
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, p.URL+"/api/me", nil)
	if err != nil {
		return false
	}
	ask.Header["Authorization"] = r.Header["Authorization"]
	res, err := controls.Do(ask)
	return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	it := received{r.Header.Get("Authorization"), body, http.StatusOK}
	if a.refuses.Load() || !a.valid(r) {
		it.status = http.StatusUnauthorized
	}
	a.mu.Lock()
	a.got = append(a.got, it)
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(it.status)
	_ = json.NewEncoder(w).Encode(seen{digest(it.authorization)})
}

// requests returns what has arrived since the last call of it.
func (a *api) requests() []received {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
