package dashboard

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
)

// signIn shows the way in, and takes the key.
func (v *request) signIn() error {
	switch v.r.Method {
	case http.MethodGet, http.MethodHead:
		return v.askKey(http.StatusOK, "")
	case http.MethodPost:
		return v.takeKey()
	}
	return errNotFound
}

func (v *request) askKey(status int, problem string) error {
	stranger := v.strangers().Of(v.w, v.r)
	v.show(status, page.SignIn{CSRF: stranger.CSRF(csrfPurpose), Problem: problem})
	return nil
}

// takeKey begins a session by a key. The key itself is forgotten at once; the session holds its
// digest.
func (v *request) takeKey() error {
	if err := v.parseForm(); err != nil {
		return err
	}
	stranger, _ := v.strangers().Find(v.r)
	if !stranger.Sent(csrfPurpose, v.r.PostForm.Get("csrf")) {
		// Else a page elsewhere could sign its visitor in to a tenant of its own, and see what they do
		// there.
		return v.askKey(http.StatusForbidden, "Your browser did not send this form's cookie. Please try once more.")
	}
	key := policy.DigestOf(strings.TrimSpace(v.r.PostForm.Get("key"))) // pasted, perhaps with a line break
	tenant := v.o.Lookup(v.r.Context(), key)
	if tenant == nil {
		return v.askKey(http.StatusUnauthorized, "This tenant key is unknown or retired.")
	}
	if err := v.spend(tenant); err != nil {
		return err
	}
	v.key = key
	who := v.sessions().Begin(v.w)
	session := connect.Session{Tenant: tenant.ID, Key: connect.Digest(key)}
	if err := v.o.Store.BeginSession(v.acting(v.r.Context()), who.Digest(), session); err != nil {
		return err
	}
	v.redirect("")
	return nil
}

func (v *request) signOut() error {
	if err := v.o.Store.EndSession(v.r.Context(), v.who.Digest()); err != nil {
		return err
	}
	v.sessions().Set(v.w, "", -1)
	v.redirect("/sign-in")
	return nil
}
