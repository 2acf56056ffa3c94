package hosted

import (
	"context"
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/appform"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
)

// pending returns a link that can still be used, without a row in the audit trail.
func (h *Hosted) pending(ctx context.Context, digest connect.Digest) (connect.LinkState, error) {
	l, err := h.o.Store.Link(ctx, digest)
	if err == nil && l.Status != connect.Pending {
		err = connect.ErrLinkEnded
	}
	return l, err
}

// showForm asks for what the app needs.
func (req *request) showForm() error {
	if err := req.load(req.pending(req.r.Context(), req.digest)); err != nil {
		return err
	}
	if !req.hasForm() || !req.link.Accepted {
		return req.redirect("")
	}
	req.show(http.StatusOK, req.formView(req.jar.Of(req.w, req.r), nil))
	return nil
}

// formView draws the form with what was entered before, but for what is secret, and with what was
// wrong with it.
func (req *request) formView(b browser.Browser, problem *authorize.Error) page.Form {
	form := appform.Form{App: req.app, Bound: req.renewedAddress(), Entered: req.r.PostForm, Problem: problem}
	return page.Form{Link: req.view(b), Fields: form.Fields(), Problem: form.WholeProblem()}
}

// readForm passes a form of a link that is still pending to take.
func (req *request) readForm(take func(browser.Browser) error) error {
	b, err := req.form()
	if err != nil {
		return req.orEnded(err)
	}
	err = req.load(req.pending(req.r.Context(), req.digest))
	if errors.Is(err, connect.ErrLinkEnded) {
		return req.redirect("done") // a double click: the first one may have been ours
	}
	if err != nil {
		return err
	}
	return take(b)
}

func (req *request) submitForm() error { return req.readForm(req.submitFields) }

// submitFields verifies what was entered and, for an app without a provider to sign in at, stores
// it.
func (req *request) submitFields(b browser.Browser) error {
	if !req.link.Accepted {
		return req.redirect("") // the invitation says to whom the credentials would go
	}
	fields := appform.Entered(req.app, req.r.PostForm)
	// before any of it goes to another address
	if err := authorize.CheckAddress(req.app, req.renewedAddress(), fields); err != nil {
		return req.showFormAgain(b, err)
	}
	if req.signsIn() {
		if err := authorize.CheckFields(req.app, fields); err != nil {
			return req.showFormAgain(b, err)
		}
		return req.redirectToProvider(b, fields)
	}
	if !req.allowAttempt() {
		return req.showTooManyAttempts(b)
	}
	defer req.detach()()
	grant, err := req.o.Authorizer.FromFields(req.r.Context(), req.app, fields)
	var problem *authorize.Error
	switch {
	case errors.As(err, &problem) && problem.Kind == authorize.Unconfirmed:
		return req.askUnconfirmed(b, fields, problem)
	case err != nil:
		return req.showFormAgain(b, err)
	}
	return req.complete(b, grant)
}

// allowAttempt reports whether this link may be used for one more attempt in this minute.
func (req *request) allowAttempt() bool { return req.allow("link") }

// allow reports whether one more of a kind may happen by this link in this minute.
func (req *request) allow(kind string) bool {
	key := policy.BucketKey{Tenant: req.link.Connection.Tenant, Kind: kind, Name: string(req.digest[:])}
	reservation, _, ok := req.attempts.Spend(key, attemptsPerMinute, req.o.Now())
	reservation.Commit(true)
	return ok
}

// showTooManyAttempts says that there were too many attempts: above the form, if there is one.
func (req *request) showTooManyAttempts(b browser.Browser) error {
	const explanation = "There were too many attempts in a short time. Please wait a minute."
	req.w.Header().Set("Retry-After", "60")
	if !req.hasForm() {
		req.show(http.StatusTooManyRequests,
			page.ProviderProblem{Link: req.view(b), Title: "Too many attempts", Explanation: explanation})
		return nil
	}
	form := req.formView(b, nil)
	form.Problem = explanation
	req.show(http.StatusTooManyRequests, form)
	return nil
}

// showFormAgain shows the form again with what was wrong. Nothing was stored.
func (req *request) showFormAgain(b browser.Browser, err error) error {
	var problem *authorize.Error
	if !errors.As(err, &problem) {
		return err
	}
	req.logProblem(problem)
	req.show(problem.HTTPStatus(), req.formView(b, problem))
	return nil
}

// logProblem logs what an operator may have to fix. Of what the end user entered there is nothing
// in it.
func (req *request) logProblem(p *authorize.Error) {
	req.o.Logger.Info("connection not created", "request", req.where.Request, "tenant", req.link.Connection.Tenant,
		"connection", req.link.Connection.ID, "app", req.app.Slug, "problem", p)
}

// showProblem explains what went wrong at the provider. Where the request token is known the page
// leads back to the link.
func (req *request) showProblem(p *authorize.Error) {
	if req.app == nil || req.token.IsZero() {
		req.show(p.HTTPStatus(),
			page.Problem{Title: "This request cannot be processed", Explanation: p.Message(), Request: req.where.Request})
		return
	}
	req.logProblem(p)
	req.show(p.HTTPStatus(),
		page.ProviderProblem{Link: req.view(req.jar.Of(req.w, req.r)), Title: p.Title(), Explanation: p.Message(),
			Description: p.Description})
}
