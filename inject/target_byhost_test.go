package inject

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// hostApp has a base path, two extra hosts of which one has a label, and something beside its API.
func hostApp() *catalog.App {
	app := keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}"))
	app.ExtraHosts = []string{"files.example.com", "uploads.example.com:8443"}
	app.HostLabels = map[string]string{"files": "files.example.com"}
	app.Beside = &catalog.Beside{Paths: []string{"/*/*.git/**"}}
	return app
}

func TestPathByHost(t *testing.T) {
	bare := keyApp("https://api.example.com", headers("X-Key", "{api_key}"))
	for name, c := range map[string]struct {
		app              *catalog.App
		label, raw, want string
	}{
		"below the base":       {hostApp(), "", "/v1/users/a%2Fb", "/users/a%2Fb"},
		"the base alone":       {hostApp(), "", "/v1", ""},
		"the base and a slash": {hostApp(), "", "/v1/", "/"},
		"the base twice":       {hostApp(), "", "/v1/v1/x", "/v1/x"},
		"two slashes behind":   {hostApp(), "", "/v1//x", "//x"},
		"a labelled host":      {hostApp(), "files", "/v1/files", "/~files.example.com/v1/files"},
		"its root":             {hostApp(), "files", "/", "/~files.example.com/"},
		"its path with a tilde": {hostApp(), "files", "/~uploads.example.com:8443/x",
			"/~files.example.com/~uploads.example.com:8443/x"},
		"a host in the path":     {hostApp(), "", "/~uploads.example.com:8443/x", "/~uploads.example.com:8443/x"},
		"an undeclared host":     {hostApp(), "", "/~evil.example/x", "/~evil.example/x"}, // Split refuses it
		"beside the API":         {hostApp(), "", "/group/repo.git/info/refs", "/~/group/repo.git/info/refs"},
		"beside the API, marked": {hostApp(), "", "/~/group/repo.git/info/refs", "/~/group/repo.git/info/refs"},
		"no base":                {bare, "", "//a/../~x", "//a/../~x"},
		"no base, a tilde":       {bare, "", "/~user", "/~user"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := mustPlace(t, c.app).PathByHost(c.label, c.raw); got != c.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestPathByHostRefuses(t *testing.T) {
	plain := keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}"))
	for name, c := range map[string]struct {
		app        *catalog.App
		label, raw string
		code       vending.Code
		within     string
	}{
		"outside of the base":      {hostApp(), "", "/v2/users", vending.InvalidRequest, "begin with /v1"},
		"a base that begins alike": {hostApp(), "", "/v1x/users", vending.InvalidRequest, "begin with /v1"},
		"a parameter of the base":  {hostApp(), "", "/v1;a=b/users", vending.InvalidRequest, "begin with /v1"},
		"the base spelt otherwise": {hostApp(), "", "/%761/users", vending.InvalidRequest, "begin with /v1"},
		"the base in upper case":   {hostApp(), "", "/V1/users", vending.InvalidRequest, "begin with /v1"},
		"two slashes in front":     {hostApp(), "", "//v1/users", vending.InvalidRequest, "begin with /v1"},
		"the root":                 {hostApp(), "", "/", vending.InvalidRequest, "begin with /v1"},
		"a place behind the base": {hostApp(), "", "/v1/~files.example.com/x", vending.InvalidRequest,
			"cannot begin with ~"},
		"that, spelt otherwise": {hostApp(), "", "/v1//%7efiles.example.com/x", vending.InvalidRequest,
			"cannot begin with ~"},
		"what is not declared":        {hostApp(), "", "/group/other", vending.InvalidRequest, "begin with /v1"},
		"a tilde without places":      {plain, "", "/~user", vending.InvalidRequest, "begin with /v1"},
		"an unknown label":            {hostApp(), "uploads", "/", vending.UnknownApp, "it has files"},
		"a label of an app with none": {plain, "files", "/", vending.UnknownApp, "no host_labels"},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := mustPlace(t, c.app).PathByHost(c.label, c.raw)
			var refused *vending.Error
			if path != "" || !errors.As(err, &refused) || refused.Code != c.code || !strings.Contains(err.Error(), c.within) {
				t.Errorf("%q, %v", path, err)
			}
		})
	}
}

// byHost is the gateway of a caller that named the app by host, at the label.
func byHost(label string) func() Gateway {
	origin := func(label string) string {
		if label != "" {
			label = "--" + label
		}
		return "https://app" + label + ".gw.example"
	}
	return func() Gateway {
		own := func(name string) bool { return strings.HasSuffix(name, ".gw.example") || name == "gw.example" }
		return Gateway{Origin: origin(label), OriginOf: origin, Own: own}
	}
}

func injectionTo(t *testing.T, app *catalog.App, path string) *Injection {
	t.Helper()
	inj, err := NewInjection(mustPlace(t, app), testCredential("api_key", "t:k"), path, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return inj
}

func TestLinksByHost(t *testing.T) {
	const main, files = "https://app.gw.example", "https://app--files.gw.example"
	for _, c := range []struct{ name, label, path, raw, want string }{
		{"absolute", "", "/x", "https://api.example.com/v1/a?p=2#f", main + "/v1/a?p=2#f"},
		{"the base alone", "", "/x", "https://api.example.com/v1", main + "/v1"},
		{"a path", "", "/x", "/v1/a%2Fb", "/v1/a%2Fb"},
		{"relative", "", "/x", "next?p=2", "next?p=2"},
		{"relative to the host alone", "", "", "next", "https://api.example.com/next"},
		{"a query", "", "/x", "?p=2", "?p=2"},
		{"a labelled host", "", "/x", "https://files.example.com/f", files + "/f"},
		{"its root", "", "/x", "https://files.example.com", files},
		{"a host without a label", "", "/x", "https://uploads.example.com:8443/f", main + "/~uploads.example.com:8443/f"},
		{"beside the API", "", "/x", "https://api.example.com/g/r.git/info", main + "/g/r.git/info"},
		{"outside of the API", "", "/x", "https://api.example.com/v2/a", "https://api.example.com/v2/a"},
		{"a path outside of the API", "", "/x", "/v2/a", "https://api.example.com/v2/a"},

		{"from the labelled host to the main", "files", "/~files.example.com/x", "https://api.example.com/v1/a",
			main + "/v1/a"},
		{"from the labelled host, a path", "files", "/~files.example.com/x", "/f", "/f"},
		{"from the labelled host, relative", "files", "/~files.example.com/a/x", "next", "next"},
		{"from the labelled host, two slashes", "files", "/~files.example.com/x", "/.//evil.example/f",
			files + "//evil.example/f"},
		{"from the host in the path, a path", "", "/~files.example.com/x", "/f", files + "/f"},
		{"from the host in the path, relative", "", "/~files.example.com/a/x", "next", files + "/a/next"},
		{"from a host without a label, a path", "", "/~uploads.example.com:8443/x", "/f", "/~uploads.example.com:8443/f"},
		{"from beside the API, a path", "", "/~/g/r.git/x", "/g/r.git/info", "/g/r.git/info"},

		{"the gateway itself", "", "/x", "https://app.gw.example/v1/a", ""},
		{"another app", "", "/x", "https://other.gw.example/a", ""},
		{"another app, another port", "", "/x", "http://OTHER.gw.example.:99/a", ""},
		{"the domain", "", "/x", "//gw.example/connect/x", ""},
		{"another app behind a backslash", "", "/x", `https://evil.example\@Other.gw.example/a`, ""},
		{"a host that ends alike", "", "/x", "https://xgw.example/a", "https://xgw.example/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := injectionTo(t, hostApp(), c.path).rewriteURL(c.raw, byHost(c.label)); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

// TestLinksByHostPrefix: what the connection fills in is no part of the caller's path, and must not
// leave an authority or nothing in front of the rest.
func TestLinksByHostPrefix(t *testing.T) {
	app := keyApp("https://api.example.com", &catalog.Placement{PathPrefix: "/bot{api_key}"})
	for raw, want := range map[string]string{
		"/bott:k/getMe":                        "/getMe",
		"https://api.example.com/bott:k/a":     "https://app.gw.example/a",
		"https://api.example.com/bott:k":       "https://app.gw.example",
		"/bott:k":                              "/",
		"/bott:k//evil.example/x":              "https://app.gw.example//evil.example/x",
		"https://api.example.com/file/bott:k/": "https://api.example.com/file/bott:k/",
	} {
		if got := injectionTo(t, app, "/x").rewriteURL(raw, byHost("")); got != want {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	}
}

// TestLinksToOwnNames: by path, too, no link leads to a name of the gateway's by which it would
// take a call.
func TestLinksToOwnNames(t *testing.T) {
	gw := func() Gateway {
		g := testGateway()
		g.Own = byHost("")().Own
		return g
	}
	inj := injectionTo(t, hostApp(), "/x")
	h := http.Header{"Location": {"https://other.gw.example/a"},
		"Link": {"<https://app.gw.example/b>; rel=next, <https://api.example.com/v1/c>; rel=last"}}
	inj.RewriteLinks(h, gw)
	if len(h["Location"]) > 0 || h.Get("Link") != "<https://gw.example/proxy/c/app/c>; rel=last" {
		t.Errorf("%q", h)
	}
}

// TestLinksBackByHost: what a link leads to is the call that the gateway reads from it.
func TestLinksBackByHost(t *testing.T) {
	p := mustPlace(t, hostApp())
	for label, raws := range map[string][]string{
		"":      {"/v1", "/v1/", "/v1/a//b", "/g/r.git/info", "/~uploads.example.com:8443/f", "/v1/a/~b"},
		"files": {"/", "/a", "//a", "/~x"},
	} {
		for _, raw := range raws {
			path, err := p.PathByHost(label, raw)
			if err != nil {
				t.Fatal(err)
			}
			if origin, back := byHost(label)().placed(p, path); origin != byHost(label)().Origin || back != raw {
				t.Errorf("%s at %q is %q, and leads to %s%s", raw, label, path, origin, back)
			}
		}
	}
}

func TestMayCallGatewayByHost(t *testing.T) {
	isApp := func(slug string) bool { return slug == "mail" }
	for upstream, want := range map[string]bool{
		"https://mail.gw.example": true, "https://mail--files.gw.example": true, "https://MAIL.gw.example": true,
		"https://gmail.gw.example": false, "https://gw.mail.example": false,
	} {
		if got := injectionTo(t, keyApp(upstream, headers("X-Key", "{api_key}")), "/x").MayCallGateway(isApp); got != want {
			t.Errorf("%s: %t", upstream, got)
		}
	}
}
