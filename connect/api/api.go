package api

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/vending"
)

// Options are what the Platform API works on.
type Options struct {
	Manager *manager.Manager
	// Source vends what the token call answers.
	Source vending.Source
	// Agents serves AI agents.
	Agents Agents
	// Now is the clock of expires_in; nil means time.Now.
	Now func() time.Time
}

// Agents is an MCP server.
type Agents interface {
	Serve(w http.ResponseWriter, r *http.Request, c manager.Caller, origin string)
}

// API answers the calls of [Endpoints].
type API struct{ o Options }

// New returns the API over o.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &API{o}
}

func (a *API) agent(c *Call) error {
	a.o.Agents.Serve(c.W, c.R, c.Caller, c.Origin)
	return nil
}

// name returns what people call the app of a slug.
func (a *API) name(slug string) string { return a.o.Manager.AppName(slug) }
