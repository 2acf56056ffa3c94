package hosted

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Options are what the hosted pages work on.
type Options struct {
	Store      *store.Store
	Authorizer *authorize.Authorizer
	Pages      *page.Pages
	// Catalog finds an app by slug.
	Catalog func(slug string) (*catalog.App, bool)
	// Tenant returns how a tenant appears to its end users.
	Tenant func(ctx context.Context, id string) (connect.Tenant, error)
	// Logger receives what no end user can be told; nil discards it.
	Logger *slog.Logger
	// Now is the clock of the pages; nil means time.Now.
	Now func() time.Time
}

// Hosted serves the pages under connect.Root.
type Hosted struct {
	o Options
	// attempts bounds how often each link verifies credentials: it must not become a way to search
	// for them.
	attempts *policy.Buckets
}

// attemptsPerMinute is how many credentials one link may verify in a minute.
const attemptsPerMinute policy.Budget = 10

// New returns the pages over o.
func New(o Options) *Hosted {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Hosted{o, policy.NewBuckets()}
}

// Where says how a request reached us.
type Where struct {
	// Origin is scheme and host under which browsers reach us, as in redirect URIs.
	Origin string
	// Request is the request's id.
	Request string
}

func (w Where) secure() bool { return strings.HasPrefix(w.Origin, "https://") }

// Serve answers a request whose escaped path under connect.Root is path.
func (h *Hosted) Serve(w http.ResponseWriter, r *http.Request, where Where, path string) {
	ctx := connect.WithActor(r.Context(), connect.Actor{Name: "end user", Request: where.Request})
	req := &request{Hosted: h, w: w, r: r.WithContext(ctx), where: where}
	req.jar = browser.Jar{Name: "vendgate-browser", Secure: where.secure()}
	if err := req.serve(path); err != nil { //nolint:contextcheck // the request carries it
		req.fail(err) //nolint:contextcheck // the same
	}
}

// serve finds the page. HEAD is GET without its effects: link previews ask so.
func (req *request) serve(path string) error {
	get := req.r.Method == http.MethodGet || req.r.Method == http.MethodHead
	post := req.r.Method == http.MethodPost
	token, action, _ := strings.Cut(path, "/")
	isToken := connect.IsToken(token)
	if isToken {
		req.token, req.digest = vending.NewSecret(token), connect.DigestOf(token)
	}
	switch {
	case path == "callback" && req.r.Method == http.MethodGet:
		return req.callback()
	case action == "status" && get:
		return req.status()
	case !isToken:
		return connect.ErrLinkEnded
	case action == "" && get:
		return req.invite()
	case action == "accept" && post:
		return req.accept()
	case action == "reject" && post:
		return req.reject()
	case action == "credentials" && get:
		return req.showForm()
	case action == "credentials" && post:
		return req.submitForm()
	case action == "unconfirmed" && post:
		return req.answerUnconfirmed()
	case action == "unconfirmed":
		return req.redirect("credentials") // as below, of the form's second step
	case action == "done" && get:
		return req.done()
	case action == "accept" || action == "reject":
		return req.redirect("") // the address of a submitted form was reloaded or pasted
	}
	return connect.ErrLinkEnded
}

// fail answers with the page of an error.
func (req *request) fail(err error) {
	var problem *authorize.Error
	var refused *vending.Error
	switch {
	case errors.Is(err, connect.ErrLinkEnded):
		req.tenant = connect.Tenant{} // its headers would tell this link from one that never was
		req.show(http.StatusNotFound, page.Invalid{})
	case errors.Is(err, errNoCookie), errors.Is(err, connect.ErrNoAuthRequest):
		req.show(http.StatusBadRequest, page.BrowserProblem{Token: req.token})
	case errors.As(err, &problem):
		req.showProblem(problem)
	case errors.As(err, &refused) && refused.Code == vending.UpstreamUnavailable && refused.RetryAfter > 0:
		req.w.Header().Set("Retry-After", strconv.Itoa(vending.ClampRetryAfter(refused.RetryAfter)))
		req.show(http.StatusServiceUnavailable, page.Problem{Title: "This page is not available at the moment",
			Explanation: "Nothing was saved. Please try again in a moment.", Request: req.where.Request})
	case errors.As(err, &refused) && refused.Code != vending.InternalError:
		req.show(refused.Code.Status(), page.Problem{Title: "This request cannot be processed",
			Explanation: sentence(refused.Text()), Request: req.where.Request})
	default:
		if req.r.Context().Err() == nil {
			req.o.Logger.Error("hosted page failed", "request", req.where.Request, "error", err)
		}
		req.show(http.StatusInternalServerError, page.Problem{
			Title: "Something went wrong on our side", Explanation: "Nothing was saved. Please try again in a moment.",
			Request: req.where.Request,
		})
	}
}

// sentence makes a sentence of a message.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
