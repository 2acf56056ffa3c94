package inject

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// keyApp has one secret field, api_key, and p for a placement.
func keyApp(upstream string, p *catalog.Placement) *catalog.App {
	return &catalog.App{
		Slug: "app", AuthType: string(vending.APIKey), Upstream: upstream, Placement: p,
		Fields: []catalog.Field{{Name: "api_key", Secret: true}, {Name: "sub"}},
	}
}

func mustPlace(t testing.TB, app *catalog.App) *Placement {
	t.Helper()
	p, err := NewPlacement(app)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func headers(pairs ...string) *catalog.Placement {
	p := &catalog.Placement{Header: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		p.Header[pairs[i]] = pairs[i+1]
	}
	return p
}

func TestPlacementErrors(t *testing.T) {
	const base = "https://api.example.com"
	for _, c := range []struct {
		name string
		app  *catalog.App
		want string
	}{
		{"no placement", keyApp(base, nil), "no placement"},
		{"header name", keyApp(base, headers("X Key", "{api_key}")), "is invalid: write a name"},
		{"header template", keyApp(base, headers("X-Key", "{nope}")), "header X-Key: "},
		{"query template", keyApp(base, &catalog.Placement{Query: map[string]string{"k": "{"}}), "query k: "},
		{"basic user name", keyApp(base, &catalog.Placement{Basic: &catalog.Basic{Username: "{x}"}}), "basic user name: "},
		{"basic password", keyApp(base, &catalog.Placement{Basic: &catalog.Basic{Username: "u", Password: "}"}}),
			"basic password: "},
		{"path prefix", keyApp(base, &catalog.Placement{PathPrefix: "/{x}"}), "path prefix: "},
		{"path prefix without a slash", keyApp(base, &catalog.Placement{PathPrefix: "bot{api_key}"}), "must begin with /"},
		{"upstream without a scheme", keyApp("api.example.com", headers("X-Key", "{api_key}")), "absolute https URL"},
		{"upstream of another scheme", keyApp("ftp://api.example.com", headers("X-Key", "{api_key}")), "absolute https URL"},
		{"upstream with an unknown slot", keyApp("https://{x}.example.com", headers("X-Key", "{api_key}")), "upstream: "},
		{"token of an app without OAuth", keyApp(base, headers("Authorization", "{access_token}")),
			"{access_token} is not a declared field"},
		{"header app without fields", &catalog.App{Slug: "app", AuthType: string(vending.Header), Upstream: base},
			"no placement"},
		{"basic app without its fields", &catalog.App{Slug: "app", AuthType: string(vending.Basic), Upstream: base},
			"basic user name: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewPlacement(c.app); err == nil || !strings.HasPrefix(err.Error(), "app app: ") ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestDefaultPlacements(t *testing.T) {
	for _, c := range []struct {
		name string
		app  *catalog.App
		cred vending.Credential
		want http.Header
	}{
		{"OAuth", &catalog.App{AuthType: string(vending.OAuth)}, vending.NewOAuth("app", "tok", "bearer", time.Time{}),
			http.Header{"Authorization": {"Bearer tok"}}},
		{"OAuth of another type", &catalog.App{AuthType: string(vending.OAuth)},
			vending.NewOAuth("app", "tok", "MAC", time.Time{}), http.Header{"Authorization": {"MAC tok"}}},
		{"basic",
			&catalog.App{AuthType: string(vending.Basic), Fields: []catalog.Field{{Name: "username"}, {Name: "password"}}},
			testCredential("username", "u", "password", "p:w"), http.Header{"Authorization": {"Basic dTpwOnc="}}},
		{"header", &catalog.App{AuthType: string(vending.Header), Fields: []catalog.Field{{Name: "x-one"}, {Name: "X-Two"}}},
			testCredential("x-one", "1", "X-Two", "2"), http.Header{"X-One": {"1"}, "X-Two": {"2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.app.Slug, c.app.Upstream = "app", "https://api.example.com"
			got := sent(t, mustPlace(t, c.app), c.cred, "/x", nil)
			if len(got.Header) != len(c.want) {
				t.Errorf("headers %q, want %q", got.Header, c.want)
			}
			for name := range c.want {
				if got.Header.Get(name) != c.want.Get(name) {
					t.Errorf("headers %q, want %q", got.Header, c.want)
				}
			}
		})
	}
}

// sent is the request that goes out for a call with header h.
func sent(t testing.TB, p *Placement, cred vending.Credential, path string, h http.Header) *http.Request {
	t.Helper()
	inj, err := NewInjection(p, cred, path, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &http.Request{Method: "GET", Header: h}
	out, err := inj.request(in, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRequestLeavesTheCallersAlone(t *testing.T) {
	h := http.Header{"X-Key": {"mine"}, "Cookie": {"a"}, "Accept": {"*/*"}}
	out := sent(t, mustPlace(t, keyApp("https://api.example.com", headers("X-Key", "{api_key}"))),
		testCredential("api_key", "secret"), "/x", h)
	if len(h) != 3 || h.Get("X-Key") != "mine" || h.Get("Cookie") != "a" {
		t.Errorf("the caller's header became %q", h)
	}
	if len(out.Header) != 2 || out.Header.Get("X-Key") != "secret" || out.Header.Get("Accept") != "*/*" ||
		out.Host != "api.example.com" || out.URL.Host != out.Host {
		t.Errorf("the upstream would get %q at %s", out.Header, out.Host)
	}
}

func TestForget(t *testing.T) {
	inj, err := NewInjection(mustPlace(t, keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}"))),
		testCredential("api_key", "secret"), "/x", "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	inj.Overhang() // fills what is kept
	inj.Forget()
	if !inj.used[0].IsZero() || inj.hidden != nil || inj.base != "" {
		t.Errorf("kept %+v", inj)
	}
}

// TestOAuthClientsValues: what comes with the OAuth client is not the end user's to mend, wherever
// it is placed.
func TestOAuthClientsValues(t *testing.T) {
	app := &catalog.App{
		Slug: "app", AuthType: string(vending.OAuth), Upstream: "https://{region}.example.com",
		Fields: []catalog.Field{{Name: "region", From: catalog.FromClient},
			{Name: "key", Secret: true, From: catalog.FromClient}, {Name: "site"}},
		Placement: &catalog.Placement{
			Header: map[string]string{"Authorization": "Bearer {access_token}", "X-Key": "{key}"}, PathPrefix: "/{site}",
		},
		OAuth2: &catalog.OAuth2{TokenURL: "https://example.com/token"},
	}
	p, err := NewPlacement(app)
	if err != nil {
		t.Fatal(err)
	}
	for lacking, want := range map[string]vending.Code{"region": vending.InternalError, "key": vending.InternalError,
		"site": vending.NeedsReconnection, "none": ""} {
		var fields []vending.Field
		for _, f := range []vending.Field{{Name: "region", Value: "eu"}, {Name: "key", Value: "k"},
			{Name: "site", Value: "s"}} {
			if f.Name != lacking {
				fields = append(fields, f)
			}
		}
		err := p.Check(vending.NewOAuth("app", "token", "", time.Time{}, fields...))
		if got := signCode(err); got != want || err != nil && !strings.Contains(err.Error(), lacking) {
			t.Errorf("without %s: %v", lacking, err)
		}
	}
}
