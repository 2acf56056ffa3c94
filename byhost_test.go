package vendgate_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/tests/harness"
)

// dnsProvider stands for the module of github.com/caddy-dns/cloudflare, which a configuration of
// docs/caller-keys.md needs and this build has not: it takes one argument, the token.
type dnsProvider struct {
	Token string `json:"api_token"`
}

func (*dnsProvider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "dns.providers.cloudflare", New: func() caddy.Module { return new(dnsProvider) }}
}

func (p *dnsProvider) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.Args(&p.Token) {
		return d.ArgErr()
	}
	return nil
}

func init() { caddy.RegisterModule(new(dnsProvider)) }

// TestByHostDocs adapts the configurations of docs/caller-keys.md for addressing by host, and
// Caddyfile.example's.
func TestByHostDocs(t *testing.T) {
	page, err := os.ReadFile("docs/caller-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Addressing by host\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?m)^```caddyfile\n([^`]*)^```$").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("the section has %d configurations", len(blocks))
	}
	example, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	_, commented, _ := strings.Cut(string(example), "# *.gw.example.com {\n")
	uncommented := "*.gw.example.com {\n" + regexp.MustCompile(`(?m)^# ?`).ReplaceAllString(commented, "")
	if uncommented != blocks[0][1] {
		t.Errorf("Caddyfile.example has\n%s\nand docs/caller-keys.md\n%s", uncommented, blocks[0][1])
	}
	for i, wants := range [][]string{
		{`"hosts":["gw.example.com"]`, `"host":["*.gw.example.com"]`,
			`"dns":{"provider":{"api_token":"{env.CF_API_TOKEN}","name":"cloudflare"}}`, `"subjects":["*.gw.example.com"]`},
		{`"hosts":["gw.localhost"]`, `"host":["*.gw.localhost"]`, `"module":"internal"`, `"subjects":["*.gw.localhost"]`},
	} {
		text := blocks[i][1]
		if formatted := string(caddyfile.Format([]byte(text))); formatted != text {
			t.Errorf("caddy fmt would make it\n%s", formatted)
		}
		adapted, err := harness.Adapt("{\n\tvendgate {\n\t\tsource local\n\t}\n}\n" + text)
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
			continue
		}
		for _, want := range append(wants, `"handler":"vendgate_not_found"`) {
			if !strings.Contains(string(adapted), want) {
				t.Errorf("no %s in %s", want, adapted)
			}
		}
	}
}
