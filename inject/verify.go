package inject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// ErrNoVerify says that the catalog has no request by which a credential of the app could be tried.
var ErrNoVerify = errors.New("the app has no verify request")

// Check reports why no call could go out with cred, a *FieldError if a field of it is to blame.
func (p *Placement) Check(cred vending.Credential) error {
	inj, err := NewInjection(p, cred, "/", "", false, nil)
	if err == nil {
		err = inj.rehearse(&http.Request{Method: http.MethodGet, Header: http.Header{}})
	}
	return blame(p.app, err)
}

// Verify makes the catalog's verify request with cred, to be sent by a [Transport]: what the
// upstream gets is placed, escaped and signed as in any call. It refuses what Check does, and a
// field that cannot stand where the verify request wants it, before anything is dialled. An
// upstream's 401 is the answer: the transport vends no other credential. Without a verify request
// it is ErrNoVerify.
func (p *Placement) Verify(ctx context.Context, cred vending.Credential) (*http.Request, error) {
	if p.app.Verify == nil {
		return nil, ErrNoVerify
	}
	t, err := parseVerify(p.app.Verify)
	if err != nil {
		return nil, fmt.Errorf("app %s: verify: %w", p.app.Slug, err)
	}
	inj, r, err := t.fill(ctx, p, cred)
	if err == nil {
		err = inj.rehearse(r)
	}
	if err != nil {
		return nil, blame(p.app, err)
	}
	return r.WithContext(WithInjection(ctx, inj)), nil
}

// rehearse makes the upstream request and drops it, so that what it refuses is told from what the
// network does.
func (inj *Injection) rehearse(r *http.Request) error {
	if _, err := inj.request(r, time.Now()); err != nil {
		return err
	}
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody() // signing may have read it
	r.Body = body
	return err
}

// verifyTemplates is an app's verify request, compiled. It is needed once a connection, so that no
// placement keeps it.
type verifyTemplates struct {
	method            string
	path, query, body template
	hasQuery          bool
	headers           []named
}

// parseVerify compiles v. The catalog's check has seen to it that every field is declared.
func parseVerify(v *catalog.Verify) (t verifyTemplates, err error) {
	declared := func(string) bool { return true }
	path, query, hasQuery := strings.Cut(v.Path, "?") // no name of a field has one
	t.method, t.hasQuery = v.Method, hasQuery
	if t.method == "" {
		t.method = http.MethodGet
	}
	for _, part := range []struct {
		into *template
		text string
	}{{&t.path, path}, {&t.query, query}, {&t.body, v.Body}} {
		if *part.into, err = parseTemplate(part.text, declared); err != nil {
			return t, err
		}
	}
	for _, name := range sortedKeys(v.Headers) {
		value, err := parseTemplate(v.Headers[name], declared)
		if err != nil {
			return t, err
		}
		t.headers = append(t.headers, named{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return t, nil
}

// fill makes the request that a caller of the gateway would send.
func (t verifyTemplates) fill(ctx context.Context, p *Placement, cred vending.Credential) (*Injection, *http.Request,
	error) {
	path, err := t.path.fill(cred, pathSegment)
	if err != nil {
		return nil, nil, err
	}
	query, err := t.query.fill(cred, queryValue)
	if err != nil {
		return nil, nil, err
	}
	body, err := t.body.fill(cred, jsonString)
	if err != nil {
		return nil, nil, err
	}
	if host := p.app.Verify.Host; host != "" {
		path = extraPrefix + host + path
	}
	inj, err := NewInjection(p, cred, path, query, t.hasQuery, nil)
	if err != nil {
		return nil, nil, err
	}
	r, err := p.newVerifyRequest(ctx, t.method, body)
	if err != nil {
		return nil, nil, err
	}
	inj.Outline(r)
	for _, h := range t.headers {
		value, err := h.value.fill(cred, headerText)
		if err != nil {
			return nil, nil, err
		}
		r.Header[h.name] = []string{value}
	}
	return inj, r, nil
}

func (p *Placement) newVerifyRequest(ctx context.Context, method, body string) (*http.Request, error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, "/", content)
	if err != nil {
		return nil, fmt.Errorf("making the verify request: %w", err)
	}
	if len(p.defaults["User-Agent"]) == 0 {
		r.Header.Set("User-Agent", "vendgate") // some APIs refuse the one of net/http
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}
