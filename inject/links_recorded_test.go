package inject

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/jsonedit"
)

// recordedLinks are answers as the apps' SDKs get them, where the SDK calls next what is in member:
// that must be at the gateway, and lead on to the host named there.
var recordedLinks = map[string]struct{ slug, answer, member, host string }{
	"an index of Pinecone's": {"pinecone",
		`{"name":"movies","host":"movies-abc123.svc.aped-4627-b74a.pinecone.io","private_host":null,"status":{"ready":true}}`,
		"host", "movies-abc123.svc.aped-4627-b74a.pinecone.io"},
	// The library prefers it to host:
	// https://docs.pinecone.io/guides/production/configure-private-endpoints
	"a private index of Pinecone's": {"pinecone",
		`{"host":"","private_host":"movies-abc123.svc.private.aped-4627-b74a.pinecone.io"}`,
		"private_host", "movies-abc123.svc.private.aped-4627-b74a.pinecone.io"},
	"an assistant of Pinecone's": {"pinecone",
		`{"name":"help","host":"https://prod-1-data.ke.pinecone.io","status":"Ready"}`,
		"host", "prod-1-data.ke.pinecone.io"},
}

func TestRecordedLinksAreReached(t *testing.T) {
	apps, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range recordedLinks {
		t.Run(name, func(t *testing.T) {
			app, ok := apps.App(c.slug)
			if !ok || app.Links == nil {
				t.Fatalf("%s has no links", c.slug)
			}
			inj := injectionWith(t, app, testCredential("api_key", "secret"))
			editor := jsonedit.NewEditor(jsonedit.NewMembers(app.Links.Members),
				func(v string) string { return inj.rewriteAddress(v, testGateway) })
			text := editor.End(editor.Write(nil, []byte(c.answer)))
			var answer map[string]any
			if err := json.Unmarshal(text, &answer); err != nil {
				t.Fatal(err)
			}
			link, _ := answer[c.member].(string)
			path, own := strings.CutPrefix(strings.TrimPrefix(link, "https://"), "gw.example/proxy/c/app")
			if !own {
				t.Fatalf("%s leads past the gateway: %s", c.member, link)
			}
			next, err := NewInjection(inj.placement, testCredential("api_key", "secret"), path+"/next", "", false, nil)
			if err != nil || next.host != c.host {
				t.Errorf("%s leads to %q, error %v; want %s", link, next.host, err, c.host)
			}
		})
	}
}
