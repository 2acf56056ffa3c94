package hosted

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// pending returns a link that can still be used, and notes nothing.
func (h *Hosted) pending(ctx context.Context, digest connect.Digest) (connect.LinkState, error) {
	l, err := h.o.Store.Link(ctx, digest)
	if err == nil && l.Status != connect.Pending {
		err = connect.ErrLinkEnded
	}
	return l, err
}

// showForm asks for what the app needs.
func (v *request) showForm() error {
	if err := v.load(v.pending(v.r.Context(), v.digest)); err != nil {
		return err
	}
	if !v.asks() || !v.link.Accepted {
		return v.redirect("")
	}
	v.show(http.StatusOK, v.formView(v.jar.Of(v.w, v.r), nil))
	return nil
}

// formView draws the form with what was entered before, but for what is secret, and with what was
// wrong with it.
func (v *request) formView(b browser.Browser, problem *authorize.Error) page.Form {
	f, bound := page.Form{Link: v.view(b)}, v.binding()
	for _, field := range v.app.Asked() {
		shown := page.Field{
			Name: field.Name, Label: field.Label, Help: field.Help, Secret: field.Secret, Options: field.Options,
			Host: field.Kind == catalog.KindHost, Site: field.SitePath,
		}
		shown.Around = authorize.Around(v.app, field)
		if !field.Secret {
			shown.Value = cmp.Or(v.r.PostForm.Get(page.FieldPrefix+field.Name), field.Default)
		}
		if at, isBound := bound[field.Name]; isBound {
			shown.Value, shown.Bound = at, true
		}
		if problem != nil && problem.Field == field.Name {
			shown.Problem = problem.Message()
		}
		f.Fields = append(f.Fields, shown)
	}
	if problem != nil && problem.Field == "" {
		f.Problem = problem.Message()
	}
	return f
}

// posted passes a form of a link that is still pending to take.
func (v *request) posted(take func(browser.Browser) error) error {
	b, err := v.form()
	if err != nil {
		return v.ended(err)
	}
	err = v.load(v.pending(v.r.Context(), v.digest))
	if errors.Is(err, connect.ErrLinkEnded) {
		return v.redirect("done") // a double click: the first one may have been ours
	}
	if err != nil {
		return err
	}
	return take(b)
}

func (v *request) takeForm() error { return v.posted(v.takeFields) }

// takeFields tries what was entered and, for an app without a provider to sign in at, stores it.
func (v *request) takeFields(b browser.Browser) error {
	if !v.link.Accepted {
		return v.redirect("") // the invitation says to whom the credentials would go
	}
	fields := v.entered()
	if err := authorize.CheckAddress(v.app, v.bound(), fields); err != nil { // before any of it goes to another address
		return v.retry(b, err)
	}
	if v.signsIn() {
		if err := authorize.CheckFields(v.app, fields); err != nil {
			return v.retry(b, err)
		}
		return v.redirectToProvider(b, fields)
	}
	if !v.mayTry() {
		return v.tooOften(b)
	}
	defer v.detach()()
	grant, err := v.o.Authorizer.FromFields(v.r.Context(), v.app, fields)
	var problem *authorize.Error
	switch {
	case errors.As(err, &problem) && problem.Kind == authorize.Unconfirmed:
		return v.unconfirmed(b, fields, problem)
	case err != nil:
		return v.retry(b, err)
	}
	return v.complete(b, grant)
}

// mayTry reports whether something more can be tried by this link for now.
func (v *request) mayTry() bool { return v.may("link") }

// may reports whether one more of a kind may happen by this link in this minute.
func (v *request) may(kind string) bool {
	key := policy.BucketKey{Tenant: v.link.Connection.Tenant, Kind: kind, Name: string(v.digest[:])}
	claim, _, ok := v.tries.Spend(key, triesAMinute, v.o.Now())
	claim.Commit(true)
	return ok
}

// tooOften says that there were too many tries: above the form, if there is one.
func (v *request) tooOften(b browser.Browser) error {
	const explanation = "There were too many tries in a short time. Please wait a minute."
	v.w.Header().Set("Retry-After", "60")
	if !v.asks() {
		v.show(http.StatusTooManyRequests,
			page.ProviderProblem{Link: v.view(b), Title: "Too many tries", Explanation: explanation})
		return nil
	}
	form := v.formView(b, nil)
	form.Problem = explanation
	v.show(http.StatusTooManyRequests, form)
	return nil
}

// entered are the values of the form that the app asks for.
func (v *request) entered() (fields []vending.Field) {
	for _, f := range v.app.Asked() {
		fields = append(fields, vending.Field{Name: f.Name, Value: v.r.PostForm.Get(page.FieldPrefix + f.Name)})
	}
	return fields
}

// retry shows the form again with what was wrong. Nothing was stored.
func (v *request) retry(b browser.Browser, err error) error {
	var problem *authorize.Error
	if !errors.As(err, &problem) {
		return err
	}
	v.note(problem)
	v.show(problem.HTTPStatus(), v.formView(b, problem))
	return nil
}

// note logs what an operator may have to mend. Of what the end user entered there is nothing in it.
func (v *request) note(p *authorize.Error) {
	v.o.Logger.Info("a connection was not made", "request", v.where.Request, "tenant", v.link.Connection.Tenant,
		"connection", v.link.Connection.ID, "app", v.app.Slug, "problem", p)
}

// showProblem explains what went wrong at the provider. Where the request token is known the page
// leads back to the link.
func (v *request) showProblem(p *authorize.Error) {
	if v.app == nil || v.token.IsZero() {
		v.show(p.HTTPStatus(),
			page.Problem{Title: "This request cannot be processed", Explanation: p.Message(), Request: v.where.Request})
		return
	}
	v.note(p)
	v.show(p.HTTPStatus(),
		page.ProviderProblem{Link: v.view(v.jar.Of(v.w, v.r)), Title: p.Title(), Explanation: p.Message(), Said: p.Description})
}
