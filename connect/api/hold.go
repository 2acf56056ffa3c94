package api

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

type holdAnswer struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

func (a *API) placeHold(c *Call) error {
	hold, err := a.o.Manager.Hold(c.R.Context(), c.Caller, c.Params["id"], c.Params["name"])
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, "hold placed", holdAnswer{hold.Name, whole(hold.CreatedAt)})
	return nil
}

type releasedAnswer struct {
	// Released is false if there was no such hold.
	Released bool `json:"released"`
}

func (a *API) releaseHold(c *Call) error {
	released, err := a.o.Manager.Release(c.R.Context(), c.Caller, c.Params["id"], c.Params["name"])
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, "hold released", releasedAnswer{released})
	return nil
}
