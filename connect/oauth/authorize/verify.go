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

// maxVerifyResponse bounds the answer to a verify request where its body is read, in bytes.
const maxVerifyResponse = 1 << 20

// Causes for the log.
var (
	errNoMember = errors.New("the response to the verify request lacks what it has for an accepted credential")
	errNoJSON   = errors.New("the response to the verify request is not valid JSON")
	errPage     = errors.New("the response to the verify request is a web page")
)

// verify sends the app's verify request with the credential of v, once, and returns what the answer
// calls the account, if it does. A nil error means that the credential was accepted; without such a
// request it is inject.ErrNoVerify, and everything else that the response may mean a *[Error].
func (a *Authorizer) verify(ctx context.Context, app *catalog.App, v connect.GrantValues) (account string, err error) {
	placement, err := inject.NewPlacement(app)
	if err != nil {
		return "", fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	r, err := placement.Verify(bounded, credential(app, v, nil))
	switch {
	case errors.Is(err, inject.ErrNoVerify):
		return "", err
	case err != nil:
		return "", placementError(app, err)
	}
	res, err := a.sendVerify(app, r)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return "", fmt.Errorf("verifying a credential of %s: %w", app.Slug, err)
	}
	t := verification{app: app, site: enteredHostOf(app, v), res: res, err: err}
	if p := t.classify(); p != nil {
		return "", newError(app, *p)
	}
	return t.account(v), nil
}

// sendVerify returns what the upstream answers r with, and its body only where that counts or may
// name the account. It follows no redirect.
func (a *Authorizer) sendVerify(app *catalog.App, r *http.Request) (*httpx.Response, error) {
	counts := func(status int, h http.Header) bool {
		return app.RefusalInBody(status, h) || app.Verify.AcceptanceInBody(status) ||
			app.Verify.Success != "" && is2xx(status)
	}
	res, err := httpx.Head(a.injecting(app), r, maxVerifyResponse, func(status int, h http.Header) bool {
		return counts(status, h) || app.Verify.Account != "" && is2xx(status)
	})
	switch {
	case err == nil:
		return res, nil
	case res != nil && !counts(res.Status, res.Header): // it goes without the account
		res.Body = nil
		return res, nil
	}
	return res, callingUpstream(err)
}

// injecting is the transport of requests that a placement made; nil where nothing may be dialled.
func (a *Authorizer) injecting(app *catalog.App) http.RoundTripper {
	base := httpx.Fresh(a.transport(app))
	if base == nil {
		return nil
	}
	return &inject.Transport{Base: base}
}

func callingUpstream(err error) error { return fmt.Errorf("calling the upstream: %w", err) }

func is2xx(status int) bool { return status >= 200 && status < 300 }

// classifyStatus says what the status of an answer to a request with a credential means, as far as
// that does not depend on the app; 0 is no answer. Nil is acceptance.
func classifyStatus(status int) *Error {
	switch {
	case is2xx(status):
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status < 300, status >= 500:
		return &Error{Kind: Unreachable}
	}
	return &Error{Kind: WrongCredential}
}

// verification is a verify request that was made.
type verification struct {
	app  *catalog.App
	site enteredHost
	res  *httpx.Response // nil without an answer
	err  error
}

// classify says what the answer means. Nil is acceptance.
func (t *verification) classify() *Error {
	if t.res == nil {
		return t.unreachable()
	}
	v, status := t.app.Verify, t.res.Status
	p := classifyStatus(status)
	switch {
	case t.app.TooMany(status, t.res.Header):
		return &Error{Kind: Unreachable, Status: status}
	case v.Accepts(status, t.res.Body):
		return nil
	case t.app.RefusesCredential(status, t.res.Header, t.res.Body), slices.Contains(v.Wrong, status):
		return &Error{Kind: WrongCredential, Status: status}
	case p == nil:
		return t.classifySuccess()
	case p.Kind == Unreachable:
		p.Status, p.Err = status, t.err
		return p
	case t.redirects(), t.notFound():
		return t.wrongHost(nil)
	case v.Inconclusive, status == http.StatusPaymentRequired:
		return &Error{Kind: Unconfirmed, Status: status}
	}
	return &Error{Kind: WrongCredential, Status: status}
}

// unreachable is the problem that nothing answered. Of a host that was entered, the name may be
// wrong.
func (t *verification) unreachable() *Error {
	if t.site.field == "" {
		return &Error{Kind: Unreachable, Err: t.err}
	}
	return &Error{Kind: HostUnreachable, Field: t.site.field, host: t.site.host, Err: t.err}
}

// redirects reports whether the answer leads to another address. Where every failure proves
// something, at a host of the provider's own, that is where people sign in.
func (t *verification) redirects() bool {
	return t.res.Status < 400 && (t.site.field != "" || t.app.Verify.Inconclusive)
}

// notFound reports whether an answer shows that no API of the app's is at the host that was
// entered: it has no such resource. Of a host below the provider's own name, an answer for programs
// may still be the API's, for want of a permission.
func (t *verification) notFound() bool {
	switch t.res.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return t.site.any || t.site.field != "" && t.isPage()
	}
	return false
}

// wrongHost is the problem that something else than the app's API answered.
func (t *verification) wrongHost(err error) *Error {
	p := &Error{Kind: WrongHost, Field: t.site.field, Status: t.res.Status, host: t.site.host, Err: err}
	if t.site.field == "" {
		p.Kind = Malformed
		return p
	}
	to, parseErr := url.Parse(t.res.Header.Get("Location"))
	if parseErr == nil && t.res.Status < 400 && isHostName(to.Host) && !strings.EqualFold(to.Host, p.host) {
		p.to = strings.ToLower(to.Host)
	}
	return p
}

// classifySuccess classifies a response of status 2xx. One that is too large to be read
// whole is not a refusal: those are short.
func (t *verification) classifySuccess() *Error {
	path, want := t.app.Verify.Succeeds()
	switch {
	case t.site.field != "" && t.isPage():
		p := t.wrongHost(errPage)
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
		p := t.wrongHost(errors.Join(errNoJSON, t.err))
		p.Status = 0
		return p
	}
	if !holds(answer, path, want) {
		return &Error{Kind: WrongCredential, Err: errNoMember}
	}
	return nil
}

// account is what the answer to an accepted credential calls the account of v.
func (t *verification) account(v connect.GrantValues) string {
	if !is2xx(t.res.Status) || t.err != nil {
		return ""
	}
	return accountIn(t.app, t.app.Verify.Account, string(t.res.Body), v)
}

// accountIn is the name of an account to which path leads in an answer, unless it repeats a secret
// of v: the name is shown to people.
func accountIn(app *catalog.App, path, body string, v connect.GrantValues) string {
	if path == "" {
		return ""
	}
	answer, err := parse(body)
	if err != nil {
		return ""
	}
	secrets := []string{v.AccessToken, v.RefreshToken}
	for _, f := range v.Fields {
		if known, declared := fieldNamed(app, f.Name); known.Secret || !declared {
			secrets = append(secrets, f.Value)
		}
	}
	name := lookup(answer, path, nil)
	if slices.ContainsFunc(secrets, func(s string) bool { return s != "" && strings.Contains(name, s) }) {
		return ""
	}
	return name
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
	return scalarEquals(answer, want, func(x, y string) bool { return x == y })
}

// isPage reports whether the response is a web page. No API of the catalog responds to its verify
// request so.
func (t *verification) isPage() bool {
	kind, _, err := mime.ParseMediaType(t.res.Header.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}
