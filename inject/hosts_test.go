package inject

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestHostsAreReached: what the catalog says of an app's hosts, and clients go by, is where calls
// go, for every entry.
func TestHostsAreReached(t *testing.T) {
	apps, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps.Apps() {
		values := map[string]string{"access_token": "token", "token_type": "Bearer"}
		for _, f := range app.Fields {
			values[f.Name] = "acme"
			if len(f.Options) > 0 {
				values[f.Name] = f.Options[0]
			} else if f.Kind == catalog.KindHost {
				values[f.Name] = "site.example.com"
			}
		}
		for _, h := range app.Hosts() {
			switch {
			case strings.Contains(h.Host, "*"):
				continue // no host, but a pattern of hosts
			case h.Field != "":
				values[h.Field] = h.Host
			case app.SlotHost(h.Host) != h.Host:
				chooseHost(app, app.SlotHost(h.Host), values)
			}
			reaches(t, app, h, values)
		}
	}
}

// chooseHost sets the field whose options fill the upstream's host to what makes it host.
func chooseHost(app *catalog.App, host string, values map[string]string) {
	for _, f := range app.Fields {
		for _, option := range f.Options {
			if strings.Contains(app.Upstream, "://"+strings.TrimSuffix(host, option)+"{"+f.Name+"}/") {
				values[f.Name] = option
			}
		}
	}
}

func reaches(t *testing.T, app *catalog.App, h catalog.Host, values map[string]string) {
	t.Helper()
	path := "/x"
	if len(h.Paths) > 0 {
		path = strings.NewReplacer("**", "some/thing", "*", "some").Replace(h.Paths[0])
	}
	pairs := make([]string, 0, 2*len(values))
	fill := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, name, value)
		fill = append(fill, "{"+name+"}", value)
	}
	inj, err := NewInjection(mustPlace(t, app), testCredential(pairs...), h.Path+path, "", false, nil)
	if err != nil {
		t.Errorf("%s: %s%s: %v", app.Slug, h.Path, path, err)
		return
	}
	host := strings.TrimSuffix(inj.host, ":443")
	if filled := strings.NewReplacer(fill...); host != filled.Replace(h.Host) || len(h.Paths) == 0 &&
		inj.base != filled.Replace(h.BasePath) || inj.path != path {
		t.Errorf("%s: %+v leads to %s, %s, %s", app.Slug, h, inj.host, inj.base, inj.path)
	}
}
