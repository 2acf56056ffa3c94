package hostile

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

func itoa(n int) string { return strconv.Itoa(n) }

// refused is a row that the gateway refuses before anything is sent.
func refused(name, request string, status int, code, origin string) row {
	return row{name: name, request: request, status: status, code: code, origin: origin}
}

func badKey(name string, authLines ...string) row {
	return refused(name,
		lines(append([]string{"GET /proxy/c-key/key/x HTTP/1.1", "Host: {gw}", "X-User-Email: " + harness.Alice},
			authLines...)...), 401, "invalid_tenant_key", "gateway")
}

func badRequest(name, request string) row {
	return refused(name, request, 400, "invalid_request", "gateway")
}

func passes(name, request string, sent []string) row {
	return row{name: name, request: request, sent: sent, status: 200, body: "ok"}
}

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// keyCall is what the upstream of app key gets for GET x.
var keyCall = upstream("GET /base/x", "X-Api-Key: "+credHeader)

var askedCases = []row{
	badKey("01 no key"),
	badKey("01 empty bearer", "Authorization: Bearer "),
	badKey("01 unknown key", "Authorization: Bearer pk_live_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"),
	badKey("01 unknown key of the right tenant's length less one",
		"Authorization: Bearer "+harness.KeyA[:len(harness.KeyA)-1]),
	badKey("01 key with a leading space", "Authorization: Bearer  "+harness.KeyA),
	badKey("01 key with a no-break space after it", "Authorization: Bearer "+harness.KeyA+"\u00a0"),
	badKey("01 key with a trailing space, in Basic", "Authorization: "+basic(harness.KeyA+" :")),
	badKey("01 key with a line break, in Basic", "Authorization: "+basic(harness.KeyA+"\n:")),
	badKey("01 key as the Basic password", "Authorization: "+basic("x:"+harness.KeyA)),
	badKey("01 key without a scheme", "Authorization: "+harness.KeyA),
	badKey("01 key under another scheme", "Authorization: ApiKey "+harness.KeyA),
	badKey("01 key in X-Api-Key", "X-Api-Key: "+harness.KeyA),
	badKey("01 key in Proxy-Authorization", "Proxy-Authorization: Bearer "+harness.KeyA),
	badKey("01 key in Cookie", "Cookie: key="+harness.KeyA),
	badKey("01 key in X_Vendgate_Key", "X_Vendgate_Key: "+harness.KeyA),
	badKey("01 wrong X-Vendgate-Key beside a right Authorization", "X-Vendgate-Key: nobody",
		"Authorization: Bearer "+harness.KeyA),
	badKey("01 empty X-Vendgate-Key beside a right Authorization", "X-Vendgate-Key:",
		"Authorization: Bearer "+harness.KeyA),
	badRequest("01 two keys in X-Vendgate-Key",
		get("/proxy/c-key/key/x", "X-Vendgate-Key: "+harness.KeyA, "X-Vendgate-Key: "+harness.KeyB)),
	{name: "01 challenge", request: lines("GET /proxy/c-key/key/x HTTP/1.1", "Host: {gw}"), status: 401,
		code: "invalid_tenant_key", origin: "gateway",
		headers: []string{`WWW-Authenticate: Bearer realm="vendgate", Basic realm="vendgate"`}},
	// White space around a header's value is no part of it (RFC 9110, section 5.5).
	passes("01 key with a trailing space, in a header",
		strings.Replace(get("/proxy/c-key/key/x"), harness.KeyA, harness.KeyA+" \t", 1), keyCall),
	passes("01 key in X-Vendgate-Key, Authorization of an SDK",
		strings.Replace(get("/proxy/c-key/key/x", "X-Vendgate-Key: "+harness.KeyA), "Bearer "+harness.KeyA, "Bearer dummy",
			1), keyCall),
	passes("01 key as the Basic user name",
		strings.Replace(get("/proxy/c-key/key/x"), "Bearer "+harness.KeyA, basic(harness.KeyA+":"), 1), keyCall),
	passes("01 key as GitHub's SDKs send it",
		strings.Replace(get("/proxy/c-key/key/x"), "Bearer "+harness.KeyA, "token "+harness.KeyA, 1), keyCall),
	{name: "01 retired key", run: retiredKey},

	{name: "02 unknown, other tenant's, other user's connection", run: sameRefusals},

	refused("03 connection of another app", get("/proxy/c-key/query/x"), 400, "app_mismatch", "vending"),
	refused("03 another tenant's connection under another app", get("/proxy/c-beta/query/x"), 404, "connection_deleted",
		"vending"),
	{name: "03 source that vends another app's credential", request: as(keyC, get("/proxy/c/query/x")), vend: wrongApp,
		vends: 1, status: 400, code: "app_mismatch", origin: "vending"},
	refused("03 no such app", get("/proxy/c-key/nope/x"), 404, "unknown_app", "gateway"),
	refused("03 app in another case", get("/proxy/c-key/KEY/x"), 404, "unknown_app", "gateway"),
	refused("03 app encoded", get("/proxy/c-key/k%65y/x"), 404, "unknown_app", "gateway"),

	refused("04 known by digest only", as(keyE, get("/proxy/c-key/key/x")), 404, "connection_deleted", "vending"),
	badKey("04 digest in place of the key", "Authorization: Bearer "+digestE),
	badKey("04 digest in place of the key, in X-Vendgate-Key", "X-Vendgate-Key: "+digestE),
	badKey("04 key in another case", "Authorization: Bearer "+strings.ToLower(harness.KeyA)),

	badUser("05 no user"),
	badUser("05 empty user", "X-User-Email:"),
	badUser("05 blank user", "X-User-Email: \t"),
	badUser("05 two users", "X-User-Email: a@example.com", "X-User-Email: b@example.com"),
	badUser("05 user list", "X-User-Email: a@example.com, b@example.com"),
	badUser("05 user with a display name", "X-User-Email: Bob <bob@example.com>"),
	badUser("05 user without a domain", "X-User-Email: bob"),
	badUser("05 user that folds to another", "X-User-Email: \u212a@example.com"),
	badUser("05 user in X_User_Email", "X_User_Email: a@example.com"),
	{name: "05 new users and connections share the tenant's budget", run: principalsShareBudget},
}

func badUser(name string, userLines ...string) row {
	return refused(name,
		lines(append([]string{"GET /proxy/c-key/key/x HTTP/1.1", "Host: {gw}", "Authorization: Bearer " + harness.KeyA},
			userLines...)...), 400, "invalid_user_email", "gateway")
}

// measured are the parts of an answer that no two answers share.
var measured = regexp.MustCompile(`(Date|Server-Timing|Vendgate-Request-Id): [^\r]*`)

// sameRefusals compares the answers byte for byte. Their timing is the same because the work is:
// one look-up by id, and a comparison of tenant and user where it found something; nothing is
// decrypted, fetched or compared by prefix before that.
func sameRefusals(t *testing.T, f *fleet) {
	f.up.Answer(harness.OK)
	var first string
	for _, request := range []string{
		get("/proxy/nothing/key/x"),
		get("/proxy/c-beta/key/x"),                           // another tenant's
		get("/proxy/c-bob/key/x"),                            // another end user's
		get("/proxy/c-bob/query/x"),                          // another end user's and another app's
		as(harness.KeyB, get("/proxy/c-key/key/x")),          // the same the other way round
		get("/proxy/" + strings.Repeat("n", 512) + "/key/x"), // as long as ids may be
	} {
		got := exchange(t, f.Addr, request)
		bytes := measured.ReplaceAllString(got.raw, "$1")
		if first == "" {
			first = bytes
		}
		if got.StatusCode != 404 || got.Header.Get("Vendgate-Code") != "connection_deleted" || bytes != first {
			t.Errorf("answered\n%s\nto %s; to the first\n%s", bytes, request, first)
		}
	}
	if sent := f.up.Got(); len(sent) > 0 {
		t.Errorf("the upstream got %q", sent)
	}
	// Bob himself may.
	got := exchange(t, f.Addr, strings.Replace(get("/proxy/c-bob/key/x"), harness.Alice, harness.Bob, 1))
	if got.StatusCode != 200 || len(f.up.Got()) != 1 {
		t.Errorf("Bob got %q", got.raw)
	}
}

// retiredKey rotates the key of tenant epsilon by reloads: both keys work in between, then only the
// new one.
func retiredKey(t *testing.T, f *fleet) {
	config := func(keys string) string {
		return f.Caddyfile(strings.Replace(f.config(t), "key_sha256 "+digestE, keys, 1),
			strings.TrimPrefix(longLines, "global:"), "vendgate_proxy")
	}
	fresh := "key " + harness.Secret(t, "HOSTILE_TENANT_F", "pk_live_FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")
	for _, step := range []struct {
		keys   string
		status int
	}{{"key_sha256 " + digestE + "\n" + fresh, 404}, {fresh, 401}, {"key_sha256 " + digestE, 404}} {
		f.Load(config(step.keys))
		request := as(keyE, get("/proxy/nothing/key/x"))
		got, err := tryExchange(t, f.Addr, request)
		for range 3 {
			if err == nil {
				break
			}
			// The old configuration accepted the connection and shut down before it read anything (RFC 9110,
			// section 9.3.1).
			got, err = tryExchange(t, f.Addr, request)
		}
		if err != nil || got.StatusCode != step.status {
			t.Errorf("with %s: answered %+v, error %v; want %d", step.keys, got, err, step.status)
		}
	}
}

// principalsShareBudget calls with ever new principals: what no source accepted is spent all the
// same.
func principalsShareBudget(t *testing.T, f *fleet) {
	script.play(nil)
	want := []int{404, 404, 404, 404, 404, 429, 429}
	for i, status := range want {
		request := as(keyD, get("/proxy/conn-"+itoa(i)+"/key/x"))
		got := exchange(t, f.Addr, strings.Replace(request, "alice@", "user"+itoa(i)+"@", 1))
		if got.StatusCode != status {
			t.Errorf("call %d: answered %d, want %d", i, got.StatusCode, status)
		}
	}
	if n, sent := script.vended(), f.up.Got(); n != 5 || len(sent) > 0 {
		t.Errorf("vended %d times, want 5; the upstream got %q", n, sent)
	}
}
