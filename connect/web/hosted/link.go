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
func (req *request) invite() error {
	open := req.o.Store.OpenLink
	if req.r.Method == http.MethodHead {
		open = req.pending
	}
	if err := req.load(open(req.r.Context(), req.digest)); err != nil {
		return err
	}
	b := req.jar.Of(req.w, req.r)
	req.show(http.StatusOK, page.Invitation{Link: req.view(b), ExpiresAt: req.link.ExpiresAt, Now: req.o.Now()})
	return nil
}

// accept goes on to the form, or to the provider.
func (req *request) accept() error {
	b, err := req.form()
	if err != nil {
		return req.orEnded(err)
	}
	if err := req.load(req.o.Store.AcceptLink(req.r.Context(), req.digest)); err != nil {
		return err
	}
	if req.hasForm() {
		return req.redirect("credentials")
	}
	return req.redirectToProvider(b, nil)
}

// redirectToProvider sends the browser to the provider.
func (req *request) redirectToProvider(b browser.Browser, fields []vending.Field) error {
	// An OAuth 1 provider is called each time, in the name of the tenant's client: who holds a link
	// must not be able to exhaust that.
	if req.app.OAuth1 != nil && !req.allowAttempt() {
		return req.showTooManyAttempts(b)
	}
	redirectURI := req.where.Origin + connect.CallbackPath
	flow, err := req.o.Authorizer.Begin(req.r.Context(), req.link.Connection.Tenant, req.app, redirectURI, fields)
	if err != nil {
		return err
	}
	pending := connect.AuthRequest{Link: req.digest, Verifier: flow.FlowState, RedirectURI: redirectURI, Fields: fields}
	state := connect.DigestOf(flow.State)
	if err := req.o.Store.CreateAuthRequest(req.r.Context(), state, b.Digest(), pending); err != nil {
		return err
	}
	req.setReturn(state)
	req.show(http.StatusOK, page.Redirect{Link: req.view(b), URL: flow.URL})
	return nil
}

// reject ends the link as the end user's refusal.
func (req *request) reject() error {
	b, err := req.form()
	if err != nil {
		return req.orEnded(err)
	}
	// a guessed token must not wait for the database's one writer
	if _, err = req.pending(req.r.Context(), req.digest); err == nil {
		_, err = req.o.Store.RejectLink(req.r.Context(), req.digest, b.Digest())
	}
	if err != nil && !errors.Is(err, connect.ErrLinkEnded) { // of a double click, the first one may have been ours
		return err
	}
	return req.redirect("done")
}

// orEnded is err, but for a link that can no longer be used: then that is what there is to say.
func (req *request) orEnded(err error) error {
	if _, e := req.pending(req.r.Context(), req.digest); errors.Is(e, connect.ErrLinkEnded) &&
		errors.Is(err, errNoCookie) {
		return e
	}
	return err
}

// done tells the browser that ended the link how it ended. To any other it is a link that has
// ended.
func (req *request) done() error {
	if err := req.load(req.o.Store.Link(req.r.Context(), req.digest)); err != nil {
		return err
	}
	b, known := req.jar.Find(req.r)
	switch {
	case !known || !req.link.EndedBy(b.Digest()):
		return connect.ErrLinkEnded
	case req.link.Status == connect.Rejected:
		req.show(http.StatusOK, page.Refusal{Link: req.view(b)})
	default:
		req.show(http.StatusOK, page.Success{Link: req.view(b), Missing: req.missingScopes(req.grant())})
	}
	return nil
}

// statusAnswer is all that the holder of a request token is told.
type statusAnswer struct {
	Status connect.Status `json:"status"`
}

// status answers the script in the tenant's page, which may be of any origin: knowing the token is
// enough.
func (req *request) status() error {
	req.w.Header().Set("Access-Control-Allow-Origin", "*")
	l, err := req.o.Store.Link(req.r.Context(), req.digest)
	if err == nil {
		_, err = req.requester(l)
	}
	switch {
	case errors.Is(err, connect.ErrLinkEnded):
		vending.WriteError(req.w, vending.Refuse(vending.ConnectionDeleted, "no such link"), nil)
	case err != nil:
		refused := vending.AsError(err)
		if !refused.Logged {
			req.o.Logger.Error("status of a link failed", "request", req.where.Request, "error", err)
		}
		vending.WriteError(req.w, refused, nil)
	default:
		vending.WriteSuccess(req.w, http.StatusOK, "link found", statusAnswer{l.Status})
	}
	return nil
}

// callback is where the provider sends the browser back to.
func (req *request) callback() error {
	query, err := url.ParseQuery(req.r.URL.RawQuery)
	if err != nil || len(query["state"]) != 1 {
		return connect.ErrNoAuthRequest
	}
	b, known := req.jar.Find(req.r)
	if !known {
		return errNoCookie
	}
	state := connect.DigestOf(query.Get("state"))
	jar := req.returnJar(state)
	if token := jar.Value(req.r); connect.IsToken(token) {
		req.token, req.digest = vending.NewSecret(token), connect.DigestOf(token)
	}
	authRequest, err := req.o.Store.ConsumeAuthRequest(req.r.Context(), state, b.Digest())
	if err != nil {
		return req.withoutRequest(err)
	}
	defer req.detach()()
	if authRequest.RedirectURI == "" { // it was not for a provider
		return connect.ErrNoAuthRequest
	}
	if req.digest != authRequest.Link {
		req.token, req.digest = vending.Secret{}, authRequest.Link
	}
	jar.Set(req.w, "", -1)
	if err := req.load(req.pending(req.r.Context(), authRequest.Link)); err != nil {
		return err
	}
	grant, err := req.o.Authorizer.Finish(req.r.Context(), req.link.Connection.Tenant, req.app, authRequest.RedirectURI,
		authRequest.Verifier, query, authRequest.Fields)
	if err != nil {
		req.recordFailure(err)
		return req.unlessEnded(err)
	}
	return req.complete(b, grant)
}

// withoutRequest is err, of a callback for which the store holds no authorization request of this
// browser. Where the browser was sent to the provider by a link that has ended since, its request
// went with the link, and its cookies are not to blame.
func (req *request) withoutRequest(err error) error {
	if req.token.IsZero() || !errors.Is(err, connect.ErrNoAuthRequest) {
		return err
	}
	return req.unlessEnded(err)
}

// unlessEnded is err, but for a link that has ended meanwhile: then that is what there is to say.
// Another tab of this very browser may have completed it, which the page it is sent to knows.
func (req *request) unlessEnded(err error) error {
	_, e := req.pending(req.r.Context(), req.digest)
	switch {
	case !errors.Is(e, connect.ErrLinkEnded):
		return err
	case req.token.IsZero():
		return e
	}
	return req.redirect("done")
}

// complete stores the grant and ends the link.
func (req *request) complete(b browser.Browser, g connect.Grant) error {
	bound := req.renewedAddress()
	// another link may have been completed meanwhile
	if err := authorize.CheckAddress(req.app, bound, g.Reveal().Fields); err != nil {
		return err
	}
	c, err := req.o.Store.CompleteLink(req.r.Context(), req.digest, b.Digest(), vending.AuthType(req.app.AuthType), g)
	if errors.Is(err, connect.ErrLinkEnded) && !req.token.IsZero() {
		return req.redirect("done") // a double click: the first one may have been ours
	}
	if err != nil {
		return err
	}
	req.link.Connection.Account = c.Account
	req.recordGrant(bound, g)
	if req.token.IsZero() {
		req.show(http.StatusOK, page.Success{Link: req.view(b), Missing: req.missingScopes(g)})
		return nil
	}
	return req.redirect("done")
}
