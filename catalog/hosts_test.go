package catalog_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

func TestHosts(t *testing.T) {
	for name, row := range map[string]struct{ entry, want string }{
		"one host": {
			`{"slug":"x","name":"X","auth_type":"o_auth","upstream":"https://api.example.com/v1/","oauth2":{"token_url":"https://example.com/t","authorize_url":"https://example.com/a"}}`,
			`[{"host":"api.example.com","base_path":"/v1","path":""}]`,
		},
		"plain http and ports": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"username"},{"name":"password","secret":true}],"upstream":"http://api.example.com:80","extra_hosts":["a.example.com:8443","b.example.com:80"],"allow_http":true}`,
			`[{"scheme":"http","host":"api.example.com","base_path":"","path":""},` +
				`{"scheme":"http","host":"a.example.com:8443","base_path":"","path":"/~a.example.com:8443"},` +
				`{"scheme":"http","host":"b.example.com","base_path":"","path":"/~b.example.com:80"}]`,
		},
		"extra hosts and a label": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"username"},{"name":"password","secret":true}],"upstream":"https://api.example.com:443/2","extra_hosts":["content.example.com","notify.example.com"],"host_labels":{"content":"content.example.com"}}`,
			`[{"host":"api.example.com","base_path":"/2","path":""},{"host":"content.example.com","base_path":"","path":"/~content.example.com","label":"content"},` +
				`{"host":"notify.example.com","base_path":"","path":"/~notify.example.com"}]`,
		},
		"beside the API, at its own host": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"username"},{"name":"password","secret":true}],"upstream":"https://git.example.com/api/v4","beside":{"paths":["/*/*.git/info/refs"]}}`,
			`[{"host":"git.example.com","base_path":"/api/v4","path":""},{"host":"git.example.com","base_path":"","path":"/~","paths":["/*/*.git/info/refs"]}]`,
		},
		"beside the API, at another host": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"username"},{"name":"password","secret":true}],"upstream":"https://api.example.com","beside":{"host":"git.example.com","paths":["/*/*.git/info/refs"]}}`,
			`[{"host":"api.example.com","base_path":"","path":""},{"host":"git.example.com","base_path":"","path":"/~git.example.com","paths":["/*/*.git/info/refs"]}]`,
		},
		"a slot": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"sub"},{"name":"username"},{"name":"password","secret":true}],"upstream":"https://{sub}.example.com/api"}`,
			`[{"host":"{sub}.example.com","base_path":"/api","path":"","slots":{"sub":{"kind":"label"}}}]`,
		},
		"options": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"region","options":["eu","us"]},{"name":"username"},{"name":"password","secret":true}],"upstream":"https://{region}.example.com"}`,
			`[{"host":"{region}.example.com","base_path":"","path":"","slots":{"region":{"kind":"label","options":["eu","us"]}}}]`,
		},
		"a site": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"site","kind":"host","site_path":true},{"name":"username"},{"name":"password","secret":true}],"upstream":"https://{site}/wp-json"}`,
			`[{"host":"{site}","base_path":"/wp-json","path":"","slots":{"site":{"kind":"host","site_path":true}}}]`,
		},
		"hosts that a field may name whole": {
			`{"slug":"x","name":"X","auth_type":"basic","fields":[{"name":"sub","kind":"labels","hosts":["*.example.mil","old.example.net"]},{"name":"username"},{"name":"password","secret":true}],` +
				`"upstream":"https://{sub}.my.example.com/v1"}`,
			`[{"host":"{sub}.my.example.com","base_path":"/v1","path":"","slots":{"sub":{"kind":"labels"}}},` +
				`{"host":"**.example.mil","base_path":"/v1","path":"","field":"sub"},{"host":"old.example.net","base_path":"/v1","path":"","field":"sub"}]`,
		},
		"a path prefix": {
			`{"slug":"x","name":"X","auth_type":"api_key","fields":[{"name":"token","secret":true}],"upstream":"https://api.example.com","placement":{"path_prefix":"/bot{token}"}}`,
			`[{"host":"api.example.com","base_path":"/bot{token}","path":"","slots":{"token":{"kind":"segment"}}}]`,
		},
		"several path prefixes": {
			`{"slug":"x","name":"X","auth_type":"api_key","fields":[{"name":"token","secret":true}],"upstream":"https://api.example.com/v1",` +
				`"placement":{"path_prefix":"/bot{token}","other_prefixes":["/file/bot{token}"]}}`,
			`[{"host":"api.example.com","base_path":"/v1/bot{token}","path":"","slots":{"token":{"kind":"segment"}}},` +
				`{"host":"api.example.com","base_path":"/v1/file/bot{token}","path":"/file","slots":{"token":{"kind":"segment"}}}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var app catalog.App
			if err := json.Unmarshal([]byte(row.entry), &app); err != nil {
				t.Fatal(err)
			}
			if err := app.Check(); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(app.Hosts())
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// TestHostsOfAll: every slot of every entry is described, and no host is the same as another one
// for the same paths.
func TestHostsOfAll(t *testing.T) {
	apps, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range apps.Apps() {
		seen := map[string]bool{}
		for _, h := range app.Hosts() {
			key := h.Host + " " + h.BasePath + " " + h.Field + strings.Join(h.Paths, " ")
			if seen[key] || h.Host == "" || strings.HasSuffix(h.BasePath, "/") {
				t.Errorf("%s: %+v", app.Slug, h)
			}
			seen[key] = true
			if n := strings.Count(h.Host+h.BasePath, "{"); n != len(h.Slots) {
				t.Errorf("%s: %d slots of %d are described: %+v", app.Slug, len(h.Slots), n, h)
			}
		}
	}
}
