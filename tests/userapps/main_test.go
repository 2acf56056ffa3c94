// Package userapps runs gateways whose apps come from a catalog file, and reads the bytes that
// their providers get: what an entry of data says is all that it takes.
package userapps

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, append(harness.LeakOptions(), goleak.Cleanup(func(code int) {
		harness.RemoveBuilds()
		os.Exit(code)
	}))...)
}

// canary is the credential of every connection.
const canary = "sk-catalog-canary-51"

// media is an app with another host and its own way with headers and limits.
const media = `{"slug":"media","name":"Media","auth_type":"api_key","upstream":"http://{up}/base","extra_hosts":["{extra}"],` +
	`"headers":{"Api-Version":"7","User-Agent":"media/1"},"fields":[{"name":"api_key","secret":true}],` +
	`"placement":{"header":{"X-Api-Key":"{api_key}"},"query":{"key":"{api_key}"}},` +
	`"rate_limit":{"statuses":[403,503],"when":{"X-Remaining":"0"},"retry_after":"X-Reset-Ms","format":"ms"},` +
	`"allow_http":true,"allow_private":["127.0.0.0/8"]}`

// wiki is an app whose paths may begin with "~".
const wiki = `{"slug":"wiki","name":"Wiki","auth_type":"api_key","upstream":"http://{up}","fields":[{"name":"api_key","secret":true}],` +
	`"placement":{"header":{"X-Api-Key":"{api_key}"}},"allow_http":true,"allow_private":["127.0.0.0/8"]}`

// stage is a gateway over two providers of the app media, and one that it must never call.
type stage struct {
	*harness.Gateway
	up, extra *harness.Upstream
	expand    *strings.Replacer
}

// communitySlug returns the slug of an app that is off by default.
func communitySlug(t *testing.T) string {
	t.Helper()
	on, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all.Slugs(), on.Off)
	if i < 0 {
		t.Fatal("the catalog has no app of the community")
	}
	return all.Slugs()[i]
}

// newStage takes lines of the tenant's policy.
func newStage(t *testing.T, policy string) *stage {
	t.Helper()
	s := &stage{up: harness.NewUpstream(t, harness.OK), extra: harness.NewUpstream(t, harness.OK)}
	s.expand = strings.NewReplacer("{up}", s.up.Addr, "{extra}", s.extra.Addr)
	connection := "connection %[1]s {\ntenant alpha\napp %[1]s\nfield api_key %[2]s\n}\n"
	key := harness.Secret(t, "CATALOG_KEY", canary)
	s.Gateway = harness.Start(t, "catalog {\nfile "+writeFile(t, s.expand.Replace(media), s.expand.Replace(wiki))+"\n}\n"+
		"source static {\n"+fmt.Sprintf(connection, "media", key)+fmt.Sprintf(connection, "wiki", key)+"}\n"+
		"tenant alpha {\nkey "+harness.Secret(t, "CATALOG_TENANT", harness.KeyA)+"\n"+s.expand.Replace(policy)+"\n}")
	return s
}

// writeFile writes a catalog file.
func writeFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "apps.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// call sends a request for target byte for byte, and returns the answer's.
func (s *stage) call(target string, lines ...string) string {
	head := append([]string{"GET " + target + " HTTP/1.1", "Host: gateway.example",
		"Authorization: Bearer " + harness.KeyA, "X-User-Email: " + harness.Alice, "Connection: close"}, lines...)
	return s.Raw(s.expand.Replace(strings.Join(head, "\r\n")) + "\r\n\r\n")
}

// sent checks which requests each provider got since the last time.
func (s *stage) sent(t *testing.T, up, extra string) {
	t.Helper()
	for _, c := range []struct {
		name, want string
		from       *harness.Upstream
	}{{"upstream", up, s.up}, {"extra host", extra, s.extra}} {
		if got := strings.Join(c.from.Got(), ""); got != s.expand.Replace(c.want) {
			t.Errorf("the %s got\n%q, want\n%q", c.name, got, s.expand.Replace(c.want))
		}
	}
}
