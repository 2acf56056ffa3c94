package hosted

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// refusesUnconfirmed reports whether the tenant takes only credentials that their provider
// confirms.
func (req *request) refusesUnconfirmed() bool {
	return req.tenant.Brand.Unconfirmed == connect.RefuseUnconfirmed
}

// askUnconfirmed asks whether to save what the provider neither accepts nor refuses, unless the
// tenant does not take it. Until the answer, it is sealed with the link as what is entered before a
// sign-in is: the page holds a key to it that works for one link, in this browser, for an hour.
func (req *request) askUnconfirmed(b browser.Browser, fields []vending.Field, p *authorize.Error) error {
	req.logProblem(p)
	if req.refusesUnconfirmed() {
		form := req.formView(b, p)
		form.Problem += " Only credentials that " + req.app.CallName() + " confirms can be saved here."
		req.show(p.HTTPStatus(), form)
		return nil
	}
	key := rand.Text()
	authRequest := connect.AuthRequest{Link: req.digest, Fields: fields}
	if err := req.o.Store.CreateAuthRequest(req.r.Context(), connect.DigestOf(key), b.Digest(), authRequest); err != nil {
		return err
	}
	req.show(p.HTTPStatus(),
		page.Unconfirmed{Link: req.view(b), Title: p.Title(), Explanation: p.Message(), Key: vending.NewSecret(key)})
	return nil
}

// answerUnconfirmed saves what unconfirmed asked about, or shows the form again. It is tried once
// more: what counts is what the provider says when it is stored.
func (req *request) answerUnconfirmed() error { return req.readForm(req.submitAnswer) }

func (req *request) submitAnswer(b browser.Browser) error {
	if !req.allowAttempt() {
		return req.showTooManyAttempts(b)
	}
	fields, err := req.loadUnconfirmed(b)
	switch {
	case errors.Is(err, connect.ErrNoAuthRequest):
		return req.showLostForm(b)
	case err != nil:
		return err
	case req.r.PostForm.Has("again") || req.refusesUnconfirmed():
		if err := req.forgetUnconfirmed(b); err != nil {
			return err
		}
		req.show(http.StatusOK, req.formView(b, nil))
		return nil
	}
	defer req.detach()()
	grant, err := req.saveUnconfirmed(fields)
	if err != nil {
		if failed := req.forgetUnconfirmed(b); failed != nil {
			return failed
		}
		return req.showFormAgain(b, err)
	}
	return req.complete(b, grant)
}

func (req *request) saveUnconfirmed(fields []vending.Field) (connect.Grant, error) {
	// another link may have been completed meanwhile
	if err := authorize.CheckAddress(req.app, req.renewedAddress(), fields); err != nil {
		return connect.Grant{}, err
	}
	return req.o.Authorizer.FromUnconfirmedFields(req.r.Context(), req.app, fields)
}

// showLostForm shows the form where what was entered is not kept, unless the link has ended
// meanwhile.
func (req *request) showLostForm(b browser.Browser) error {
	if _, err := req.pending(req.r.Context(), req.digest); errors.Is(err, connect.ErrLinkEnded) {
		return req.redirect("done")
	}
	form := req.formView(b, nil)
	form.Problem = "What you entered has expired. Please enter it again."
	req.show(http.StatusUnprocessableEntity, form)
	return nil
}

// loadUnconfirmed returns what was entered, and puts it into the request, for the form. It is
// kept until the link ends or it is refused: of a double click, the second one is answered as the
// first.
func (req *request) loadUnconfirmed(b browser.Browser) ([]vending.Field, error) {
	authRequest, err := req.o.Store.AuthRequest(req.r.Context(), req.unconfirmedKey(), b.Digest())
	switch {
	case err != nil:
		return nil, err
	case authRequest.Link != req.digest || authRequest.RedirectURI != "": // another link's, or a sign-in
		return nil, connect.ErrNoAuthRequest
	}
	for _, f := range authRequest.Fields {
		req.r.PostForm.Set(page.FieldPrefix+f.Name, f.Value)
	}
	return authRequest.Fields, nil
}

func (req *request) forgetUnconfirmed(b browser.Browser) error {
	_, err := req.o.Store.ConsumeAuthRequest(req.r.Context(), req.unconfirmedKey(), b.Digest())
	if errors.Is(err, connect.ErrNoAuthRequest) {
		return nil
	}
	return err
}

func (req *request) unconfirmedKey() connect.Digest {
	return connect.DigestOf(req.r.PostForm.Get("entered"))
}
