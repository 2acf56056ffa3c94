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
func (v *request) refusesUnconfirmed() bool {
	return v.tenant.Brand.Unconfirmed == connect.RefuseUnconfirmed
}

// unconfirmed asks whether to save what the provider neither accepts nor refuses, unless the tenant
// does not take it. Until the answer, it is sealed with the link as what is entered before a
// sign-in is: the page holds a key to it that works for one link, in this browser, for an hour.
func (v *request) unconfirmed(b browser.Browser, fields []vending.Field, p *authorize.Error) error {
	v.note(p)
	if v.refusesUnconfirmed() {
		form := v.formView(b, p)
		form.Problem += " Only credentials that " + v.app.CallName() + " confirms can be saved here."
		v.show(p.HTTPStatus(), form)
		return nil
	}
	key := rand.Text()
	attempt := connect.AuthRequest{Link: v.digest, Fields: fields}
	if err := v.o.Store.CreateAuthRequest(v.r.Context(), connect.DigestOf(key), b.Digest(), attempt); err != nil {
		return err
	}
	v.show(p.HTTPStatus(),
		page.Unconfirmed{Link: v.view(b), Title: p.Title(), Explanation: p.Message(), Key: vending.NewSecret(key)})
	return nil
}

// answerUnconfirmed saves what unconfirmed asked about, or shows the form again. It is tried once
// more: what counts is what the provider says when it is stored.
func (v *request) answerUnconfirmed() error { return v.posted(v.takeAnswer) }

func (v *request) takeAnswer(b browser.Browser) error {
	if !v.mayTry() {
		return v.tooOften(b)
	}
	fields, err := v.keptUnconfirmed(b)
	switch {
	case errors.Is(err, connect.ErrNoAuthRequest):
		return v.enterAgain(b)
	case err != nil:
		return err
	case v.r.PostForm.Has("again") || v.refusesUnconfirmed():
		if err := v.forgetUnconfirmed(b); err != nil {
			return err
		}
		v.show(http.StatusOK, v.formView(b, nil))
		return nil
	}
	defer v.detach()()
	grant, err := v.saveUnconfirmed(fields)
	if err != nil {
		if failed := v.forgetUnconfirmed(b); failed != nil {
			return failed
		}
		return v.retry(b, err)
	}
	return v.complete(b, grant)
}

func (v *request) saveUnconfirmed(fields []vending.Field) (connect.Grant, error) {
	// another link may have been completed meanwhile
	if err := authorize.CheckAddress(v.app, v.bound(), fields); err != nil {
		return connect.Grant{}, err
	}
	return v.o.Authorizer.FromUnconfirmedFields(v.r.Context(), v.app, fields)
}

// enterAgain shows the form where what was entered is not kept, unless the link has ended
// meanwhile.
func (v *request) enterAgain(b browser.Browser) error {
	if _, err := v.pending(v.r.Context(), v.digest); errors.Is(err, connect.ErrLinkEnded) {
		return v.redirect("done")
	}
	form := v.formView(b, nil)
	form.Problem = "What you entered is not kept any more, so it has to be entered again."
	v.show(http.StatusUnprocessableEntity, form)
	return nil
}

// keptUnconfirmed returns what was entered, which stands in the request then, for the form. It is
// kept until the link ends or it is refused: of a double click, the second one is answered as the
// first.
func (v *request) keptUnconfirmed(b browser.Browser) ([]vending.Field, error) {
	attempt, err := v.o.Store.Attempt(v.r.Context(), v.unconfirmedKey(), b.Digest())
	switch {
	case err != nil:
		return nil, err
	case attempt.Link != v.digest || attempt.RedirectURI != "": // of another link of this browser's, or a sign-in
		return nil, connect.ErrNoAuthRequest
	}
	for _, f := range attempt.Fields {
		v.r.PostForm.Set(page.FieldPrefix+f.Name, f.Value)
	}
	return attempt.Fields, nil
}

func (v *request) forgetUnconfirmed(b browser.Browser) error {
	_, err := v.o.Store.TakeAttempt(v.r.Context(), v.unconfirmedKey(), b.Digest())
	if errors.Is(err, connect.ErrNoAuthRequest) {
		return nil
	}
	return err
}

func (v *request) unconfirmedKey() connect.Digest {
	return connect.DigestOf(v.r.PostForm.Get("entered"))
}
