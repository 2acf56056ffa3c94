package authorize

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log. None repeats what the provider sent.
var (
	errNoCapture = errors.New("the response of the provider lacks the value, or has it in another format")
	errOtherForm = errors.New("the value in the response does not match the capture's pattern")
	errNotJSON   = errors.New("the response is not valid JSON")
)

const (
	// maxCaptured bounds a captured value, in bytes.
	maxCaptured = 2 << 10
	// maxCaptureAnswer bounds the answer to a call, in bytes.
	maxCaptureAnswer = 256 << 10
)

// authorized is what the provider sent when an end user authorized an app.
type authorized struct {
	values connect.GrantValues
	// token is the token endpoint's answer as JSON, and query the callback's.
	token vending.Secret
	query url.Values
}

// capture finds the values of app's fields from the grant, and returns all of the grant's fields in
// the app's order. URLs are asked in ctx, each once whatever is found in its answer.
func (a *Authorizer) capture(ctx context.Context, app *catalog.App, client connect.OAuthClient,
	given authorized) ([]vending.Field, error) {
	fields := slices.Clone(given.values.Fields)
	answers := map[string]any{}
	for _, c := range app.OAuth2.Capture {
		value, err := a.captureOne(ctx, app, client, c, given, answers)
		if err != nil {
			return nil, err
		}
		fields = append(fields, vending.Field{Name: c.Field, Value: value})
	}
	order := func(f vending.Field) int {
		return slices.IndexFunc(app.Fields, func(known catalog.Field) bool { return known.Name == f.Name })
	}
	slices.SortStableFunc(fields, func(x, y vending.Field) int { return order(x) - order(y) })
	return fields, nil
}

func (a *Authorizer) captureOne(ctx context.Context, app *catalog.App, client connect.OAuthClient, c catalog.Capture,
	given authorized, answers map[string]any) (string, error) {
	if c.From == catalog.CaptureCallback {
		return a.value(app, c, given.query.Get(c.Path)) // which readCallback has seen once at most
	}
	answer, known := answers[c.URL]
	if !known {
		var err error
		if answer, err = a.captureSource(ctx, app, client, c, given); err != nil {
			return "", err
		}
		answers[c.URL] = answer
	}
	return a.value(app, c, lookup(answer, c.Path, given.values.Fields))
}

// checkCallback reports a value that the callback lacks, before its code is spent on useless
// tokens.
func (a *Authorizer) checkCallback(app *catalog.App, query url.Values) error {
	for _, c := range app.OAuth2.Capture {
		if c.From != catalog.CaptureCallback {
			continue
		}
		if _, err := a.value(app, c, query.Get(c.Path)); err != nil {
			return err
		}
	}
	return nil
}

// value is what c takes of text.
func (a *Authorizer) value(app *catalog.App, c catalog.Capture, text string) (string, error) {
	value := text
	if c.Pattern != "" {
		value = cmp.Or(catalog.Find(c.Pattern, plainAddress(text)), namedHost(app, c.Field, plainAddress(text)))
	}
	if value == "" && text != "" && len(text) <= maxCaptured {
		a.o.Logger.Warn("the provider named an account of another format than its app's: to accept it, "+
			"widen the capture's pattern and the host that it fills, in an app of your own",
			"app", app.Slug, "field", c.Field, "from", c.From, "pattern", c.Pattern)
		return "", newError(app, Error{Kind: UnsupportedAccount, Field: c.Field, Err: errOtherForm})
	}
	if value == "" || len(value) > maxCaptured {
		a.o.Logger.Warn("the response of the provider lacks a value that its app needs", "app", app.Slug, "field", c.Field,
			"from", c.From)
		if chosen := c.ChosenBy(); len(chosen) > 0 {
			return "",
				newError(app,
					Error{Kind: InvalidField, Field: chosen[0], Err: errNoCapture, reason: "is not one that you gave access to"})
		}
		return "", newError(app, Error{Kind: NoAccount, Field: c.Field, Err: errNoCapture})
	}
	return value, nil
}

// captureSource returns the JSON that c looks into: the token endpoint's answer, or that of a call.
func (a *Authorizer) captureSource(ctx context.Context, app *catalog.App, client connect.OAuthClient, c catalog.Capture,
	given authorized) (answer any, err error) {
	if c.From == catalog.CaptureToken {
		answer, err = parse(given.token.Reveal())
		return answer, err
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	status, body, err := a.call(bounded, app, client, c.URL, given.values)
	var unplaced *Error
	switch {
	case errors.As(err, &unplaced): // nothing was sent: no call can carry the token
		return nil, err
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return nil, fmt.Errorf("asking %s for the account: %w", app.Slug, err)
	case errors.Is(err, httpx.ErrTooLarge):
		return nil, newError(app, Error{Kind: NoAccount, Field: c.Field, Status: status, Err: err})
	case errors.Is(err, httpx.ErrCoding) && status < 500:
		return nil, newError(app, Error{Kind: Malformed, Status: status, Err: err})
	}
	if p := classifyStatus(status); p != nil {
		if p.Kind == WrongCredential { // it is the provider's own, a second old
			p.Kind = NoAccount
		}
		p.Status, p.Err = status, err
		a.o.Logger.Warn("the response of the provider lacks a value that its app needs", "app", app.Slug, "field", c.Field,
			"status", status,
			"error", err)
		return nil, newError(app, *p)
	}
	if answer, err = parse(body); err != nil {
		return nil, newError(app, Error{Kind: NoAccount, Field: c.Field, Status: status, Err: err})
	}
	return answer, nil
}

// call asks target by GET with the new token, where the app places it.
func (a *Authorizer) call(ctx context.Context, app *catalog.App, client connect.OAuthClient, target string,
	v connect.GrantValues) (status int, body string, err error) {
	probe, err := captureProbe(app, target)
	if err != nil {
		return 0, "", err
	}
	placement, err := inject.NewPlacement(probe)
	if err != nil {
		return 0, "", fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	r, err := placement.Verify(ctx, credential(app, v, client.FieldsOf(app)))
	if err != nil {
		return 0, "", placementError(app, err)
	}
	res, err := httpx.Do(a.injecting(app), r, maxCaptureAnswer)
	switch {
	case res == nil:
		return 0, "", callingUpstream(err)
	case httpx.Unreadable(err):
		return res.Status, "", err
	case err != nil:
		return 0, "", fmt.Errorf("reading the account: %w", err)
	}
	return res.Status, string(res.Body), nil
}

// captureProbe is app with the capture's URL for its verify request. Of the placement it leaves out
// what is not known yet and what belongs to the upstream's paths; where nothing is left that holds
// the token, it goes into `Authorization`.
func captureProbe(app *catalog.App, target string) (*catalog.App, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("reading the capture's url of %s: %w", app.Slug, err)
	}
	probe := *app
	probe.Upstream, probe.ExtraHosts, probe.Sign = u.Scheme+"://"+u.Host, nil, nil
	probe.Verify = &catalog.Verify{Path: literal(u.RequestURI()), Headers: map[string]string{"Accept": "application/json"}}
	if app.Placement == nil {
		return &probe, nil
	}
	placed := false
	keep := func(templates map[string]string) map[string]string {
		kept := map[string]string{}
		for name, template := range templates {
			if !needsGrant(app, template) {
				kept[name] = template
				placed = placed || strings.Contains(template, "{"+vending.AccessToken+"}")
			}
		}
		return kept
	}
	probe.Placement = &catalog.Placement{Header: keep(app.Placement.Header), Query: keep(app.Placement.Query)}
	if b := app.Placement.Basic; b != nil && !needsGrant(app, b.Username+b.Password) {
		probe.Placement.Basic, placed = b, true
	}
	if !placed {
		probe.Placement.Header["Authorization"] = "Bearer {" + vending.AccessToken + "}"
	}
	return &probe, nil
}

// literal writes text as a template without placeholders.
func literal(text string) string { return strings.NewReplacer("{", "{{", "}", "}}").Replace(text) }

// needsGrant reports whether a template names a field that is still to be captured.
func needsGrant(app *catalog.App, template string) bool {
	return slices.ContainsFunc(app.Fields, func(f catalog.Field) bool {
		return f.From == catalog.FromGrant && strings.Contains(template, "{"+f.Name+"}")
	})
}

// parse reads JSON, and keeps numbers as they are written.
func parse(text string) (answer any, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&answer) != nil {
		return nil, errNotJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return answer, nil
}

// plainAddress writes an https address as patterns expect it: scheme and host in lower case, no
// port that https has anyway, no dot at the host's end and no path of a slash alone (RFC 3986,
// section 6.2). Any other text stays.
func plainAddress(text string) string {
	trimmed := strings.TrimSpace(text)
	scheme, _, ok := strings.Cut(trimmed, "://")
	if !ok || !strings.EqualFold(scheme, "https") {
		return text
	}
	u, err := url.Parse(trimmed)
	if err != nil || u.User != nil {
		return text
	}
	u.Host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ".")
	if u.Path == "/" {
		u.Path = ""
	}
	return u.String()
}

// namedHost is the host of address, a plain one without a path, if that is one that a value of the
// field may name whole.
func namedHost(app *catalog.App, field, address string) string {
	host, ok := strings.CutPrefix(strings.TrimSuffix(address, "/"), "https://")
	if f, _ := fieldNamed(app, field); ok && f.NamesHost(host) {
		return host
	}
	return ""
}
