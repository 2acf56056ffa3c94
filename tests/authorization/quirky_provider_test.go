package authorization

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// quirky makes another kind of provider of the authorization server behind it: each shop has
// endpoints of its own, the client goes by another name, token requests need an audience, tokens
// come inside of `data`, errors come with status 200, and which account it is stands in three
// places. Its API is for calls that hold all of that.
type quirky struct {
	*httptest.Server
	t  *testing.T
	to *provider

	mu       sync.Mutex
	realm    string // what the callback says; empty says nothing
	instance string // what the token's answer says
	number   string // of the account, which its own request tells
	lines    []string
	got      []*http.Request
}

func newQuirky(t *testing.T, p *provider) *quirky {
	t.Helper()
	q := &quirky{t: t, to: p, realm: "9130", instance: "https://eu7.books.example", number: "42"}
	target, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true}, Rewrite: func(r *httputil.ProxyRequest) {
			q.inward(r, target)
		}, ModifyResponse: q.outward,
	}
	q.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q.mu.Lock()
		q.lines = append(q.lines, r.Method+" "+r.URL.Path)
		q.mu.Unlock()
		switch shop, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); {
		case shop == "api":
			q.serveAPI(w, r)
		case shop == "whoami":
			q.whoAmI(w, r)
		case shop == "acme" && strings.HasPrefix(rest, "oauth2/"):
			proxy.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(q.Close)
	return q
}

// inward speaks as RFC 6749 has it to whom is behind.
func (q *quirky) inward(r *httputil.ProxyRequest, target *url.URL) {
	r.SetURL(target)
	r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/acme")
	if r.In.Method == http.MethodGet {
		query := r.Out.URL.Query()
		query.Set("client_id", query.Get("client_key"))
		query.Del("client_key")
		r.Out.URL.RawQuery = query.Encode()
		return
	}
	body, err := io.ReadAll(r.In.Body)
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || parseErr != nil {
		panic(http.ErrAbortHandler)
	}
	form.Set("client_id", form.Get("client_key"))
	form.Del("client_key")
	if strings.HasSuffix(r.In.URL.Path, "/token") && form.Get("audience") != "books" {
		form.Set("client_id", "nobody")
	}
	form.Del("audience")
	out := form.Encode()
	r.Out.Body, r.Out.ContentLength = io.NopCloser(strings.NewReader(out)), int64(len(out))
}

// outward turns what comes back into what this provider says.
func (q *quirky) outward(res *http.Response) error {
	q.mu.Lock()
	realm, instance := q.realm, q.instance
	q.mu.Unlock()
	if to := res.Header.Get("Location"); to != "" && realm != "" {
		res.Header.Set("Location", to+"&realmId="+realm)
	}
	if !strings.HasSuffix(res.Request.URL.Path, "/token") {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	whole := map[string]any{"ok": true, "data": answer, "api": map[string]string{"instance": instance}}
	if code, refused := answer["error"]; refused {
		whole = map[string]any{"ok": false, "error": code}
	} else {
		answer["expires_in"] = fmt.Sprint(answer["expires_in"])
		answer["scope"] = []string{"read", "write"}
	}
	if body, err = json.Marshal(whole); err != nil {
		return err
	}
	res.StatusCode, res.Body, res.ContentLength = http.StatusOK, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}

// whoAmI says which accounts a token is for.
func (q *quirky) whoAmI(w http.ResponseWriter, r *http.Request) {
	if !q.to.provides(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	_, _ = fmt.Fprintf(w, `{"accounts":[{"id":1,"main":false},{"id":%s,"main":true}]}`, q.number)
}

func (q *quirky) serveAPI(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	q.got = append(q.got, r.Clone(r.Context()))
	q.mu.Unlock()
	if !q.to.provides(r) {
		w.WriteHeader(http.StatusUnauthorized)
	}
	_, _ = io.WriteString(w, `{}`)
}

// last is the API's latest request.
func (q *quirky) last() *http.Request {
	q.t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.got) == 0 {
		q.t.Fatal("the API got no request")
	}
	return q.got[len(q.got)-1]
}

// asked counts the requests that began like this.
func (q *quirky) asked(line string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lines {
		if strings.HasPrefix(l, line) {
			n++
		}
	}
	return n
}

// says changes what the provider says of the account.
func (q *quirky) says(realm, instance, number string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.realm, q.instance, q.number = realm, instance, number
}

// app is the provider's app, `books`.
func (q *quirky) app() string {
	return fmt.Sprintf(`
	app books {
		name Books
		auth_type o_auth
		upstream %[1]s/api
		field shop Shop
		field plan Plan {
			options free paid
		}
		field realm {
			from grant
		}
		field instance {
			from grant
		}
		field account {
			from grant
		}
		field developer "Developer token" secret {
			from client
		}
		header Authorization "Bearer {access_token}"
		header X-Realm {realm}@{instance}/{plan}
		header X-Developer {developer}
		path_prefix /accounts/{account}
		oauth2 {
			authorize_url %[1]s/{shop}/oauth2/auth
			token_url %[1]s/{shop}/oauth2/token
			revoke_url %[1]s/{shop}/oauth2/revoke
			client_id_param client_key
			token_param audience books
			answer data
			capture realm callback realmId
			capture instance token api.instance {
				pattern https://([a-z0-9]+)\.books\.example
			}
			capture account call accounts[main=true].id {
				url %[1]s/whoami
			}
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	`, q.URL)
}

// reached checks what the API got by a call of `/invoices`.
func (q *quirky) reached(what, account, realm, developer string) {
	q.t.Helper()
	r := q.last()
	if r.URL.Path != "/api/accounts/"+account+"/invoices" || r.Header.Get("X-Realm") != realm ||
		r.Header.Get("X-Developer") != developer {
		q.t.Errorf("%s: the API got %s with %q and the developer token of %d bytes", what, r.URL.Path,
			r.Header.Get("X-Realm"), len(r.Header.Get("X-Developer")))
	}
}

// invoices calls the API for a connection.
func invoices(t *testing.T, g *harness.Gateway, id string) answer {
	t.Helper()
	a, err := send(g, g.Request(http.MethodGet, "/proxy/"+id+"/books/invoices", nil))
	if err != nil {
		t.Fatal(err)
	}
	return a
}
