package hostile

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// bare is a request without Authorization; further lines have the key.
func bare(target string, more ...string) string {
	return lines(append([]string{"GET " + target + " HTTP/1.1", "Host: {gw}"}, more...)...)
}

// post has a body of known length.
func post(target, body string, more ...string) string {
	return strings.Replace(bare(target, append(more, "Content-Length: {length}")...), "GET ", "POST ", 1) + body
}

const keyX = "/proxy/c-key/key/x"

func noKey(name, request string) row {
	return refused(name, request, 401, "invalid_tenant_key", "gateway")
}

// says is a row that the gateway refuses with a message that has a text in it.
func says(r row, within string) row {
	r.within = within
	return r
}

// nobodys has the form of a caller key.
const nobodys = "ck_0123456789012345678901234567890123456789012"

// keyPlaceCases are where keys are read, and which one counts.
var keyPlaceCases = []row{
	passes("49 in the app's header", bare(keyX, "X-Api-Key: {ck}"), keyCall),
	passes("49 in the app's header, by a scheme", bare(keyX, "x-api-key: Bearer {ck}"), keyCall),
	passes("49 in one header of several", bare("/proxy/c-many/many/x", "X-App-Id: id {ck:c-many}", "X-Api-Key: a"),
		manyCall),
	passes("49 in several places, the same",
		bare("/proxy/c-many/many/p-{ck:c-many}/x?token={ck:c-many}", "X-Api-Key: {ck:c-many}", "X-Vendgate-Key: {ck:c-many}",
			"Authorization: Basic {b64::{ck:c-many}}"), manyCall),
	passes("49 in the query", bare("/proxy/c-query/query/x?a=b&api_key={ck:c-query}&c=d"),
		upstream("GET /query/x?a=b&c=d&api_key="+credQuery)),
	passes("49 in the query, spelled otherwise", bare("/proxy/c-query/query/x?API%5Fkey={pct:{ck:c-query}}"),
		upstream("GET /query/x?api_key="+credQuery)),
	passes("49 in the path", bare("/proxy/c-bot/bot/bot{ck:c-bot}/getMe?a=b"), upstream("GET /bot"+credBot+"/getMe?a=b")),
	passes("49 in the path, behind a number", bare("/proxy/c-bot/bot/bot77:{ck:c-bot}/getMe"),
		upstream("GET /bot"+credBot+"/getMe")),
	passes("49 in the path, nothing behind", bare("/proxy/c-bot/bot/bot{ck:c-bot}"), upstream("GET /bot"+credBot)),
	passes("49 elsewhere, and no path prefix", bare("/proxy/c-bot/bot/getMe", "Authorization: Bearer {ck:c-bot}"),
		upstream("GET /bot"+credBot+"/getMe")),
	passes("49 in a declared header and Authorization", bare(keyX, "X-Sdk-Key: {ck}", "Authorization: Bearer {ck}"),
		keyCall),
	passes("49 in a declared header, a user's token in Authorization",
		bare(keyX, "X-Sdk-Key: {ck}", "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"), keyCall),
	passes("49 in a declared parameter", bare(keyX+"?sdk_key={ck}"), keyCall),
	passes("49 under a scheme of any name", bare(keyX, "Authorization: SSWS {ck}"), keyCall),
	passes("49 with what SDKs fill in besides",
		bare(keyX, "X-Api-Key: {ck}", "X-Sdk-Session: secret-of-no-use", "Authorization: Basic eDp5"), keyCall),
	passes("49 explicit, what looks like a provider's elsewhere",
		bare(keyX, "X-Vendgate-Key: {ck}", "X-Api-Key: sk-of-a-provider",
			"Authorization: Basic Y2tfMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTpjc194"), keyCall),
	noKey("49 in another app's header", bare("/proxy/c-query/query/x", "X-Api-Key: {ck:c-query}")),
	noKey("49 in another app's query", bare(keyX+"?api_key={ck}")),
	noKey("49 in another app's path", bare("/proxy/c-key/key/bot{ck}/x")),
	noKey("49 in the path, behind a segment", bare("/proxy/c-bot/bot/x/bot{ck:c-bot}/getMe")),
	noKey("49 in the path, with more behind", bare("/proxy/c-bot/bot/bot{ck:c-bot}x/getMe")),
	noKey("49 in the path of an extra place", bare("/proxy/c-forge/forge/~/g/{ck:c-forge}.git/info/refs")),
	noKey("49 in the header, spelled otherwise", bare(keyX, "X_Api_Key: {ck}")),
	noKey("49 in the header, with a space more", bare(keyX, "X-Api-Key: Bearer  {ck}")),
	noKey("49 in the header, with a digit more", bare(keyX, "X-Api-Key: {ck}0")),
	noKey("49 in the password, with a space more", bare(keyX, "Authorization: Basic {b64:x:{ck} }")),
	noKey("49 where there is no app", bare("/proxy/c-key/nope/x", "X-Api-Key: {ck}", "X-Sdk-Key: {ck}")),
	noKey("49 another in the header", bare(keyX, "X-Api-Key: "+nobodys)),
	refused("49 another connection's in the header", bare("/proxy/c-plain/plain/x", "X-Api-Key: {ck}"), 404,
		"connection_deleted", "gateway"),
	says(badRequest("49 two in two places", bare(keyX, "X-Api-Key: {ck}", "Authorization: Bearer {ck2}")),
		"one in Authorization and one in the header X-Api-Key"),
	says(badRequest("49 two, one explicit", bare(keyX, "X-Api-Key: {ck}", "X-Vendgate-Key: {ck2}")),
		"one in X-Vendgate-Key and one in the header X-Api-Key"),
	says(badRequest("49 two in one header", bare(keyX, "X-Api-Key: {ck}", "X-Api-Key: {ck2}")), "X-Api-Key"),
	says(badRequest("49 two halves", bare(keyX, "Authorization: Basic {b64:{ck}:{ck2}}")),
		"one in Authorization and one in the password in Authorization"),
	says(badRequest("49 a tenant's and a caller's", bare(keyX, "X-Vendgate-Key: "+harness.KeyA, "X-Api-Key: {ck}")),
		"one in X-Vendgate-Key and one in the header X-Api-Key"),
	says(badRequest("49 a tenant's and a caller's in the query", bare("/proxy/c-query/query/x?api_key={ck:c-query}",
		"Authorization: Bearer "+harness.KeyA)), "the query parameter api_key"),
	says(badRequest("49 two in path and header", bare("/proxy/c-bot/bot/bot{ck:c-bot}/getMe",
		"Authorization: Bearer {ck2}")), "one in Authorization and one in the path"),
	noKey("49 two of nobody's", bare(keyX, "X-Api-Key: "+nobodys, "X-Sdk-Key: "+strings.Replace(nobodys, "0", "1", 1))),
	noKey("49 two of nobody's, where there is no app",
		bare("/proxy/c-key/nope/x", "X-Api-Key: "+nobodys, "X-Sdk-Key: "+strings.Replace(nobodys, "0", "1", 1))),
	noKey("49 nobody's and somebody's", bare(keyX, "X-Api-Key: {ck}", "Authorization: Bearer "+nobodys)),
	says(noKey("49 a tenant's in the header", bare(keyX, "X-Api-Key: "+harness.KeyA, "X-User-Email: "+harness.Alice)),
		"tenant_keys_in_placement"),
	says(noKey("49 a tenant's in the password",
		bare(keyX, "Authorization: "+basic("x:"+harness.KeyA), "X-User-Email: "+harness.Alice)), "tenant_keys_in_placement"),
	passes("49 a tenant's in the header, and explicit",
		bare(keyX, "X-Api-Key: "+harness.KeyA, "X-Vendgate-Key: "+harness.KeyA, "X-User-Email: "+harness.Alice), keyCall),
	{name: "49 a link keeps the key out", request: bare("/proxy/c-bot/bot/bot{ck:c-bot}/getMe"),
		sent: upstream("GET /bot" + credBot + "/getMe"), status: 302,
		answer:  reply("302 Found", "", "Location: http://{up}/bot"+credBot+"/next"),
		headers: []string{"Location: http://{gw}/proxy/c-bot/bot/next"}},
}

// manyCall is what the provider of app many gets for GET x.
var manyCall = upstream("GET /p-c-value/x?token=c-value", "Authorization: "+basic(credHeader+":b-value"),
	"X-Api-Key: "+credHeader, "X-App-Id: id b-value")

// withKey is a call with the key where it is read, and a second time elsewhere.
func withKey(target string, more ...string) string {
	return bare(target, append([]string{"X-Api-Key: {ck}"}, more...)...)
}

// again is a row for the key in a form, {form} in the request.
func again(name, request, within string) row { return says(badRequest("50 "+name, request), within) }

// keyAgainCases have the accepted key in a second place. {form} is the key in one form after the
// other.
var keyAgainCases = []row{
	again("in the path", withKey("/proxy/c-key/key/x/{form}/y"), "the path"),
	again("in the query", withKey(keyX+"?a=b&access_token={form}"), "the query parameter access_token"),
	again("in a parameter without a name", withKey(keyX+"?{form}"), "the query"),
	again("in the name of a parameter", withKey(keyX+"?a=b&{form}=1"), "the query"),
	again("in a header", withKey(keyX, "X-Sfdc-Session: {form}"), "the header X-Sfdc-Session"),
	again("in a header, by a scheme", withKey(keyX, "Private-Token: Bearer {form}"), "the header Private-Token"),
	again("in a header, within a text", withKey(keyX, `X-Config: {"token":"{form}","x":1}`), "the header X-Config"),
	again("in the referrer", withKey(keyX, "Referer: https://gw.example/x?key={form}"), "the header Referer"),
	again("in the user agent", withKey(keyX, "User-Agent: sdk/1.0 ({form})"), "the header User-Agent"),
	again("in a subprotocol", withKey(keyX, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{form}"), "the header Sec-Websocket-Protocol"),
	again("in the second value of a header", withKey(keyX, "X-List: a", "X-List: {form}"), "the header X-List"),
	again("in a form", post(keyX, "grant_type=x&client_secret={form}", "X-Api-Key: {ck}",
		"Content-Type: application/x-www-form-urlencoded"), "the body"),
	again("in JSON", post(keyX, `{"a":{"token":"{form}"}}`, "X-Api-Key: {ck}", "Content-Type: application/json"),
		"the body"),
	again("in bytes", post(keyX, "\x00\x01\xff{form}\xfe", "X-Api-Key: {ck}", "Content-Type: application/octet-stream"),
		"the body"),
	again("in the body of a signed request", post("/proxy/c-signed/signed/x", "{form:c-signed}",
		"Authorization: Bearer {ck:c-signed}", "Content-Type: text/plain"), "the body"),
	again("in Amazon's query", bare("/proxy/c-bucket/bucket/x?X-Id={form:c-bucket}",
		"Authorization: Bearer {ck:c-bucket}"), "the query parameter X-Id"),
	again("behind the path prefix", bare("/proxy/c-bot/bot/bot{ck:c-bot}/bot{form:c-bot}/getMe"), "the path"),
	again("beside the API",
		bare("/proxy/c-forge/forge/~/g/{form:c-forge}.git/info/refs", "Authorization: Basic {b64:x:{ck:c-forge}}"), ""),
}

// tenantAgainCases are the same by a tenant's key.
var tenantAgainCases = []row{
	again("a tenant's in the query", get(keyX+"?access_token="+harness.KeyA), "the query parameter access_token"),
	again("a tenant's in a header", get(keyX, "X-Sfdc-Session: "+harness.KeyA), "the header X-Sfdc-Session"),
	again("a tenant's in base64", get(keyX, "X-Auth: "+base64.StdEncoding.EncodeToString([]byte("user:"+harness.KeyA))),
		"the header X-Auth"),
	again("a tenant's in a body", call("POST", keyX, "Content-Length: "+itoa(len(harness.KeyA)+4))+"key="+harness.KeyA,
		"the body"),
	passes("50 a tenant's where all is removed", get(keyX, "X-Api-Key: "+harness.KeyA, "X_Api_Key: "+harness.KeyA,
		"Cookie: k="+harness.KeyA, "Proxy-Authorization: Bearer "+harness.KeyA,
		"X-Forwarded-Key: "+harness.KeyA, "X-Sdk-Session: "+harness.KeyA), keyCall),
}

// forms are the spellings of a key that a provider would read it from.
var forms = []struct {
	name  string
	spell func(key string) string
}{
	{"plain", func(key string) string { return key }},
	{"percent", percent},
	{"percent in part", func(key string) string { return key[:7] + percent(key[7:9]) + key[9:] }},
	{"percent three times", func(key string) string { return url.QueryEscape(url.QueryEscape(percent(key))) }},
	{"base64", func(key string) string { return base64.RawStdEncoding.EncodeToString([]byte(key)) }},
	{"base64 of user and key", func(key string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("user:" + key))
	}},
	{"base64 of key and password", func(key string) string {
		return base64.RawStdEncoding.EncodeToString([]byte(key + ":pass"))
	}},
	{"base64 within more", func(key string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"k":"` + key + `"}`))
	}},
	{"base64 twice", func(key string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("x:" + key))))
	}},
	{"base64 of percent", func(key string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("x" + percent(key)))
	}},
	{"percent of base64", func(key string) string {
		return percent(base64.RawStdEncoding.EncodeToString([]byte("xy" + key)))
	}},
	{"hex", func(key string) string { return hex.EncodeToString([]byte(key)) }},
}

// percent escapes each character.
func percent(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{text[i]})))
	}
	return b.String()
}

// fill finishes a row's request with the keys: {b64:…} and {pct:…} encode, {form} is one spelling,
// {length} is the body's.
func (k *keyed) fill(r row, spell func(string) string) row {
	request := strings.ReplaceAll(r.request, "{form}", spell(k.keys["c-key"]))
	for connection, key := range k.keys {
		request = strings.ReplaceAll(request, "{form:"+connection+"}", spell(key))
	}
	request = k.expand().Replace(request)
	for _, encoder := range []struct {
		open   string
		encode func(string) string
	}{{"{b64:", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }}, {"{pct:", percent}} {
		for before, rest, ok := strings.Cut(request, encoder.open); ok; before, rest, ok = strings.Cut(request,
			encoder.open) {
			text, after, _ := strings.Cut(rest, "}")
			request = before + encoder.encode(text) + after
		}
	}
	_, body, _ := strings.Cut(request, "\r\n\r\n")
	r.request = strings.ReplaceAll(request, "{length}", itoa(len(body)))
	return r
}

func TestKeyCases(t *testing.T) {
	k := newKeyed(t, "log\nvendgate_proxy")
	expand := k.expand()
	run := func(name string, r row) {
		t.Run(name, func(t *testing.T) { k.check(t, r, expand) })
	}
	for _, section := range [][]row{keyPlaceCases, tenantAgainCases} {
		for _, r := range section {
			run(r.name, k.fill(r, forms[0].spell))
		}
	}
	for _, r := range keyAgainCases {
		for _, f := range forms {
			run(r.name+", "+f.name, k.fill(r, f.spell))
		}
	}
	for line := range strings.Lines(k.log()) {
		checkSecrets(t, "the log, in "+line+",", line)
	}
	k.checkKeys(t, "the log", k.log())
}

// TestKeyInTrailer: what comes behind a body is searched as well, and ends the request before its
// end.
func TestKeyInTrailer(t *testing.T) {
	k := newKeyed(t, "vendgate_proxy")
	for _, form := range []string{k.keys["c-key"], percent(k.keys["c-key"]), inBase64(k.keys["c-key"], 1)} {
		request := strings.Replace(bare(keyX, "X-Api-Key: "+k.keys["c-key"], "Transfer-Encoding: chunked", "Trailer: X-Sum"),
			"GET ", "POST ", 1) +
			"2\r\nhi\r\n0\r\nX-Sum: " + form + "\r\n\r\n"
		got := exchange(t, k.Addr, request)
		if got.StatusCode != 400 || !strings.Contains(got.body, "the trailer X-Sum") {
			t.Errorf("answered %q", got.raw)
		}
		for _, sent := range k.up.Got() {
			if strings.Contains(sent, "X-Sum: ") || strings.Contains(sent, "\r\n0\r\n") {
				t.Errorf("the upstream got %q", sent)
			}
		}
	}
}

// TestKeyInNameOfTrailer: a name that the client announces is the key.
func TestKeyInNameOfTrailer(t *testing.T) {
	k := newKeyed(t, "vendgate_proxy")
	name := "X-" + k.keys["c-key"]
	got := exchange(t, k.Addr, strings.Replace(bare(keyX, "X-Api-Key: "+k.keys["c-key"], "Transfer-Encoding: chunked",
		"Trailer: "+name), "GET ", "POST ", 1)+
		"2\r\nhi\r\n0\r\n"+name+": x\r\n\r\n")
	if sent := k.up.Got(); got.StatusCode != 400 || !strings.Contains(got.body, "the name of a trailer") ||
		len(sent) != 0 {
		t.Errorf("answered %q, and the upstream got %q", got.raw, sent)
	}
}

// TestKeyOfAmazon: the access key id of a signature is a key of ours, in the header and in the
// query, and is signed over.
func TestKeyOfAmazon(t *testing.T) {
	k := newKeyed(t, "log\nvendgate_proxy")
	key := k.keys["c-bucket"]
	const path = "/proxy/c-bucket/bucket/photos/1.jpg"
	scope := key + "/20261130/eu-west-1/s3/aws4_request"
	for name, request := range map[string]string{
		"header": bare(path+"?x-id=GetObject", "Authorization: AWS4-HMAC-SHA256 Credential="+scope+
			", SignedHeaders=host;x-amz-date, Signature=00ff", "X-Amz-Date: 20261130T000000Z",
			"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD", "X-Amz-Security-Token: x"),
		"query": bare(path + "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=" +
			url.QueryEscape(scope) +
			"&X-Amz-Date=20261130T000000Z&X-Amz-Expires=900&X-Amz-Signature=00ff&X-Amz-SignedHeaders=host&x-id=GetObject"),
	} {
		t.Run(name, func(t *testing.T) {
			got, sent := exchange(t, k.Addr, request), k.up.Got()
			if got.StatusCode != 200 || len(sent) != 1 {
				t.Fatalf("answered %q; the upstream got %q", got.raw, sent)
			}
			k.checkKeys(t, "what the upstream got", sent[0])
			if !strings.HasPrefix(sent[0], "GET /photos/1.jpg?x-id=GetObject HTTP/1.1\r\n") ||
				!strings.Contains(sent[0], "Credential=AKIDALPHA/") || strings.Count(sent[0], "Signature=") != 1 {
				t.Errorf("the upstream got %q", sent[0])
			}
		})
	}
	noKey := exchange(t, k.Addr, get("/proxy/c-bucket/bucket/x?X-Amz-Credential=AKIDOTHER%2Fx&X-Amz-Signature=00"))
	if noKey.StatusCode != 400 || len(k.up.Got()) != 0 {
		t.Errorf("a foreign signature was answered %q", noKey.raw)
	}
	k.checkKeys(t, "the log", k.log())
}

// TestTenantKeyInPlacement: the operator can have tenant keys read where SDKs put them.
func TestTenantKeyInPlacement(t *testing.T) {
	k := newKeyed(t, "log\nvendgate_proxy {\ntenant_keys_in_placement\n}")
	expand := k.expand()
	user := "X-User-Email: " + harness.Alice
	for _, r := range []row{
		passes("in the app's header", bare(keyX, user, "X-Api-Key: "+harness.KeyA), keyCall),
		passes("in the password of Basic", bare(keyX, user, "Authorization: "+basic("x:"+harness.KeyA)), keyCall),
		passes("under another scheme", bare(keyX, user, "Authorization: ApiKey "+harness.KeyA), keyCall),
		passes("in the query", bare("/proxy/c-query/query/x?api_key="+harness.KeyA, user),
			upstream("GET /query/x?api_key="+credQuery)),
		passes("in the path", bare("/proxy/c-bot/bot/bot"+harness.KeyA+"/x", user), upstream("GET /bot"+credBot+"/x")),
		noKey("unknown", bare(keyX, user, "X-Api-Key: pk_live_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX")),
		refused("without a user", bare(keyX, "X-Api-Key: "+harness.KeyA), 400, "invalid_user_email", "gateway"),
		badRequest("two", bare(keyX, user, "X-Api-Key: "+harness.KeyA, "Authorization: Bearer "+harness.KeyB)),
	} {
		t.Run(r.name, func(t *testing.T) { k.check(t, r, expand) })
	}
	checkSecrets(t, "the log", k.log())
}

// TestKeysInPlaceholders: what a site tells of a call by placeholders has no key, and nothing that
// is where a key may be.
func TestKeysInPlaceholders(t *testing.T) {
	placeholders := func(prefix string, names ...string) string {
		return `"{http.request.` + prefix + strings.Join(names, `} {http.request.`+prefix) + `}"`
	}
	k := newKeyed(t, "log\n\theader >X-Told "+
		placeholders("", "uri", "uri.path", "uri.query", "orig_uri", "uri.query.api_key", "uri.path.4")+
		"\n\theader >X-Told-Header "+
		placeholders("header.", "X-Api-Key", "X-API-Key", "x-api-KEY", "X-Sdk-Key")+"\n\tvendgate_proxy")
	const foreign = "sk-of-a-provider-NEVER"
	for _, request := range []string{
		bare(keyX, "X-Api-Key: {ck}"), bare(keyX, "X-Sdk-Key: {ck}"), bare(keyX, "X-Api-Key: {ck}0"),
		bare(keyX, "X-Api-Key: "+foreign, "Authorization: Bearer {ck}"),
		bare("/proxy/c-query/query/x?api_key={ck:c-query}"),
		bare("/proxy/c-query/query/x?api_key="+foreign, "X-Vendgate-Key: {ck:c-query}"),
		bare("/proxy/c-bot/bot/bot{ck:c-bot}/getMe"), bare("/proxy/c-bot/bot/bot" + foreign + "/getMe"),
		bare(keyX+"?access_token={ck}", "X-Api-Key: {ck}"), bare(keyX+"/{ck}", "X-Api-Key: {ck}"),
	} {
		got := exchange(t, k.Addr, k.expand().Replace(request))
		k.checkKeys(t, "what a handler tells", got.raw)
		if strings.Contains(got.raw, foreign) || got.Header.Get("X-Told") == "" {
			t.Errorf("a handler tells %q", got.raw)
		}
	}
	exchange(t, k.Addr, get("/proxy/c-key/key/last"))
	harness.Within(t, "the last entry", 10*time.Second, func() bool {
		return strings.Contains(k.Log(), "/proxy/c-key/key/last")
	})
	log := k.Log()
	k.checkKeys(t, "the log", log)
	if strings.Contains(log, foreign) {
		t.Error("the log has what may be a provider's key")
	}
	for _, mark := range []string{`"uri":"/proxy/c-bot/bot/getMe"`, `"uri":"/proxy/c-query/query/x?api_key=REDACTED"`,
		`"X-Api-Key":["REDACTED"]`, `"uri":"/proxy/c-bot/bot/REDACTED/getMe"`} {
		if !strings.Contains(log, mark) {
			t.Errorf("no %s in the log", mark)
		}
	}
}
