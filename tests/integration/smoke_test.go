package integration

import (
	"io"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestStaticCall(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	g := harness.Start(t, demoApps(up.Addr)+`
	source static {
		connection c1 {
			tenant acme
			app key
			field api_key `+harness.Secret(t, "VG_KEY", "sk-canary-123")+`
		}
	}
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
	}`)
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/v1/things?a=1&b=%zz;c", nil))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 200 || string(body) != "ok" {
		t.Fatalf("answered %d %s\n%s", res.StatusCode, body, g.Log())
	}
	got := up.Got()
	if len(got) != 1 || !strings.HasPrefix(got[0], "GET /base/v1/things?a=1&b=%zz;c HTTP/1.1\r\n") || !strings.Contains(got[0], "X-Api-Key: sk-canary-123\r\n") {
		t.Fatalf("upstream got %q", got)
	}
	t.Logf("%s", got[0])
	t.Logf("%v", res.Header)
}
