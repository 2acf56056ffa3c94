package userapps

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// shop is all that it takes to add an app.
const shop = `{"slug":"shop","name":"Shop","auth_type":"api_key","upstream":"http://{store}.shop.example.com/v1","fields":[{"name":"api_key","label":"API key","secret":true},` +
	`{"name":"store","label":"Store"}],"placement":{"query":{"key":"{api_key}"}},"allow_http":true,"allow_private":["127.0.0.0/8"]}`

// TestUsersFile adds an app by one line of data, with the program that users run: its file is
// checked, a connection is stored, and a call reaches the host that the connection's own field
// makes up. The provider is reached through a forward proxy, so that the test needs no name
// service: what the proxy gets says where the call was to go.
func TestUsersFile(t *testing.T) {
	provider := harness.NewUpstream(t, harness.OK)
	program := harness.Program(t)
	env := harness.Environ(t, "SHOP_TENANT="+harness.KeyA, "HTTP_PROXY=http://"+provider.Addr, "NO_PROXY=", "http_proxy=",
		"no_proxy=")
	file, addr := writeFile(t, shop), harness.FreeAddr(t)
	if out := harness.Run(t, env, "", program, "app", "check", file); out != "ok: 1 app\n" {
		t.Fatalf("checked: %s", out)
	}
	config := filepath.Join(t.TempDir(), "Caddyfile")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
	vendgate {
		data_dir %q
		catalog {
			file %q
		}
		upstream {
			proxy_from_environment
		}
		tenant acme {
			key {env.SHOP_TENANT}
		}
	}
}
http://:%s {
	bind 127.0.0.1
	vendgate_proxy
}
`, filepath.Join(t.TempDir(), "store"), file, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	connection := strings.TrimSpace(harness.Run(t, env, `{"api_key":"`+canary+`","store":"acme-1"}`, program,
		"connection", "import", "--tenant", "acme", "--user", harness.Alice, "--app", "shop", "--config", config))
	gateway := harness.StartProcess(t, env, program, "run", "--config", config)
	gateway.Await(t, "the gateway", 20*time.Second, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		return err == nil && conn.Close() == nil
	})
	answer := harness.Raw(t, addr, "POST /proxy/"+connection+
		"/shop/orders%2F1?limit=2&key=mine HTTP/1.1\r\nHost: gateway.example\r\nAuthorization: Bearer "+harness.KeyA+
		"\r\nX-User-Email: "+harness.Alice+
		"\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("answered %q", answer)
	}
	want := "POST http://acme-1.shop.example.com/v1/orders%2F1?limit=2&key=" + canary +
		" HTTP/1.1\r\nHost: acme-1.shop.example.com\r\n" +
		"Content-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"
	if got := strings.Join(provider.Got(), ""); got != want {
		t.Errorf("the provider got\n%q, want\n%q", got, want)
	}
}

// TestCommunityOff: a call to an app that is off says which word turns it on, and with that word
// the app is there.
func TestCommunityOff(t *testing.T) {
	slug := communitySlug(t)
	tenant := "tenant alpha {\nkey " + harness.Secret(t, "CATALOG_TENANT", harness.KeyA) + "\n}\nsource static\n"
	g := harness.Start(t, tenant)
	call := func() string {
		return g.Raw("GET /proxy/c1/" + slug + "/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + harness.KeyA +
			"\r\nX-User-Email: " + harness.Alice + "\r\nConnection: close\r\n\r\n")
	}
	if answer := call(); !strings.Contains(answer, `"code":"unknown_app"`) ||
		!strings.Contains(answer, "write `community "+slug+"` in the block `catalog` to turn it on") {
		t.Errorf("answered %q", answer)
	}
	g.Load(g.Caddyfile("catalog {\ncommunity "+slug+"\n}\n"+tenant, "", "vendgate_proxy"))
	if answer := call(); !strings.Contains(answer, `"code":"connection_deleted"`) {
		t.Errorf("turned on, answered %q", answer)
	}
}

// TestReloadReadsFile: a reload takes the file as it is then, and a mistake in it keeps the old
// configuration.
func TestReloadReadsFile(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	line := strings.ReplaceAll(wiki, "{up}", up.Addr)
	file := writeFile(t, line)
	config := "catalog {\nfile " + file +
		"\n}\nsource static {\nconnection wiki {\ntenant alpha\napp wiki\nfield api_key " + harness.Secret(t, "CATALOG_KEY",
		canary) +
		"\n}\n}\ntenant alpha {\nkey " + harness.Secret(t, "CATALOG_TENANT", harness.KeyA) + "\n}\n"
	g := harness.Start(t, config)
	sent := func() string {
		const call = "GET /proxy/wiki/wiki/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + harness.KeyA +
			"\r\nX-User-Email: " + harness.Alice + "\r\nConnection: close\r\n\r\n"
		// A server that is being replaced may drop unanswered what it has not read (README, on reloads).
		for range 5 {
			if g.Raw(call) != "" {
				break
			}
		}
		head, _, _ := strings.Cut(strings.Join(up.Got(), ""), "\r\n")
		return head
	}
	change := func(text string) error {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return g.TryLoad(g.Caddyfile(config, "", "vendgate_proxy"))
	}
	if got := sent(); got != "GET /x HTTP/1.1" {
		t.Errorf("sent %q", got)
	}
	if err := change(strings.Replace(line, up.Addr, up.Addr+"/v2", 1)); err != nil {
		t.Fatal(err)
	}
	if got := sent(); got != "GET /v2/x HTTP/1.1" {
		t.Errorf("after the reload sent %q", got)
	}
	if err := change("\n" + strings.Replace(line, "upstream", "upstreem", 1)); err == nil ||
		!strings.Contains(err.Error(), file+`:2: app "wiki": unknown field "upstreem"`) {
		t.Errorf("a misspelt file: %v", err)
	}
	if got := sent(); got != "GET /v2/x HTTP/1.1" {
		t.Errorf("after a bad reload sent %q", got)
	}
}
