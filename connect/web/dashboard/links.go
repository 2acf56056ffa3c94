package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func (v *request) newLink() error {
	v.show(http.StatusOK, page.NewLink{Session: v.session(), App: v.r.URL.Query().Get("app"), Apps: v.apps()})
	return nil
}

// makeLink makes a link for an end user. What is wrong stands beside the field that it is about.
func (v *request) makeLink() error {
	form := v.r.PostForm
	view := page.NewLink{Session: v.session(), Email: form.Get("email"), App: form.Get("app"), Name: form.Get("name"),
		Apps: v.apps()}
	user, err := policy.ParseUser([]string{view.Email})
	if err != nil {
		view.EmailProblem = "Enter one email address, like name@example.com."
	}
	if view.App == "" {
		view.AppProblem = "Choose an app."
	}
	if view.Name == "" {
		view.NameProblem = "Enter a name. The person who gets the link will see it."
	}
	if !view.Failed() {
		link, err := v.o.Manager.RequestLink(v.r.Context(), manager.Caller{Tenant: v.tenant, User: user}, view.App, view.Name)
		if err == nil {
			v.showLink(link)
			return nil
		}
		refused := vending.AsError(err)
		switch refused.Code {
		case vending.InternalError, vending.UpstreamUnavailable:
			return err
		case vending.UnknownApp, vending.PolicyDenied:
			view.AppProblem = "There is no such app, or this tenant may not use it."
		default:
			view.Problem = refused.Text() + "."
		}
	}
	v.show(http.StatusUnprocessableEntity, view)
	return nil
}

// refresh makes a link by which the end user renews a connection's credentials.
func (v *request) refresh() error {
	link, err := v.o.Manager.RefreshLink(v.r.Context(), v.caller(), v.id)
	if err != nil {
		return err
	}
	v.showLink(link)
	return nil
}

// showLink shows a link, once: only its digest is stored.
func (v *request) showLink(l connect.Link) {
	v.show(http.StatusCreated, page.LinkMade{
		Session: v.session(), URL: vending.NewSecret(v.where.Origin + connect.LinkPath(l.Token.Reveal())),
		ExpiresAt: l.ExpiresAt,
		App:       v.app(l.Connection.App), ID: l.Connection.ID, Connection: l.Connection.Name, User: l.Connection.User,
		Renews: l.Renews,
	})
}
