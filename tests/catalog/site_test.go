package catalog_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/vending"
)

// asked are the URLs of requests that are answered as a site with other names would.
type asked []string

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	*a = append(*a, r.URL.String())
	body := `{"home":"http://www.example.com/blog","url":"http://www.example.com/blog/core","SiteURL":"https://chat.example.com","baseUrl":"http://jira:8080/jira"}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestPastedSites: what people copy from the address bar of software that they host, and which
// request tries their credential.
func TestPastedSites(t *testing.T) {
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ slug, pasted, want, names string }{
		{"wordpress", "https://example.com/blog/", "https://example.com/blog/wp-json/wp/v2/users/me",
			"www.example.com/blog www.example.com/blog/core"},
		{"wordpress", "https://example.com/blog/wp-admin/profile.php#application-passwords-section",
			"https://example.com/blog/wp-json/wp/v2/users/me", "www.example.com/blog www.example.com/blog/core"},
		{"wordpress", "example.com/wp-login.php?redirect_to=x", "https://example.com/wp-json/wp/v2/users/me",
			"www.example.com/blog www.example.com/blog/core"},
		{"wordpress", "https://example.com/wp-json/", "https://example.com/wp-json/wp/v2/users/me",
			"www.example.com/blog www.example.com/blog/core"},
		{"woocommerce", "https://example.com/shop/wp-admin/admin.php?page=wc-settings",
			"https://example.com/shop/wp-json/wc/v3/products?per_page=1", "www.example.com/blog www.example.com/blog/core"},
		{"mattermost", "https://example.com/company/mattermost/admin_console",
			"https://example.com/company/mattermost/api/v4/users/me", "chat.example.com"},
		{"jira-data-center", "https://example.com/jira/secure/Dashboard.jspa", "https://example.com/jira/rest/api/2/myself",
			"jira:8080/jira"},
		{"discourse", "https://example.com/forum/admin/api/keys", "https://example.com/forum/session/current.json", ""},
		{"youtrack", "https://acme.myjetbrains.com/youtrack/users/me", "https://acme.myjetbrains.com/youtrack/api/users/me",
			""},
		{"dynatrace", "https://example.com/e/3f2a-b1/ui/access-tokens",
			"https://example.com/e/3f2a-b1/api/v2/metrics?pageSize=1", ""},
		{"posthog", "https://eu.posthog.com/project/1/settings", "https://eu.posthog.com/api/users/@me/", ""},
		{"okta", "https://acme.okta.com/admin/dashboard", "https://acme.okta.com/api/v1/users/me", ""},
		{"hashicorp-vault", "https://vault.example.com:8200/ui/vault/secrets",
			"https://vault.example.com:8200/v1/auth/token/lookup-self", ""},
	} {
		app, ok := all.App(c.slug)
		if !ok {
			t.Fatalf("no app %s", c.slug)
		}
		var sent asked
		var fields []vending.Field
		for _, f := range app.Asked() {
			value := "value"
			if f.Kind == catalog.KindHost {
				value = c.pasted
			}
			fields = append(fields, vending.Field{Name: f.Name, Value: value})
		}
		a := authorize.New(authorize.Options{Transport: func(*catalog.App) http.RoundTripper { return &sent }})
		g, err := a.FromFields(t.Context(), app, fields)
		if err != nil || len(sent) == 0 || sent[0] != c.want || !slices.Equal(g.Reveal().SiteNames, strings.Fields(c.names)) {
			t.Errorf("%s at %s: %v, asked %q, want %q; names %q, want %q", c.slug, c.pasted, err, []string(sent), c.want,
				g.Reveal().SiteNames, c.names)
		}
	}
}

// TestSitesInTheirPlaces: a path is taken where software is made for one, and never silently lost
// elsewhere.
func TestSitesInTheirPlaces(t *testing.T) {
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	hosts := 0
	for _, app := range all.Apps() {
		for _, f := range app.Asked() {
			if f.Kind != catalog.KindHost {
				continue
			}
			hosts++
			var fields []vending.Field
			for _, other := range app.Asked() {
				value := "value"
				if len(other.Options) > 0 {
					value = other.Options[0]
				}
				if other.Name == f.Name {
					value = "https://example.com/some/where/"
				}
				fields = append(fields, vending.Field{Name: other.Name, Value: value})
			}
			if err := authorize.CheckFields(app, fields); (err == nil) != f.SitePath {
				t.Errorf("%s: a path is met with %v, where site_path is %t", app.Slug, err, f.SitePath)
			}
		}
	}
	if hosts < 20 {
		t.Errorf("%d apps whose end users enter a host", hosts)
	}
}
