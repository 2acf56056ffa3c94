package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func (req *request) newLink() error {
	req.show(http.StatusOK, page.NewLink{Session: req.session(), App: req.r.URL.Query().Get("app"), Apps: req.apps()})
	return nil
}

// makeLink creates a link for an end user. Each problem is shown next to its field.
func (req *request) makeLink() error {
	form := req.r.PostForm
	view := page.NewLink{Session: req.session(), Email: form.Get("email"), App: form.Get("app"), Name: form.Get("name"),
		Apps: req.apps()}
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
		link, err := req.o.Manager.RequestLink(req.r.Context(), manager.Caller{Tenant: req.tenant, User: user}, view.App,
			view.Name)
		if err == nil {
			req.showLink(link)
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
	req.show(http.StatusUnprocessableEntity, view)
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
