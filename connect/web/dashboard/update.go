package dashboard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/appform"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

const (
	// attemptsPerMinute is how many credentials may be tried for one connection in a minute.
	attemptsPerMinute policy.Budget = 10
	// updateTimeout bounds an update, whose browser may have left: what the provider has begun to make
	// exists only here.
	updateTimeout = 30 * time.Second
)

// What is wrong with an update besides what was entered.
const (
	tooManyAttempts = "There were too many attempts in a short time. Please wait a minute."
	changedSince    = "Someone else has changed this connection in the meantime, so nothing was saved. Check it first."
)

// update is the form by which the credentials of a connection are replaced.
type update struct {
	*request
	connection connect.Connection
	app        *catalog.App
	held       connect.Grant
}

// newUpdate finds the connection in the path, if its credentials can be replaced.
func (req *request) newUpdate() (*update, error) {
	u := &update{request: req}
	found, err := req.o.Manager.Connection(req.r.Context(), req.caller(), req.id)
	if err != nil {
		return nil, err
	}
	if u.app, err = req.o.Manager.UpdatableApp(req.caller(), found); err != nil {
		return nil, err
	}
	_, u.held, err = req.o.Store.Grant(req.r.Context(), found.Tenant, found.User, found.ID)
	u.connection = found
	return u, err
}

func (req *request) askUpdate() error {
	u, err := req.newUpdate()
	if err != nil {
		return err
	}
	u.show(http.StatusOK, nil, "")
	return nil
}

// updateConnection stores what was entered once the app accepts it.
func (req *request) updateConnection() error {
	u, err := req.newUpdate()
	if err != nil {
		return err
	}
	key := policy.BucketKey{Tenant: req.tenant.ID, Kind: "connection", Name: u.connection.ID}
	reservation, _, ok := req.attempts.Spend(key, attemptsPerMinute, req.o.Now())
	reservation.Commit(true)
	if !ok {
		req.w.Header().Set("Retry-After", "60")
		u.show(http.StatusTooManyRequests, nil, tooManyAttempts)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.r.Context()), updateTimeout)
	defer cancel()
	updated, err := u.store(ctx)
	var problem *authorize.Error
	switch {
	case errors.As(err, &problem):
		req.o.Logger.Info("connection not updated", "request", req.where.Request, "tenant", req.tenant.ID, "connection",
			u.connection.ID, "app", u.app.Slug, "problem", problem)
		u.show(problem.HTTPStatus(), problem, "")
	case errors.Is(err, connect.ErrStale):
		u.show(http.StatusConflict, nil, changedSince)
	case err != nil:
		return err
	default:
		req.show(http.StatusOK, page.Updated{Session: req.session(), Row: req.row(updated), Provider: u.app.CallName()})
	}
	return nil
}

// store tries what was entered, and stores it where the connection is still as it was.
func (u *update) store(ctx context.Context) (connect.Connection, error) {
	fields, bound := appform.Entered(u.app, u.r.PostForm), u.bound()
	// before any of it goes to another address
	if err := authorize.CheckAddress(u.app, bound, fields); err != nil {
		return connect.Connection{}, err
	}
	try := u.o.Authorizer.FromFields
	if u.r.PostForm.Get("unconfirmed") == "yes" && u.takesUnconfirmed() {
		try = u.o.Authorizer.FromUnconfirmedFields
	}
	grant, err := try(ctx, u.app, fields)
	if err != nil {
		return connect.Connection{}, err
	}
	moved := ""
	if from, to, differs := authorize.AddressChange(u.app, bound, grant.Reveal().Fields); differs {
		moved = "from " + from + " to " + to
	}
	seen := u.connection
	seen.AuthType = vending.AuthType(u.app.AuthType)
	return u.o.Store.ReplaceGrant(ctx, seen, grant, moved)
}

// bound are the fields that say at which address the connection is, and stay.
func (u *update) bound() []vending.Field {
	return authorize.AddressFields(u.app, u.held.Reveal().Fields)
}

// takesUnconfirmed reports whether the tenant takes credentials that their provider does not
// confirm.
func (u *update) takesUnconfirmed() bool {
	return u.profile.Brand.Unconfirmed != connect.RefuseUnconfirmed
}

// show shows the form with what was wrong: with a field or the whole, or as other says.
func (u *update) show(status int, problem *authorize.Error, other string) {
	form := appform.Form{App: u.app, Bound: u.bound(), Entered: u.r.PostForm, Problem: problem,
		Open: u.o.Manager.OpenFields(u.r.Context(), u.connection)}
	view := page.Update{Session: u.session(), Row: u.row(u.connection), Provider: u.app.CallName(),
		Fields: form.Fields(), Problem: form.WholeProblem()}
	view.Row.App.HelpURL, view.Row.App.Verified = u.app.HelpURL, u.app.Verify != nil || u.app.ClientCredentials()
	if other != "" {
		view.Problem = other
	}
	if problem != nil && problem.Kind == authorize.Unconfirmed {
		view.AskUnconfirmed = u.takesUnconfirmed()
		if !view.AskUnconfirmed {
			view.Problem += " Only credentials that " + u.app.CallName() + " confirms can be saved here."
		}
	}
	u.request.show(status, view)
}
