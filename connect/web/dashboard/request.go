package dashboard

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/browser"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// request is one request to the dashboard.
type request struct {
	*Dashboard
	w     http.ResponseWriter
	r     *http.Request
	where Where
	// id is the connection in the path, if there is one.
	id string
	// browser is the browser's session, key the digest of the tenant key it signed in with; tenant is
	// nil without one.
	browser browser.Browser
	key     policy.Digest
	tenant  *policy.Tenant
	profile connect.Tenant
	// live says that the page's script asks.
	live bool
	// notice and alert are shown at the top of the page.
	notice, alert string
}

var (
	errSignedOut   = errors.New("the browser is not signed in")
	errForeignForm = errors.New("the form belongs to another session")
)

func newRequest(d *Dashboard, w http.ResponseWriter, r *http.Request, where Where) *request {
	return &request{Dashboard: d, w: w, r: r, where: where}
}

func (req *request) jar(name string) browser.Jar {
	return browser.Jar{Name: name, Secure: strings.HasPrefix(req.where.Origin, "https://")}
}

// sessionJar is the cookie of a session, signInJar the one that protects the sign-in form.
func (req *request) sessionJar() browser.Jar { return req.jar("vendgate-session") }
func (req *request) signInJar() browser.Jar  { return req.jar("vendgate-browser") }

func (req *request) serve(path string) error {
	if path == "/sign-in" {
		return req.signIn()
	}
	req.live = path == "/budgets/live"
	if err := req.loadSession(); err != nil {
		return err
	}
	for _, route := range routes {
		if !req.matches(route, path) {
			continue
		}
		if route.needs != "" && !req.tenant.Can(route.needs) {
			return vending.Refuse(vending.CapabilityDisabled,
				"the key you signed in with lacks the capability "+string(route.needs))
		}
		if route.method == http.MethodPost {
			if err := req.readForm(); err != nil {
				return err
			}
			if route.needs != "" { // signing out is free
				if err := req.spend(req.tenant); err != nil {
					return err
				}
			}
		}
		return route.serve(req)
	}
	return errNotFound
}

// matches reports whether route serves the request, and notes the id in its path.
func (req *request) matches(route route, path string) bool {
	method := req.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	before, after, isParam := strings.Cut(route.path, "{id}")
	if method != route.method {
		return false
	}
	if !isParam {
		return path == route.path || path == "/" && route.path == ""
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return false
	}
	segment, ok := strings.CutSuffix(rest, after)
	if !ok || segment == "" || strings.Contains(segment, "/") {
		return false
	}
	id, err := url.PathUnescape(segment)
	req.id = id
	return err == nil
}

// loadSession finds the session and its tenant. A session ends with the key that began it.
func (req *request) loadSession() error {
	who, ok := req.sessionJar().Find(req.r)
	if !ok {
		return errSignedOut
	}
	session, err := req.o.Store.Session(req.r.Context(), who.Digest())
	if errors.Is(err, connect.ErrNoSession) {
		return errSignedOut
	}
	if err != nil {
		return err
	}
	tenant, err := req.o.Lookup(req.r.Context(), policy.Digest(session.Key))
	if err != nil {
		return err
	}
	if tenant == nil || tenant.ID != session.Tenant {
		return errSignedOut
	}
	if req.profile, err = req.o.Tenant(req.r.Context(), tenant.ID); err != nil {
		return err
	}
	req.browser, req.key, req.tenant = who, policy.Digest(session.Key), tenant
	req.r = req.r.WithContext(req.withActor(req.r.Context()))
	return nil
}

// withActor names the key in the audit trail.
func (req *request) withActor(ctx context.Context) context.Context {
	return connect.WithActor(ctx, connect.Actor{Name: "dashboard, key " + req.fingerprint(), Request: req.where.Request})
}

func (req *request) fingerprint() string { return hex.EncodeToString(req.key[:6]) }

// maxForm bounds the body of a form, in bytes: as that of a link, which takes the same fields.
const maxForm = 256 << 10

// csrfPurpose is what the forms of the dashboard are bound to, besides the session.
const csrfPurpose = "dashboard"

func (req *request) readForm() error {
	if err := req.parseForm(); err != nil {
		return err
	}
	if !req.browser.Sent(csrfPurpose, req.r.PostForm.Get("csrf")) {
		return errForeignForm
	}
	return nil
}

// spend takes a unit of the api budget: a change costs here what it costs by the Platform API.
func (req *request) spend(t *policy.Tenant) error {
	now := req.o.Now()
	reservations, spent, err := req.o.Limiter.Reserve(req.r.Context(), policy.Draws{t.APIDraw()}, now)
	if err != nil {
		return err
	}
	reservations.Commit(true)
	if !spent.Refused() {
		return nil
	}
	t.Usage.RefusedCalls.Add(now)
	e := vending.Refuse(vending.RateLimited, "the api budget of this minute is spent; nothing was changed")
	e.RetryAfter = spent.Wait
	return e
}

func (req *request) parseForm() error {
	return browser.ReadForm(req.w, req.r, maxForm)
}

func (req *request) caller() manager.Caller { return manager.Caller{Tenant: req.tenant} }

// session is what every page shows of who is signed in.
func (req *request) session() page.Session {
	name := req.profile.Brand.Name
	if name == "" {
		name = req.tenant.ID
	}
	return page.Session{Tenant: name, Fingerprint: req.fingerprint(), CSRF: req.browser.CSRF(csrfPurpose),
		Notice: req.notice,
		Alert:  req.alert}
}

func (req *request) headers() {
	page.SecurityHeaders(req.w.Header(),
		page.HeaderOptions{Dashboard: true, TLS: strings.HasPrefix(req.where.Origin, "https://")})
}

func (req *request) show(status int, view page.View) {
	req.headers()
	if err := req.o.Pages.Serve(req.w, status, view); err != nil && req.r.Context().Err() == nil {
		req.o.Logger.Error("drawing a page of the dashboard", "request", req.where.Request, "error", err)
	}
}

func (req *request) redirect(to string) {
	req.headers()
	req.w.Header().Set("Location", Root+to)
	req.w.WriteHeader(http.StatusSeeOther)
}
