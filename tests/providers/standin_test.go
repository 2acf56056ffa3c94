package providers

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// row is one behaviour of providers.
type row struct {
	// slug is the app's, and the row's name.
	slug string
	// source is where it is documented or reported, does what the provider does, and sees what the
	// caller, or the provider, must see of the gateway then.
	source, does, sees string
	// oauth are more options of the app's `oauth2` block, and options more of the app's; app is all
	// of an app that is not OAuth's. In each %s is the provider's address.
	oauth, options, app string
	// secret is that of the OAuth client; `secret` if empty.
	secret string
	// token answers token requests, and api all that is not OAuth's. Nil grants tokens, and answers
	// 200 to one that is good.
	token, api func(p *provider, w http.ResponseWriter, r *request)
	check      func(t *testing.T, c *customer)
}

// request is what a provider got.
type request struct {
	*http.Request
	form url.Values
	body string
}

// provider plays one row's.
type provider struct {
	row *row
	// URL is where it is reached, `http://127.0.0.1:1/slug`.
	URL string

	mu     sync.Mutex
	grants int
	got    []*request
}

// standin plays all rows' providers below one address, each below its slug.
func standin(t *testing.T, rows []row) map[string]*provider {
	t.Helper()
	providers := make(map[string]*provider, len(rows))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slug, _, _ := strings.Cut(r.URL.Path[1:], "/")
		p := providers[slug]
		if p == nil {
			http.NotFound(w, r)
			return
		}
		p.serve(w, r)
	}))
	t.Cleanup(s.Close)
	for i := range rows {
		providers[rows[i].slug] = &provider{row: &rows[i], URL: s.URL + "/" + rows[i].slug}
	}
	return providers
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	in := &request{Request: r, body: string(body)}
	in.form, _ = url.ParseQuery(in.body) // what is no form has no values
	p.mu.Lock()
	p.got = append(p.got, in)
	p.mu.Unlock()
	switch path := strings.TrimPrefix(r.URL.Path, "/"+p.row.slug); {
	case path == "/authorize":
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?code=a-code&state="+url.QueryEscape(q.Get("state")), http.StatusFound)
	case path == "/token" && p.row.token != nil:
		p.row.token(p, w, in)
	case path == "/token":
		p.grant(w, `"expires_in":3600`)
	case p.row.api != nil:
		p.row.api(p, w, in)
	case p.accepts(in):
		say(w, http.StatusOK, `{"ok":true}`)
	default:
		say(w, http.StatusUnauthorized, `{"error":"invalid_token"}`)
	}
}

// say answers JSON.
func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// sayCompressed answers JSON in gzip, whatever was accepted.
func sayCompressed(w http.ResponseWriter, status int, body string) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, body)
	_ = z.Close() // to memory
	w.Header().Set("Content-Encoding", "gzip")
	say(w, status, b.String())
}

// granted is the next grant, which ends the one before; more are further members.
func (p *provider) granted(more string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants++
	return fmt.Sprintf(`{"access_token":"canary-at-%s-%d","refresh_token":"canary-rt-%[1]s-%[2]d","token_type":"Bearer",%s}`, p.row.slug, p.grants, more)
}

func (p *provider) grant(w http.ResponseWriter, more string) { say(w, http.StatusOK, p.granted(more)) }

// accepts reports whether a call has the token of the last grant.
func (p *provider) accepts(r *request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return r.Header.Get("Authorization") == fmt.Sprintf("Bearer canary-at-%s-%d", p.row.slug, p.grants)
}

// requests returns those to a path below the provider's, oldest first.
func (p *provider) requests(path string) []*request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.got), func(r *request) bool { return r.URL.Path != "/"+p.row.slug+path })
}

// refreshes are the token requests that were for another token.
func (p *provider) refreshes() []*request {
	return slices.DeleteFunc(p.requests("/token"), func(r *request) bool {
		return r.form.Get("grant_type") != "refresh_token"
	})
}
