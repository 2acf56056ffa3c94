// Package vendgate lets a provider's own client library reach its API through a Vendgate gateway,
// where the library has the provider's hosts hard-coded or calls several of them: give it an
// http.Client with a [Transport].
//
// It must never send the key, or anything else of a request, to another host than the gateway. It
// imports nothing but the standard library.
package vendgate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Options say what a Transport is for.
type Options struct {
	// Gateway is the URL of the gateway, https://gateway.example.com. It must be https, but for
	// loopback.
	Gateway string
	// AllowHTTP allows plain http to other hosts than loopback. The key then travels unprotected.
	AllowHTTP bool
	// Key is a caller key, ck_…, or the tenant key, pk_live_….
	Key string
	// Email names the end user whom calls act for; a caller key needs none.
	Email string
	// Connection is the connection's id, and App the slug of its app.
	Connection, App string
	// Hosts are the app's. Nil means to ask for them at the first call.
	Hosts []Host
	// Fields are the connection's open ones. Nil means to ask for them where hosts depend on them and
	// the key may, which a caller key may not.
	Fields map[string]string
	// Errors is empty, or `passthrough`: the provider's errors are then left as they are.
	Errors string
	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper
}

// Transport sends requests for an app's hosts to the gateway, with path and query byte for byte,
// and refuses all others by a *[RefusedError], as it does where a redirect leads to one. It may be
// used concurrently.
type Transport struct {
	options Options
	root    target
	base    http.RoundTripper
	learned learned
}

var _ http.RoundTripper = (*Transport)(nil)

// String names the Transport without its key and its end user, which fmt would show otherwise.
func (t *Transport) String() string { return t.options.String() }

// GoString is for the verb %#v.
func (t *Transport) GoString() string { return t.options.String() }

// String leaves Key and Email out.
func (o Options) String() string {
	return fmt.Sprintf("vendgate: connection %s of %s at %s", o.Connection, o.App, o.Gateway)
}

// GoString is for the verb %#v.
func (o Options) GoString() string { return o.String() }

// New returns a Transport. It sends no request yet.
func New(o Options) (*Transport, error) {
	root, err := o.root()
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Connection": o.Connection, "App": o.App} {
		if value == "" || value == "." || value == ".." {
			return nil, fmt.Errorf("vendgate: %s %q cannot be part of a path", name, value)
		}
	}
	if o.Key == "" || strings.ContainsFunc(o.Key+o.Email, func(r rune) bool { return isControl(r) || r > '~' }) {
		return nil, errors.New("vendgate: Key is required, and Key and Email may hold only visible ASCII characters")
	}
	if o.Errors != "" && o.Errors != "passthrough" {
		return nil, fmt.Errorf("vendgate: Errors %q is unknown: write passthrough, or leave it out", o.Errors)
	}
	t := &Transport{options: o, root: root, base: o.Base}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	return t, nil
}

// root checks the gateway's URL.
func (o *Options) root() (target, error) {
	u, err := url.Parse(o.Gateway)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return target{},
			errors.New("vendgate: Gateway must be an absolute URL of scheme, host and path, like https://gateway.example.com")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && (o.AllowHTTP || isLoopback(u.Hostname()))) {
		return target{},
			errors.New("vendgate: Gateway must be https, since the key travels there; plain http is for loopback, or with " +
				"AllowHTTP")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return parse(u.String())
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := t.target(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as the interface wants; the error is the refusal's
		}
		return nil, err
	}
	call := r.Clone(r.Context())
	call.URL, call.Host = to, ""
	if call.Header == nil {
		call.Header = http.Header{}
	}
	call.Trailer = r.Trailer // its values are set while the body is read, so that a copy would miss them
	t.setHeaders(call.Header)
	response, err := t.base.RoundTrip(call)
	if response != nil {
		response.Request = r // clients resolve Location against the URL that they asked for
	}
	return response, err
}

// CloseIdleConnections is for http.Client's method of that name.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (t *Transport) target(r *http.Request) (*url.URL, error) {
	if r.URL == nil {
		return nil, errors.New("vendgate: the request has no URL")
	}
	hosts, err := t.hosts(r.Context())
	if err != nil {
		return nil, err
	}
	to, err := hosts.find(r.URL.String())
	if err != nil {
		return nil, err
	}
	return url.Parse(to)
}

// setHeaders puts ours in place of the caller's placeholders for them.
func (t *Transport) setHeaders(h http.Header) {
	own := map[string]string{"Authorization": "Bearer " + t.options.Key, "X-Vendgate-Key": ""}
	if t.options.Email != "" {
		own["X-User-Email"] = t.options.Email
	}
	if t.options.Errors != "" {
		own["Vendgate-Errors"] = t.options.Errors
	}
	for name := range h {
		if _, ok := own[http.CanonicalHeaderKey(name)]; ok {
			delete(h, name) // in whatever case: keys that were set without Set count, too
		}
	}
	for name, value := range own {
		if value != "" {
			h[name] = []string{value}
		}
	}
}

// AppHosts asks the gateway of o for the hosts of its app. The tenant of its Key needs the
// capability apps.
func AppHosts(ctx context.Context, o Options) ([]Host, error) {
	o.Connection, o.Hosts = "none", nil
	t, err := New(o)
	if err != nil {
		return nil, err
	}
	return t.askHosts(ctx)
}
