package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
)

// maxVerdict bounds the answer to a verify request where its body is read, in bytes.
const maxVerdict = 1 << 20

// Causes for the log.
var (
	errNoMember = errors.New("the answer to the verify request does not hold what an accepted credential's does")
	errNoJSON   = errors.New("the answer to the verify request is no JSON")
	errPage     = errors.New("the verify request was answered with a page for people")
)

// try sends the app's verify request with the credential of v, once. Nil means that it was
// accepted; without such a request it is inject.ErrNoVerify, and all else that the answer may mean
// a *[Error].
func (a *Authorizer) try(ctx context.Context, app *catalog.App, v connect.GrantValues) error {
	placement, err := inject.NewPlacement(app)
	if err != nil {
		return fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	r, err := placement.Verify(bounded, credential(app, v, nil))
	switch {
	case errors.Is(err, inject.ErrNoVerify):
		return err
	case err != nil:
		return unplaceable(app, err)
	}
	res, err := a.ask(app, r)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("verifying a credential of %s: %w", app.Slug, err)
	}
	t := trial{app: app, site: siteOf(app, v), res: res, err: err}
	if p := t.verdict(); p != nil {
		return about(app, *p)
	}
	return nil
}

// ask returns what the upstream answers r with, and its body only where that counts. It follows no
// redirect.
func (a *Authorizer) ask(app *catalog.App, r *http.Request) (*httpx.Response, error) {
	res, err := httpx.Head(a.placing(app), r, maxVerdict, func(status int, h http.Header) bool {
		return app.RefusalInBody(status, h) || app.Verify.AcceptanceInBody(status) ||
			app.Verify.Success != "" && is2xx(status)
	})
	if err != nil {
		return res, callingUpstream(err)
	}
	return res, nil
}

// placing is the transport of requests that a placement made; nil where nothing may be dialled.
func (a *Authorizer) placing(app *catalog.App) http.RoundTripper {
	base := httpx.Fresh(a.transport(app))
	if base == nil {
		return nil
	}
	return &inject.Transport{Base: base}
}

func callingUpstream(err error) error { return fmt.Errorf("calling the upstream: %w", err) }

func is2xx(status int) bool { return status >= 200 && status < 300 }

// verdict says what the status of an answer to a request with a credential means, as far as that
// does not depend on the app; 0 is no answer. Nil is acceptance.
func verdict(status int) *Error {
	switch {
	case is2xx(status):
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status < 300, status >= 500:
		return &Error{Kind: Unreachable}
	}
	return &Error{Kind: WrongCredential}
}

// site is the host that an end user entered, or a part of it.
type site struct {
	// field is the one that it was entered into; empty for an app with hosts of its own.
	field string
	// host is the whole name, and any says that the end user chooses all of it: nobody knows
	// whether there is such an API.
	host string
	any  bool
}

// siteOf is where the verify request of app goes with v.
func siteOf(app *catalog.App, v connect.GrantValues) (s site) {
	if app.Verify == nil || app.Verify.Host != "" {
		return site{}
	}
	value := valueIn(v.Fields)
	for _, f := range app.Asked() {
		_, entered := value(f.Name)
		if entered && len(f.Options) == 0 && strings.Contains(hostIn(app.Upstream), "{"+f.Name+"}") {
			s.field, s.any = f.Name, f.Kind == catalog.KindHost
			break
		}
	}
	if s.field == "" {
		return site{}
	}
	s.host = app.FilledHost(value)
	return s
}

// trial is a verify request that was made.
type trial struct {
	app  *catalog.App
	site site
	res  *httpx.Response // nil without an answer
	err  error
}

// verdict says what the answer means. Nil is acceptance.
func (t *trial) verdict() *Error {
	if t.res == nil {
		return t.unreachable()
	}
	v, status := t.app.Verify, t.res.Status
	p := verdict(status)
	switch {
	case t.app.TooMany(status, t.res.Header):
		return &Error{Kind: Unreachable, Status: status}
	case v.Accepts(status, t.res.Body):
		return nil
	case t.app.RefusesCredential(status, t.res.Header, t.res.Body), slices.Contains(v.Wrong, status):
		return &Error{Kind: WrongCredential, Status: status}
	case p == nil:
		return t.success()
	case p.Kind == Unreachable:
		p.Status, p.Err = status, t.err
		return p
	case t.elsewhere(), t.missing():
		return t.noAPI(nil)
	case v.Inconclusive, status == http.StatusPaymentRequired:
		return &Error{Kind: Unconfirmed, Status: status}
	}
	return &Error{Kind: WrongCredential, Status: status}
}

// unreachable is the problem that nothing answered. Of a host that was entered, the name may be
// wrong.
func (t *trial) unreachable() *Error {
	if t.site.field == "" {
		return &Error{Kind: Unreachable, Err: t.err}
	}
	return &Error{Kind: NoServer, Field: t.site.field, host: t.site.host, Err: t.err}
}

// elsewhere reports whether the answer leads to another address. Where every failure proves
// something, at a host of the provider's own, that is where people sign in.
func (t *trial) elsewhere() bool {
	return t.res.Status < 400 && (t.site.field != "" || t.app.Verify.Inconclusive)
}

// missing reports whether an answer shows that no API of the app's is at the host that was entered:
// it has no such resource. Of a host below the provider's own name, an answer for programs may
// still be the API's, for want of a permission.
func (t *trial) missing() bool {
	switch t.res.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return t.site.any || t.site.field != "" && t.isPage()
	}
	return false
}

// noAPI is the problem that something else than the app's API answered.
func (t *trial) noAPI(err error) *Error {
	p := &Error{Kind: NoAPI, Field: t.site.field, Status: t.res.Status, host: t.site.host, Err: err}
	if t.site.field == "" {
		p.Kind = Nonsense
		return p
	}
	to, parseErr := url.Parse(t.res.Header.Get("Location"))
	if parseErr == nil && t.res.Status < 400 && isHostName(to.Host) && !strings.EqualFold(to.Host, p.host) {
		p.to = strings.ToLower(to.Host)
	}
	return p
}

// success judges an answer by which an API says that all is well. One that is too large to be read
// whole is no refusal: those are short.
func (t *trial) success() *Error {
	path, want := t.app.Verify.Succeeds()
	switch {
	case t.site.field != "" && t.isPage():
		p := t.noAPI(errPage)
		p.Status = 0
		return p
	case t.err != nil && !httpx.Unreadable(t.err):
		return &Error{Kind: Unreachable, Err: t.err}
	case path == nil && !errors.Is(t.err, httpx.ErrCoding):
		return nil
	}
	var answer any
	d := json.NewDecoder(strings.NewReader(string(t.res.Body)))
	d.UseNumber()
	if t.err != nil || d.Decode(&answer) != nil {
		p := t.noAPI(errors.Join(errNoJSON, t.err))
		p.Status = 0
		return p
	}
	if !holds(answer, path, want) {
		return &Error{Kind: WrongCredential, Err: errNoMember}
	}
	return nil
}

// holds reports whether path leads to a value in answer whose text is want or, where want is empty,
// to one that is not null.
func holds(answer any, path []string, want string) bool {
	for _, name := range path {
		reached := children(answer, name)
		if len(reached) == 0 {
			return false
		}
		answer = reached[0]
	}
	if want == "" {
		return answer != nil
	}
	return says(answer, want, func(x, y string) bool { return x == y })
}

// isPage reports whether the answer is for people. No API of the catalog answers its verify request
// so.
func (t *trial) isPage() bool {
	kind, _, err := mime.ParseMediaType(t.res.Header.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}

// isHostName reports whether host can be shown: a name with a port or without.
func isHostName(host string) bool {
	const most = 253 + len(":65535")
	return host != "" && len(host) <= most &&
		strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-:") == ""
}
