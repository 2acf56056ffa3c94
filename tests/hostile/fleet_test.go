package hostile

import (
	"fmt"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// keyC is the key of tenant gamma, whose source is scripted; keyD belongs to delta, which has five
// units a minute, keyZ to zeta, which has seven, and keyG to eta, which is like gamma; of keyE,
// epsilon's, the configuration has the digest only.
const (
	keyC = "pk_live_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	keyD = "pk_live_DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
	keyG = "pk_live_GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG"
	keyZ = "pk_live_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
	keyE = "pk_live_EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE"
	// digestE is the SHA-256 of keyE.
	digestE = "8da6b19ccdb0727ea420379b74b26cf9aaca59eb084636f79f3275d1764553f3"
)

// The credentials of tenants A and B. Nothing that reaches a caller may hold one.
const (
	credHeader = "sk-alpha-header-77f1"
	credQuery  = "sk-alpha-query-77f2"
	credUser   = "alpha-user-77f3"
	credPass   = "alpha pass/77f4"
	credBasic  = "YWxwaGEtdXNlci03N2YzOmFscGhhIHBhc3MvNzdmNA==" // of the two above
	credBot    = "770077:AAalpha-bot-77f5"
	credBearer = "ya29.alpha-bearer-77f6"
	credSign   = "alpha-sign-77f7"
	credBeta   = "sk-beta-header-88e1"
)

var canaries = []string{
	credHeader, credQuery, credPass, credBasic, credBot, credBearer, credSign, credBeta,
	"t1-secret", "t2-secret", "same-secret",
	"alpha+pass%2F77f4", "alpha%20pass%2F77f4",
}

var tenantKeys = []string{harness.KeyA, harness.KeyB, keyC, keyD, keyE, keyG, keyH, keyZ}

// fleet is one gateway with a provider behind each kind of app, and a host that no call may ever
// reach.
type fleet struct {
	*harness.Gateway
	up, evil *harness.Upstream
	// duplex is behind the app raw; each of its connections is a case's own to serve.
	duplex *duplex
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{up: harness.NewUpstream(t, harness.OK), evil: harness.NewUpstream(t, harness.OK), duplex: newDuplex(t)}
	f.Gateway = harness.Start(t, f.config(t), longLines)
	return f
}

// longLines lets request lines be as long as case 17 wants them. (Caddy's own bound is checked
// before any handler runs.)
const longLines = "global:servers {\nmax_header_size 1MB\n}"

// config is the whole `vendgate` block.
func (f *fleet) config(t *testing.T) string {
	raw := fmt.Sprintf("app raw {\nauth_type api_key\nfield api_key Key secret\nheader X-Api-Key {api_key}\nupstream "+
		"http://%s\nallow_http\nallow_private 127.0.0.0/8\n}\n", f.duplex.addr)
	return apps(f.up.Addr) + boundApps(f.up.Addr) + besideApps(f.up.Addr) + linkedApps(f.up.Addr) + raw + connections(t,
		f.up.Addr) + tenants(t)
}

// apps has one app of each kind over the provider at addr.
func apps(addr string) string {
	app := func(slug, rest string) string {
		return fmt.Sprintf("app %s {\n%s\nallow_http\nallow_private 127.0.0.0/8\n}\n", slug,
			fmt.Sprintf(rest, "http://"+addr))
	}
	const apiKey = "auth_type api_key\nfield api_key Key secret\n"
	const sign = "hash sha256\nkey {api_key}\nmessage {method}{path}\nheader X-Signature\n"
	return app("key", apiKey+"upstream %s/base\nheader X-Api-Key {api_key}") +
		app("plain", apiKey+"upstream %s/plain\nheader X-Api-Key {api_key}\nerrors passthrough") +
		app("query", apiKey+"upstream %s/query\nquery api_key {api_key}") +
		app("bot", "auth_type api_key\nfield token Token secret\nupstream %s\npath_prefix /bot{token}") +
		app("segment", "auth_type api_key\nfield token Token secret\nupstream %s/seg\npath_prefix /{token}") +
		app("basic", "auth_type basic\nfield username User\nfield password Password secret\nupstream %s/basic") +
		app("bearer",
			"auth_type o_auth\nupstream %s/bearer\noauth2 {\nauthorize_url https://provider.example/a\ntoken_url "+
				"https://provider.example/t\n}") +
		app("many",
			"auth_type api_key\nfield a A secret\nfield b B secret\nfield c C secret\nupstream %s\nheader X-Api-Key "+
				"{a}\nheader X-App-Id \"id {b}\"\nquery token {c}\nbasic {a} {b}\npath_prefix /p-{c}") +
		app("signed", apiKey+"upstream %s/signed\nsign hmac {\n"+sign+"}") +
		app("slot",
			"auth_type api_key\nfield sub Subdomain\nfield api_key Key secret\nupstream "+
				"https://{sub}.slot.example.com/v1\nheader X-Api-Key {api_key}\n# %s")
}

// connections are those of the source static; addr is the provider's.
func connections(t *testing.T, addr string) string {
	connection := func(id, tenant, user, app, values string) string {
		return fmt.Sprintf("connection %s {\ntenant %s\nuser %s\napp %s\n%s\n}\n", id, tenant, user, app, values)
	}
	secret := func(field, name, value string) string {
		return "field " + field + " " + harness.Secret(t, name, value) + "\n"
	}
	key := secret("api_key", "HOSTILE_KEY", credHeader)
	return "source static {\n" +
		connection("c-key", "alpha", "*", "key", key) +
		connection("c-plain", "alpha", "*", "plain", key) +
		connection("c-query", "alpha", "*", "query", secret("api_key", "HOSTILE_QUERY", credQuery)) +
		connection("c-bot", "alpha", "*", "bot", secret("token", "HOSTILE_BOT", credBot)) +
		connection("c-basic", "alpha", "*", "basic",
			secret("username", "HOSTILE_USER", credUser)+secret("password", "HOSTILE_PASS", credPass)) +
		connection("c-bearer", "alpha", "*", "bearer", secret("access_token", "HOSTILE_BEARER", credBearer)) +
		connection("c-signed", "alpha", "*", "signed", secret("api_key", "HOSTILE_SIGN", credSign)) +
		connection("c-raw", "alpha", "*", "raw", key) +
		connection("c-bob", "alpha", harness.Bob, "key", key) +
		connection("h-site", "theta", "*", "site", key) + connection("h-graph", "theta", "*", "graph", key) +
		connection("h-store", "theta", "*", "store", key) +
		connection("c-forge", "alpha", "*", "forge", key) + connection("c-fickle", "alpha", "*", "fickle", key) +
		connection("c-home", "alpha", "*", "home", key+"field host "+addr+"/blog\n") + connection("h-forge", "theta", "*",
		"forge", key) +
		linkedConnections(connection, key) +
		connection("c-beta", "beta", "*", "key", secret("api_key", "HOSTILE_BETA", credBeta)) +
		"}\nsource scripted\ndefault_source static\n"
}

func tenants(t *testing.T) string {
	tenant := func(id, rest string) string { return "tenant " + id + " {\n" + rest + "\n}\n" }
	key := func(name, value string) string { return "key " + harness.Secret(t, name, value) + "\n" }
	return tenant("alpha", key("HOSTILE_TENANT_A", harness.KeyA)+"budget token unlimited") +
		tenant("beta", key("HOSTILE_TENANT_B", harness.KeyB)+"budget token unlimited\nsource static") +
		tenant("gamma", key("HOSTILE_TENANT_C", keyC)+"budget token unlimited\nsource scripted") +
		tenant("delta", key("HOSTILE_TENANT_D", keyD)+"budget token 5\nsource scripted") +
		tenant("zeta", key("HOSTILE_TENANT_Z", keyZ)+"budget token 7\nsource scripted") +
		tenant("eta", key("HOSTILE_TENANT_G", keyG)+"budget token unlimited\nsource scripted") +
		tenant("theta", key("HOSTILE_TENANT_H", keyH)+"budget token unlimited"+theta+besideRules) +
		tenant("epsilon", "key_sha256 "+digestE)
}
