package pipedream

import (
	"errors"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// target makes the upstream's URL as a call of the proxy names it.
type target struct {
	app     *catalog.App
	connect connect
}

// newTarget refuses apps that Pipedream's proxy does not call, or calls at another host than the
// catalog has: before anything is sent.
func newTarget(app *catalog.App, c connect) (target, error) {
	t := target{app, c}
	if c.disabled {
		return t, noProxy("the proxy of Pipedream does not serve app %s (proxy_enabled is false)", app.Slug)
	}
	if !c.dynamic() {
		return t, nil
	}
	ours := ourHost(app)
	host, path := c.hostAndPath()
	if !overlap(ours, host) || strings.ContainsAny(path, "*?#") || strings.Contains(path+host, "{{") {
		return t, noProxy("the proxy of Pipedream calls app %s at other addresses than %s", app.Slug, app.Upstream)
	}
	return t, nil
}

// ourHost is the host of the app's upstream, each field in it as `*`.
func ourHost(app *catalog.App) string {
	_, rest, _ := strings.Cut(app.Upstream, "://")
	host, _ := cutAuthority(rest)
	for _, f := range app.Fields {
		host = strings.ReplaceAll(host, "{"+f.Name+"}", "*")
	}
	return strings.ToLower(host)
}

// of returns the target of r: a path, which Pipedream resolves against the account's own address,
// where that is how it knows the app, else the URL as the upstream would have got it.
func (t target) of(r *http.Request) (string, error) {
	uri := r.URL.RequestURI()
	if strings.Contains(unescape(uri), "{{") {
		return "", refuse("which may read {{ in a URL as a placeholder")
	}
	if t.connect.dynamic() {
		return t.relative(r.URL.Host, uri)
	}
	if !t.connect.allows(r.URL.Host) {
		return "", noProxy("the proxy of Pipedream does not call %s for app %s (allowed_domains)", r.URL.Host, t.app.Slug)
	}
	return r.URL.Scheme + "://" + r.URL.Host + uri, nil
}

func (t target) relative(host, uri string) (string, error) {
	besides := t.app.Beside != nil && t.app.Beside.Host == host
	if besides || t.app.HasExtraHost(host) {
		return "", noProxy("the proxy of Pipedream calls app %s at the account's own host, and not at %s", t.app.Slug, host)
	}
	_, base := t.connect.hostAndPath()
	rest, below := strings.CutPrefix(uri, base)
	switch path, _, _ := strings.Cut(rest, "?"); {
	case !strings.HasPrefix(uri, "/"):
		return "", vending.Errorf(vending.InternalError, errors.New("the upstream's path is not absolute"))
	case !below || path != "" && path[0] != '/':
		return "", noProxy("the proxy of Pipedream calls app %s below %s alone", t.app.Slug, base)
	case leadsAway(path), leadsAway(uri):
		return "", refuse("which refuses a path that begins with two slashes")
	case path == "":
		rest = "/" + rest
	}
	return rest, nil
}
