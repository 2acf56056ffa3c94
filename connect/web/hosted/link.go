package hosted

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// invite shows the invitation. A link preview must not count as opening it, so that HEAD notes
// nothing.
func (v *request) invite() error {
	open := v.o.Store.OpenLink
	if v.r.Method == http.MethodHead {
		open = v.pending
	}
	if err := v.load(open(v.r.Context(), v.digest)); err != nil {
		return err
	}
	b := v.jar.Of(v.w, v.r)
	v.show(http.StatusOK, page.Invitation{Link: v.view(b), ExpiresAt: v.link.ExpiresAt, Now: v.o.Now()})
	return nil
}

// accept goes on to the form, or to the provider.
func (v *request) accept() error {
	b, err := v.form()
	if err != nil {
		return v.ended(err)
	}
	if err := v.load(v.o.Store.AcceptLink(v.r.Context(), v.digest)); err != nil {
		return err
	}
	if v.asks() {
		return v.redirect("credentials")
	}
	return v.redirectToProvider(b, nil)
}

// redirectToProvider sends the browser to the provider.
func (v *request) redirectToProvider(b browser.Browser, fields []vending.Field) error {
	// An OAuth 1 provider is called each time, in the name of the tenant's client: who holds a link
	// must not be able to exhaust that.
	if v.app.OAuth1 != nil && !v.mayTry() {
		return v.tooOften(b)
	}
	redirectURI := v.where.Origin + connect.CallbackPath
	begun, err := v.o.Authorizer.Begin(v.r.Context(), v.link.Connection.Tenant, v.app, redirectURI, fields)
	if err != nil {
		return err
	}
	pending := connect.AuthRequest{Link: v.digest, Verifier: begun.FlowState, RedirectURI: redirectURI, Fields: fields}
	state := connect.DigestOf(begun.State)
	if err := v.o.Store.CreateAuthRequest(v.r.Context(), state, b.Digest(), pending); err != nil {
		return err
	}
	v.returnJar(state).Set(v.w, v.token.Reveal(), 3600)
	v.show(http.StatusOK, page.Redirect{Link: v.view(b), URL: begun.URL})
	return nil
}

// reject ends the link as the end user's refusal.
func (v *request) reject() error {
	b, err := v.form()
	if err != nil {
		return v.ended(err)
	}
	// no stranger's guess shall wait for the database's one writer
	if _, err = v.pending(v.r.Context(), v.digest); err == nil {
		_, err = v.o.Store.RejectLink(v.r.Context(), v.digest, b.Digest())
	}
	if err != nil && !errors.Is(err, connect.ErrLinkEnded) { // of a double click, the first one may have been ours
		return err
	}
	return v.redirect("done")
}

// ended is err, but for a link that can no longer be used: then that is what there is to say.
func (v *request) ended(err error) error {
	if _, e := v.pending(v.r.Context(), v.digest); errors.Is(e, connect.ErrLinkEnded) && errors.Is(err, errNoCookie) {
		return e
	}
	return err
}

// done tells the browser that ended the link how it ended. To any other it is a link that has
// ended.
func (v *request) done() error {
	if err := v.load(v.o.Store.Link(v.r.Context(), v.digest)); err != nil {
		return err
	}
	b, known := v.jar.Find(v.r)
	switch {
	case !known || !v.link.EndedBy(b.Digest()):
		return connect.ErrLinkEnded
	case v.link.Status == connect.Rejected:
		v.show(http.StatusOK, page.Refusal{Link: v.view(b)})
	default:
		v.show(http.StatusOK, page.Success{Link: v.view(b), Missing: v.ungranted(v.grant())})
	}
	return nil
}

// statusAnswer is all that the holder of a request token is told.
type statusAnswer struct {
	Status connect.Status `json:"status"`
}

// status answers the script in the tenant's page, which may be of any origin: whoever knows the
// token may ask.
func (v *request) status() error {
	v.w.Header().Set("Access-Control-Allow-Origin", "*")
	l, err := v.o.Store.Link(v.r.Context(), v.digest)
	if err == nil {
		_, err = v.requester(l)
	}
	switch {
	case errors.Is(err, connect.ErrLinkEnded):
		vending.WriteError(v.w, vending.Refuse(vending.ConnectionDeleted, "no such link"), nil)
	case err != nil:
		v.o.Logger.Error("status of a link failed", "request", v.where.Request, "error", err)
		vending.WriteError(v.w, vending.Errorf(vending.InternalError, err), nil)
	default:
		vending.WriteSuccess(v.w, http.StatusOK, "link found", statusAnswer{l.Status})
	}
	return nil
}

// callback is where the provider sends the browser back to.
func (v *request) callback() error {
	query, err := url.ParseQuery(v.r.URL.RawQuery)
	if err != nil || len(query["state"]) != 1 {
		return connect.ErrNoAuthRequest
	}
	b, known := v.jar.Find(v.r)
	if !known {
		return errNoCookie
	}
	state := connect.DigestOf(query.Get("state"))
	jar := v.returnJar(state)
	if token := jar.Value(v.r); connect.IsToken(token) {
		v.token, v.digest = vending.NewSecret(token), connect.DigestOf(token)
	}
	attempt, err := v.o.Store.TakeAttempt(v.r.Context(), state, b.Digest())
	if err != nil {
		return v.missed(err)
	}
	defer v.detach()()
	if attempt.RedirectURI == "" { // it was not for a provider
		return connect.ErrNoAuthRequest
	}
	if v.digest != attempt.Link {
		v.token, v.digest = vending.Secret{}, attempt.Link
	}
	jar.Set(v.w, "", -1)
	if err := v.load(v.pending(v.r.Context(), attempt.Link)); err != nil {
		return err
	}
	grant, err := v.o.Authorizer.Finish(v.r.Context(), v.link.Connection.Tenant, v.app, attempt.RedirectURI,
		attempt.Verifier, query, attempt.Fields)
	if err != nil {
		v.noteFailure(err)
		return v.unlessEnded(err)
	}
	return v.complete(b, grant)
}

// missed is err, of a callback for which the store holds no authorization request of this browser.
// Where the browser was sent to the provider by a link that has ended since, its request went with
// the link, and its cookies are not to blame.
func (v *request) missed(err error) error {
	if v.token.IsZero() || !errors.Is(err, connect.ErrNoAuthRequest) {
		return err
	}
	return v.unlessEnded(err)
}

// unlessEnded is err, but for a link that has ended meanwhile: then that is what there is to say.
// Another tab of this very browser may have completed it, which the page it is sent to knows.
func (v *request) unlessEnded(err error) error {
	_, e := v.pending(v.r.Context(), v.digest)
	switch {
	case !errors.Is(e, connect.ErrLinkEnded):
		return err
	case v.token.IsZero():
		return e
	}
	return v.redirect("done")
}

// complete stores the grant and ends the link.
func (v *request) complete(b browser.Browser, g connect.Grant) error {
	bound := v.bound()
	// another link may have been completed meanwhile
	if err := authorize.CheckAddress(v.app, bound, g.Reveal().Fields); err != nil {
		return err
	}
	_, err := v.o.Store.CompleteLink(v.r.Context(), v.digest, b.Digest(), vending.AuthType(v.app.AuthType), g)
	if errors.Is(err, connect.ErrLinkEnded) && !v.token.IsZero() {
		return v.redirect("done") // a double click: the first one may have been ours
	}
	if err != nil {
		return err
	}
	v.noteGrant(bound, g)
	if v.token.IsZero() {
		v.show(http.StatusOK, page.Success{Link: v.view(b), Missing: v.ungranted(g)})
		return nil
	}
	return v.redirect("done")
}
