package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Root is where the dashboard is served.
const Root = connect.Root + "/dashboard"

// Options are what the dashboard works on.
type Options struct {
	Store   *store.Store
	Manager *manager.Manager
	// Authorizer tries what is entered for a connection with the app.
	Authorizer *authorize.Authorizer
	Pages      *page.Pages
	// Lookup returns the tenant whose live key has a digest, or nil: see [policy.Keyring.Lookup].
	Lookup func(ctx context.Context, key policy.Digest) (*policy.Tenant, error)
	// Tenant returns what is known of a tenant, from the configuration or the store.
	Tenant func(ctx context.Context, id string) (connect.Tenant, error)
	// Limiter knows what is left of the budgets of apps and connections.
	Limiter policy.Limiter
	// Revokes reports whether deleting a connection of an app also revokes its grant at the provider.
	Revokes func(app string) bool
	// Logger receives what no engineer of a tenant can be told; nil discards it.
	Logger *slog.Logger
	// Now is the clock of the pages; nil means time.Now.
	Now func() time.Time
}

// Dashboard serves the pages under Root.
type Dashboard struct {
	o Options
	// attempts bounds how often the credentials of each connection are tried: it must not become a way
	// to search for them.
	attempts *policy.Buckets
}

// New returns the dashboard over o.
func New(o Options) *Dashboard {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Dashboard{o, policy.NewBuckets()}
}

// Where says how a request reached us.
type Where struct {
	// Origin is scheme and host under which browsers reach us, as in links.
	Origin string
	// Request is the request's id.
	Request string
}

// route is one page or form. Those without a session are the way in.
type route struct {
	method, path string
	needs        policy.Capability
	serve        func(*request) error
}

var routes = []route{
	{"GET", "", policy.CapConnections, (*request).connections},
	{"GET", "/links/new", policy.CapConnections, (*request).newLink},
	{"POST", "/links", policy.CapConnections, (*request).makeLink},
	{"POST", "/connections/{id}/refresh", policy.CapConnections, (*request).refresh},
	{"GET", "/connections/{id}/update", policy.CapConnections, (*request).askUpdate},
	{"POST", "/connections/{id}/update", policy.CapConnections, (*request).updateConnection},
	{"GET", "/connections/{id}/delete", policy.CapDelete, (*request).askDelete},
	{"POST", "/connections/{id}/delete", policy.CapDelete, (*request).deleteConnection},
	{"GET", "/keys", policy.CapConnections, (*request).keys},
	{"POST", "/keys/rotate", policy.CapConnections, (*request).rotate},
	{"POST", "/keys/promote", policy.CapConnections, (*request).promote},
	{"POST", "/keys/mcp", policy.CapConnections, (*request).issueMCPURL},
	{"GET", "/audit", policy.CapConnections, (*request).audit},
	{"GET", "/budgets", policy.CapConnections, (*request).budgets},
	{"GET", "/budgets/live", policy.CapConnections, (*request).liveBudgets},
	{"POST", "/sign-out", "", (*request).signOut},
}

// Serve answers a request whose path under Root is path: empty, or beginning with a slash.
func (d *Dashboard) Serve(w http.ResponseWriter, r *http.Request, where Where, path string) {
	req := newRequest(d, w, r, where)
	if err := req.serve(path); err != nil {
		req.fail(err)
	}
}

// errNotFound says that there is no such page, or not by this method.
var errNotFound = errors.New("no such page")

// fail answers with the page of an error.
func (req *request) fail(err error) {
	var refused *vending.Error
	title, text, status := "Something went wrong on our side", "Nothing was changed. Please try again in a moment.",
		http.StatusInternalServerError
	switch {
	case errors.Is(err, errSignedOut) && req.live:
		req.w.WriteHeader(http.StatusUnauthorized) // the script must hear of it, and not follow
		return
	case errors.Is(err, errSignedOut):
		req.redirect("/sign-in")
		return
	case errors.Is(err, errNotFound):
		title, text, status = "Page not found", "Check the address. It may belong to a form that was already submitted.",
			http.StatusNotFound
	case errors.Is(err, errForeignForm):
		title, text, status = "This form has expired", "Go back, reload the page and try again. Nothing was changed.",
			http.StatusForbidden
	case errors.As(err, &refused) && refused.Code == vending.UpstreamUnavailable && refused.RetryAfter > 0:
		req.w.Header().Set("Retry-After", strconv.Itoa(vending.ClampRetryAfter(refused.RetryAfter)))
		title, status = "This page is not available at the moment", http.StatusServiceUnavailable
	case errors.As(err, &refused) && refused.Code != vending.InternalError:
		if refused.Code == vending.RateLimited {
			req.w.Header().Set("Retry-After", strconv.Itoa(vending.ClampRetryAfter(refused.RetryAfter)))
		}
		title, text, status = titles[refused.Code], refused.Text()+".", refused.Code.Status()
		switch {
		case title == "":
			title = "This cannot be done"
		case refused.Code == vending.ConnectionDeleted:
			text = "It was deleted, or its id is wrong."
		}
	case req.r.Context().Err() == nil:
		req.o.Logger.Error("dashboard page failed", "request", req.where.Request, "error", err)
	}
	if req.tenant == nil {
		req.show(status, page.Problem{Title: title, Explanation: text, Request: req.where.Request})
		return
	}
	req.show(status,
		page.DashboardProblem{Session: req.session(), Title: title, Explanation: text, Request: req.where.Request})
}

var titles = map[vending.Code]string{
	vending.ConnectionDeleted:  "There is no such connection",
	vending.ConnectionInUse:    "The connection is in use",
	vending.CapabilityDisabled: "Your key does not allow this",
	vending.PolicyDenied:       "This app is not allowed",
	vending.UnknownApp:         "There is no such app",
	vending.RateLimited:        "Too many requests",
}
