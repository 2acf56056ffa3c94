package api

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// linkAnswer is what both link calls answer.
type linkAnswer struct {
	ConnectionID string    `json:"connection_id"`
	RequestToken string    `json:"request_token"`
	RequestLink  string    `json:"request_link"`
	ExpiresAt    time.Time `json:"expires_at"`
	App          appRef    `json:"app"`
}

func (a *API) requestLink(c *Call) error {
	body, err := readBody(c.W, c.R)
	if err != nil {
		return err
	}
	app, name := body.text("app_id"), body.text("name")
	if body.err != nil {
		return body.err
	}
	link, err := a.o.Manager.RequestLink(c.R.Context(), c.Caller, app, name)
	if err != nil {
		return err
	}
	a.writeLink(c, link)
	return nil
}

func (a *API) refreshLink(c *Call) error {
	link, err := a.o.Manager.RefreshLink(c.R.Context(), c.Caller, c.Params["id"])
	if err != nil {
		return err
	}
	a.writeLink(c, link)
	return nil
}

func (a *API) writeLink(c *Call, link connect.Link) {
	token := link.Token.Reveal()
	vending.WriteSuccess(c.W, http.StatusCreated, "link created", linkAnswer{
		ConnectionID: link.Connection.ID, RequestToken: token, RequestLink: c.Origin + connect.LinkPath(token),
		ExpiresAt: whole(link.ExpiresAt), App: a.ref(link.Connection.App),
	})
}
