package dashboard

import (
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func (req *request) newLink() error {
	apps, err := req.apps()
	if err != nil {
		return err
	}
	view := page.NewLink{Session: req.session(), App: req.r.URL.Query().Get("app"), Apps: apps}
	for _, a := range apps {
		if a.Slug == view.App {
			view.App = a.Choice
		}
	}
	req.show(http.StatusOK, view)
	return nil
}

// makeLink creates a link for an end user. Each problem is shown next to its field.
func (req *request) makeLink() error {
	apps, err := req.apps()
	if err != nil {
		return err
	}
	form := req.r.PostForm
	view := page.NewLink{Session: req.session(), Email: form.Get("email"), App: form.Get("app"), Name: form.Get("name"),
		Apps: apps}
	user, err := policy.ParseUser([]string{view.Email})
	if err != nil {
		view.EmailProblem = "Enter one email address, like name@example.com."
	}
	app := req.o.Manager.FindApp(view.App)
	switch {
	case view.App == "":
		view.AppProblem = "Choose an app."
	case app == "":
		view.AppProblem = noSuchApp
	}
	if view.Name == "" {
		view.NameProblem = "Enter a name. The person who gets the link will see it."
	}
	if !view.Failed() {
		caller := manager.Caller{Tenant: req.tenant, User: user}
		link, err := req.o.Manager.RequestLink(req.r.Context(), caller, app, view.Name)
		if err == nil {
			req.showLink(link)
			return nil
		}
		if err := explain(&view, err); err != nil {
			return err
		}
	}
	req.show(http.StatusUnprocessableEntity, view)
	return nil
}

const noSuchApp = "There is no such app, or this tenant may not use it."

// explain says in view why no link was made. It returns err where that is a defect here.
func explain(view *page.NewLink, err error) error {
	var misconfigured *connect.OAuthClientError
	refused := vending.AsError(err)
	switch {
	case errors.As(err, &misconfigured):
		view.AppProblem = "This app waits for its OAuth client: ask the operator of the gateway to set it up."
	case refused.Code == vending.InternalError, refused.Code == vending.UpstreamUnavailable:
		return err
	case refused.Code == vending.UnknownApp, refused.Code == vending.PolicyDenied:
		view.AppProblem = noSuchApp
	default:
		view.Problem = refused.Text() + "."
	}
	return nil
}

// refresh creates a link by which the end user renews a connection's credentials.
func (req *request) refresh() error {
	link, err := req.o.Manager.RefreshLink(req.r.Context(), req.caller(), req.id)
	if err != nil {
		return err
	}
	req.showLink(link)
	return nil
}

// showLink shows a link, once: only its digest is stored.
func (req *request) showLink(l connect.Link) {
	req.show(http.StatusCreated, page.LinkMade{
		Session: req.session(), URL: vending.NewSecret(req.where.Origin + connect.LinkPath(l.Token.Reveal())),
		ExpiresAt: l.ExpiresAt,
		App:       req.app(l.Connection.App), ID: l.Connection.ID, Connection: l.Connection.Name, User: l.Connection.User,
		Renews: l.Renews, Lost: l.Renews && l.Connection.NeedsReconnection,
	})
}
