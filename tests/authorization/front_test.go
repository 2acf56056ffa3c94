package authorization

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// front stands before the provider's token endpoint: it keeps the refresh tokens that arrive, and a
// test may take a call over at any point of its way.
type front struct {
	*httptest.Server
	to string

	mu   sync.Mutex
	sent []string
	take func(*tokenCall)
}

// tokenCall is one call of the token endpoint.
type tokenCall struct {
	context.Context
	w       http.ResponseWriter
	forward func() (*http.Response, []byte)
}

func newFront(t *testing.T, p *provider) *front {
	t.Helper()
	f := &front{to: p.URL}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// takeOver lets h answer the next token call, and only that.
func (f *front) takeOver(h func(*tokenCall)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.take = h
}

// refreshTokens returns the refresh tokens that arrived so far.
func (f *front) refreshTokens() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || parseErr != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	f.sent = append(f.sent, form.Get("refresh_token"))
	take := f.take
	f.take = nil
	f.mu.Unlock()
	if take == nil {
		take = (*tokenCall).pass
	}
	take(&tokenCall{r.Context(), w, func() (*http.Response, []byte) { return f.forward(r, body) }})
}

func (f *front) forward(r *http.Request, body []byte) (*http.Response, []byte) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, f.to+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	res, err := controls.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller was killed meanwhile
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return res, answer
}

// pass lets the provider answer.
func (c *tokenCall) pass() {
	res, body := c.forward()
	c.w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	c.w.WriteHeader(res.StatusCode)
	_, _ = c.w.Write(body) // the caller may be killed at any moment
}
