package harness

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

// Visitor is a browser, as far as pages without JavaScript need one: cookies, redirects, forms and
// `<meta>` refreshes. What it met last is in its fields.
type Visitor struct {
	t testing.TB
	// Client keeps the cookies.
	Client *http.Client
	// At is where the page came from.
	At     *url.URL
	Status int
	Page   string
	Header http.Header
}

// NewVisitor returns a browser without cookies. What passes between it and a gateway that no log
// may hold goes to seen, if that is not nil.
func NewVisitor(t testing.TB, seen *Secrets) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if seen == nil {
		seen = new(Secrets)
	}
	return &Visitor{t: t, Client: &http.Client{Jar: jar, Transport: seen, Timeout: 30 * time.Second}}
}

// Open goes to an address.
func (v *Visitor) Open(address string) *Visitor {
	v.t.Helper()
	return v.Do(http.MethodGet, address, nil)
}

// Do sends a request, a form unless it is nil, and follows redirects.
func (v *Visitor) Do(method, address string, form url.Values) *Visitor {
	v.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.Client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.At, v.Status, v.Page, v.Header = res.Request.URL, res.StatusCode, string(body), res.Header
	return v
}

var (
	formBlock   = regexp.MustCompile(`(?s)<form [^>]*action="([^"]+)".*?</form>`)
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	metaRefresh = regexp.MustCompile(`http-equiv="refresh" content="0;\s*url=([^"]+)"`)
	tag         = regexp.MustCompile(`<[^>]*>`)
)

// Submit sends the page's form whose action ends in action, with what it hides and the given names
// and values.
func (v *Visitor) Submit(action string, values ...string) *Visitor {
	v.t.Helper()
	for _, m := range formBlock.FindAllStringSubmatch(v.Page, -1) {
		target := html.UnescapeString(m[1])
		if !strings.HasSuffix(target, "/"+action) {
			continue
		}
		to, err := v.At.Parse(target)
		if err != nil {
			v.t.Fatal(err)
		}
		form := url.Values{}
		for _, input := range hiddenInput.FindAllStringSubmatch(m[0], -1) {
			form.Set(input[1], html.UnescapeString(input[2]))
		}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		return v.Do(http.MethodPost, to.String(), form)
	}
	v.t.Fatalf("%s has no form for %s:\n%s", v.At.Path, action, v.Text())
	return v
}

// CSRF is the token of the page's forms.
func (v *Visitor) CSRF() string {
	v.t.Helper()
	for _, input := range hiddenInput.FindAllStringSubmatch(v.Page, -1) {
		if input[1] == "csrf" {
			return html.UnescapeString(input[2])
		}
	}
	v.t.Fatalf("%s has no form with a csrf token:\n%s", v.At.Path, v.Text())
	return ""
}

// Onward returns where the page takes its reader by itself.
func (v *Visitor) Onward() *url.URL {
	v.t.Helper()
	m := metaRefresh.FindStringSubmatch(v.Page)
	if m == nil {
		v.t.Fatalf("%s takes nobody anywhere:\n%s", v.At.Path, v.Text())
	}
	to, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		v.t.Fatal(err)
	}
	return to
}

// LogIn goes on to tests/authserver and consents there as login, or with consent=deny in more
// refuses; the server sends the browser back.
func (v *Visitor) LogIn(login string, more ...string) *Visitor {
	v.t.Helper()
	to := v.Onward()
	q := to.Query()
	q.Set("login", login)
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	to.RawQuery = q.Encode()
	return v.Open(to.String())
}

// Text is the page as it reads.
func (v *Visitor) Text() string {
	return strings.Join(strings.Fields(
		html.UnescapeString(tag.ReplaceAllString(strings.ReplaceAll(v.Page, "</span><span>", ""), " "))), " ")
}

// Sees checks the status and that the page says something.
func (v *Visitor) Sees(what string, status int, text string) *Visitor {
	v.t.Helper()
	if v.Status != status || !strings.Contains(v.Text(), text) {
		v.t.Errorf("%s: %d at %s, want %d and %q:\n%s", what, v.Status, v.At.Path, status, text, v.Text())
	}
	return v
}

// What the hosted pages say.
const (
	SaysCreated = "Connection created successfully"
	SaysRenewed = "Credentials updated successfully"
	SaysInvalid = "This connection link is invalid, has already been used, or has expired. Please contact your " +
		"requester to get a new link."
)

// Secrets collects what no log may hold. As a visitor's transport it adds what passes.
type Secrets struct {
	mu   sync.Mutex
	list map[string]string // to what it is
}

// Add adds a secret; what says what it is. Nothing of less than eight bytes counts: it would be
// found anywhere.
func (s *Secrets) Add(what, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = make(map[string]string)
	}
	if len(secret) >= 8 {
		s.list[secret] = what
	}
}

// In returns what of the secrets text holds, but for those of a kind in except.
func (s *Secrets) In(text string, except ...string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, what := range s.list {
		if strings.Contains(text, secret) && !strings.Contains(strings.Join(except, "|"), what) {
			found = append(found, what)
		}
	}
	return found
}

// Len is how many there are.
func (s *Secrets) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// visits keeps no connection, so that none outlives a test.
var visits = &http.Transport{DisableKeepAlives: true}

// RoundTrip implements http.RoundTripper.
func (s *Secrets) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, rest, ok := strings.Cut(r.URL.Path, "/connect/"); ok {
		if token, _, _ := strings.Cut(rest, "/"); len(token) == 33 {
			s.Add("request token", token)
		}
	}
	for _, name := range []string{"code", "state", "code_challenge"} {
		s.Add(name, r.URL.Query().Get(name))
	}
	res, err := visits.RoundTrip(r)
	if err == nil {
		for _, c := range res.Cookies() {
			s.Add("cookie "+c.Name, c.Value)
		}
	}
	return res, err
}
