package demoprovider

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

//go:embed consent.html
var consentHTML string

//go:embed consent.css
var consentCSS string

var consentPage = template.Must(template.New("consent").Parse(consentHTML))

// maxAccount bounds the name of an account, in bytes: an address (RFC 5321) fits.
const maxAccount = 254

// page is what the consent page shows: a question while Problem is empty.
type page struct {
	Problem string
	Ticket  string
	Host    string
	Account string
}

// consent asks whether the client may have a grant (RFC 6749, section 4.1.1).
func (p *Provider) consent(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	target, ok := p.redirectTarget(query.Get("redirect_uri"))
	if query.Get("client_id") != p.clientID || !ok {
		// The address is not the client's: the error is shown here instead (RFC 6749, section 4.1.2.1).
		writePage(w, http.StatusBadRequest,
			page{Problem: "This link names an unknown client or a redirect address that it does not own."}, "")
		return
	}
	asked := request{redirectURI: query.Get("redirect_uri"), state: query.Get("state"),
		challenge: query.Get("code_challenge")}
	switch {
	case query.Get("response_type") != "code":
		answerClient(w, r, asked, "error", "unsupported_response_type")
	case asked.challenge == "" || query.Get("code_challenge_method") != "S256":
		answerClient(w, r, asked, "error", "invalid_request")
	default:
		writePage(w, http.StatusOK, page{Ticket: p.memory.ask(asked), Host: target.Host, Account: "alice@example.com"},
			formTarget(target))
	}
}

// decide takes the answer of the consent page to the client.
func (p *Provider) decide(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		writePage(w, http.StatusBadRequest, page{Problem: "The form could not be read."}, "")
		return
	}
	account := strings.TrimSpace(r.PostForm.Get("account"))
	allowed := r.PostForm.Get("decision") == "allow"
	if allowed && (account == "" || len(account) > maxAccount) {
		writePage(w, http.StatusBadRequest, page{Problem: "Name an account of at most 254 bytes. Go back and try again."}, "")
		return
	}
	asked, ok := p.memory.answer(r.PostForm.Get("ticket"))
	switch {
	case !ok:
		writePage(w, http.StatusBadRequest,
			page{Problem: "This page was answered already or is too old. Start again at the application you came from."}, "")
	case allowed:
		answerClient(w, r, asked, "code", p.memory.consent(asked, account))
	default:
		answerClient(w, r, asked, "error", "access_denied")
	}
}

// redirectTarget parses uri if the client may be answered there.
func (p *Provider) redirectTarget(uri string) (*url.URL, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Contains(uri, "#") {
		return nil, false
	}
	if p.redirectURI != "" {
		return u, uri == p.redirectURI
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u, u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// answerClient sends the browser back to the client with one parameter and its state. 303 turns the
// form's POST into a GET (RFC 9700, section 4.12).
func answerClient(w http.ResponseWriter, r *http.Request, asked request, name, value string) {
	u, err := url.Parse(asked.redirectURI)
	if err != nil {
		writePage(w, http.StatusBadRequest, page{Problem: "The redirect address cannot be read."}, "")
		return
	}
	query := u.Query()
	query.Set(name, value)
	if asked.state != "" {
		query.Set("state", asked.state)
	}
	u.RawQuery = query.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// formTarget is a CSP source for u. Browsers apply form-action to the redirect after the form as
// well, so that the client's origin has to be in it. CSP has no spelling for IPv6 addresses.
func formTarget(u *url.URL) string {
	if strings.Contains(u.Hostname(), ":") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

func writePage(w http.ResponseWriter, status int, content page, formTarget string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy",
		strings.TrimSpace("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "+
			"form-action 'self' "+formTarget))
	h.Set("X-Content-Type-Options", "nosniff")
	// "no-referrer" would make the form's Origin "null", and the guard against CSRF refuse it.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_ = consentPage.Execute(w, content) // the browser is gone; no one is left to tell
}

func stylesheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(consentCSS)) // as above
}
