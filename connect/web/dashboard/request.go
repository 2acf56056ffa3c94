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
	// who is the browser's session, key the digest of the tenant key it signed in with; tenant is nil
	// without one.
	who    browser.Browser
	key    policy.Digest
	tenant *policy.Tenant
	known  connect.Tenant
	// live says that the page's script asks.
	live bool
	// notice and alert stand at the top of the page.
	notice, alert string
}

var (
	errSignedOut = errors.New("nobody is signed in")
	errForged    = errors.New("the form is not of this session")
)

func newVisit(d *Dashboard, w http.ResponseWriter, r *http.Request, where Where) *request {
	return &request{Dashboard: d, w: w, r: r, where: where}
}

func (v *request) jar(name string) browser.Jar {
	return browser.Jar{Name: name, Secure: strings.HasPrefix(v.where.Origin, "https://")}
}

// sessions is the cookie of who is signed in, strangers the one that protects the form of who is
// not yet.
func (v *request) sessions() browser.Jar  { return v.jar("vendgate-session") }
func (v *request) strangers() browser.Jar { return v.jar("vendgate-browser") }

func (v *request) serve(path string) error {
	if path == "/sign-in" {
		return v.signIn()
	}
	v.live = path == "/budgets/live"
	if err := v.recognise(); err != nil {
		return err
	}
	for _, route := range routes {
		if !v.takes(route, path) {
			continue
		}
		if route.needs != "" && !v.tenant.Can(route.needs) {
			return vending.Refuse(vending.CapabilityDisabled,
				"the key you signed in with lacks the capability "+string(route.needs))
		}
		if route.method == http.MethodPost {
			if err := v.readForm(); err != nil {
				return err
			}
			if route.needs != "" { // signing out is free
				if err := v.spend(v.tenant); err != nil {
					return err
				}
			}
		}
		return route.serve(v)
	}
	return errNotFound
}

// takes reports whether route serves the request, and notes the id in its path.
func (v *request) takes(route route, path string) bool {
	method := v.r.Method
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
	v.id = id
	return err == nil
}

// recognise finds the session and its tenant. A session ends with the key that began it.
func (v *request) recognise() error {
	who, ok := v.sessions().Find(v.r)
	if !ok {
		return errSignedOut
	}
	session, err := v.o.Store.Session(v.r.Context(), who.Digest())
	if errors.Is(err, connect.ErrNoSession) {
		return errSignedOut
	}
	if err != nil {
		return err
	}
	tenant := v.o.Lookup(v.r.Context(), policy.Digest(session.Key))
	if tenant == nil || tenant.ID != session.Tenant {
		return errSignedOut
	}
	if v.known, err = v.o.Tenant(v.r.Context(), tenant.ID); err != nil {
		return err
	}
	v.who, v.key, v.tenant = who, policy.Digest(session.Key), tenant
	v.r = v.r.WithContext(v.acting(v.r.Context()))
	return nil
}

// acting names the key in the audit trail.
func (v *request) acting(ctx context.Context) context.Context {
	return connect.WithActor(ctx, connect.Actor{Name: "dashboard, key " + v.fingerprint(), Request: v.where.Request})
}

func (v *request) fingerprint() string { return hex.EncodeToString(v.key[:6]) }

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// csrfPurpose is what the forms of the dashboard are bound to, beside the session.
const csrfPurpose = "dashboard"

func (v *request) readForm() error {
	if err := v.parseForm(); err != nil {
		return err
	}
	if !v.who.Sent(csrfPurpose, v.r.PostForm.Get("csrf")) {
		return errForged
	}
	return nil
}

// spend takes a unit of the api budget: a change costs here what it costs by the Platform API.
func (v *request) spend(t *policy.Tenant) error {
	now := v.o.Now()
	wait, ok := t.Usage.SpendAPI(t.Budgets.API, now)
	if ok {
		return nil
	}
	t.Usage.RefusedCalls.Add(now)
	e := vending.Refuse(vending.RateLimited, "the api budget of this minute is spent; nothing was changed")
	e.RetryAfter = wait
	return e
}

func (v *request) parseForm() error {
	return browser.ReadForm(v.w, v.r, maxForm)
}

func (v *request) caller() manager.Caller { return manager.Caller{Tenant: v.tenant} }

// session is what every page shows of who is signed in.
func (v *request) session() page.Session {
	name := v.known.Brand.Name
	if name == "" {
		name = v.tenant.ID
	}
	return page.Session{Tenant: name, Fingerprint: v.fingerprint(), CSRF: v.who.CSRF(csrfPurpose), Notice: v.notice,
		Alert: v.alert}
}

func (v *request) headers() {
	page.SecurityHeaders(v.w.Header(),
		page.HeaderOptions{Dashboard: true, TLS: strings.HasPrefix(v.where.Origin, "https://")})
}

func (v *request) show(status int, view page.View) {
	v.headers()
	if err := v.o.Pages.Serve(v.w, status, view); err != nil && v.r.Context().Err() == nil {
		v.o.Logger.Error("drawing a page of the dashboard", "request", v.where.Request, "error", err)
	}
}

func (v *request) redirect(to string) {
	v.headers()
	v.w.Header().Set("Location", Root+to)
	v.w.WriteHeader(http.StatusSeeOther)
}
