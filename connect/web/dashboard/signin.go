package dashboard

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
)

// signIn shows the sign-in form, or reads the key from it.
func (req *request) signIn() error {
	switch req.r.Method {
	case http.MethodGet, http.MethodHead:
		return req.showSignIn(http.StatusOK, "")
	case http.MethodPost:
		return req.submitKey()
	}
	return errNotFound
}

func (req *request) showSignIn(status int, problem string) error {
	anonymous := req.signInJar().Of(req.w, req.r)
	req.show(status, page.SignIn{CSRF: anonymous.CSRF(csrfPurpose), Problem: problem})
	return nil
}

// submitKey begins a session by a key. The key itself is forgotten at once; the session holds its
// digest.
func (req *request) submitKey() error {
	if err := req.parseForm(); err != nil {
		return err
	}
	anonymous, _ := req.signInJar().Find(req.r)
	if !anonymous.Sent(csrfPurpose, req.r.PostForm.Get("csrf")) {
		// Else a page elsewhere could sign its visitor in to a tenant of its own, and see what they do
		// there.
		return req.showSignIn(http.StatusForbidden, "Your browser did not send this form's cookie. Please try again.")
	}
	key := policy.DigestOf(strings.TrimSpace(req.r.PostForm.Get("key"))) // pasted, perhaps with a line break
	tenant, err := req.o.Lookup(req.r.Context(), key)
	if err != nil {
		return err
	}
	if tenant == nil {
		return req.showSignIn(http.StatusUnauthorized, "This tenant key is unknown or retired.")
	}
	if err := req.spend(tenant); err != nil {
		return err
	}
	req.key = key
	who := req.sessionJar().Begin(req.w)
	session := connect.Session{Tenant: tenant.ID, Key: connect.Digest(key)}
	if err := req.o.Store.BeginSession(req.withActor(req.r.Context()), who.Digest(), session); err != nil {
		return err
	}
	req.redirect("")
	return nil
}

func (req *request) signOut() error {
	if err := req.o.Store.EndSession(req.r.Context(), req.browser.Digest()); err != nil {
		return err
	}
	req.sessionJar().Set(req.w, "", -1)
	req.redirect("/sign-in")
	return nil
}
