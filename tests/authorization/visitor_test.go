package authorization

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// visitor is an end user's browser, as far as pages without JavaScript need one: cookies, redirects, forms and `<meta>` refreshes.
type visitor struct {
	t      *testing.T
	client *http.Client
	// at is where the last page came from, status and page what it was.
	at      *url.URL
	status  int
	page    string
	header  http.Header
	secrets *secrets
}

// secrets collects what passes between visitors and gateway that no log may hold.
type secrets struct {
	mu   sync.Mutex
	list map[string]string // to what it is
}

func (s *secrets) add(what, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = make(map[string]string)
	}
	if len(secret) >= 8 {
		s.list[secret] = what
	}
}

// RoundTrip implements http.RoundTripper.
func (s *secrets) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, rest, ok := strings.Cut(r.URL.Path, "/connect/"); ok {
		if token, _, _ := strings.Cut(rest, "/"); len(token) == 33 {
			s.add("request token", token)
		}
	}
	for _, name := range []string{"code", "state", "code_challenge"} {
		s.add(name, r.URL.Query().Get(name))
	}
	res, err := visits.RoundTrip(r)
	if err == nil {
		for _, c := range res.Cookies() {
			s.add("cookie "+c.Name, c.Value)
		}
	}
	return res, err
}

// visits keeps no connection, so that none outlives a test.
var visits = &http.Transport{DisableKeepAlives: true}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := new(secrets)
	return &visitor{t: t, client: &http.Client{Jar: jar, Transport: seen, Timeout: 30 * time.Second}, secrets: seen}
}

// open goes to an address, and follows the page's own refresh to the provider, where the visitor logs in as login. With an empty login it
// stays before the provider.
func (v *visitor) open(address string) *visitor {
	v.t.Helper()
	return v.do(http.MethodGet, address, nil)
}

func (v *visitor) do(method, address string, form url.Values) *visitor {
	v.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.at, v.status, v.page, v.header = res.Request.URL, res.StatusCode, string(body), res.Header
	return v
}

var (
	formTag   = regexp.MustCompile(`<form [^>]*action="([^"]+)"`)
	csrfInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	refresh   = regexp.MustCompile(`http-equiv="refresh" content="0;\s*url=([^"]+)"`)
)

// submit sends the page's form whose action ends in action, with what it hides and the given values.
func (v *visitor) submit(action string, values ...string) *visitor {
	v.t.Helper()
	for _, m := range formTag.FindAllStringSubmatch(v.page, -1) {
		target := html.UnescapeString(m[1])
		if !strings.HasSuffix(target, "/"+action) {
			continue
		}
		to, err := v.at.Parse(target)
		if err != nil {
			v.t.Fatal(err)
		}
		form := url.Values{"csrf": {v.csrf()}}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		return v.do(http.MethodPost, to.String(), form)
	}
	v.t.Fatalf("%s has no form for %s:\n%s", v.at.Path, action, v.text())
	return v
}

func (v *visitor) csrf() string {
	v.t.Helper()
	m := csrfInput.FindStringSubmatch(v.page)
	if m == nil {
		v.t.Fatalf("no form with a csrf token:\n%s", v.text())
	}
	return html.UnescapeString(m[1])
}

// provider returns where the page takes the visitor by itself.
func (v *visitor) provider() *url.URL {
	v.t.Helper()
	m := refresh.FindStringSubmatch(v.page)
	if m == nil {
		v.t.Fatalf("the page takes nobody to a provider:\n%s", v.text())
	}
	to, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		v.t.Fatal(err)
	}
	return to
}

// logIn goes to the provider and consents, or refuses with consent=deny; the provider sends the visitor back.
func (v *visitor) logIn(login string, more ...string) *visitor {
	v.t.Helper()
	to := v.provider()
	q := to.Query()
	q.Set("login", login)
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	to.RawQuery = q.Encode()
	return v.open(to.String())
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is the page as it reads.
func (v *visitor) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(v.page, " "))), " ")
}

// sees checks the status and that the page says something.
func (v *visitor) sees(what string, status int, text string) *visitor {
	v.t.Helper()
	if v.status != status || !strings.Contains(v.text(), text) {
		v.t.Errorf("%s: %d at %s, want %d and %q:\n%s", what, v.status, v.at.Path, status, text, v.text())
	}
	return v
}

// What the pages say.
const (
	saysCreated = "Connection created successfully"
	saysRenewed = "Credentials updated successfully"
	saysInvalid = "This connection link is invalid, has already been used, or has expired. Please contact your requester to get a new link."
)
