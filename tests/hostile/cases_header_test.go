package hostile

import (
	"strings"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

func wrongApp(vending.Request) (vending.Credential, error) {
	return vending.NewFields("key", vending.APIKey, []vending.Field{{Name: "api_key", Value: credHeader}}), nil
}

// keyRow calls app key with further header lines, none of which the upstream may get.
func keyRow(name string, more ...string) row {
	return passes(name, get("/proxy/c-key/key/x", more...), keyCall)
}

func bearerRow(name string, more ...string) row {
	return passes(name, get("/proxy/c-bearer/bearer/x", more...),
		upstream("GET /bearer/x", "Authorization: Bearer "+credBearer))
}

// queryRow calls app query; of the query, rest must remain.
func queryRow(name, query, rest string) row {
	if rest != "" {
		rest += "&"
	}
	return passes(name, get("/proxy/c-query/query/x?"+query), upstream("GET /query/x?"+rest+"api_key="+credQuery))
}

var headerCases = []row{
	bearerRow("06 Connection names Authorization", "Connection: Authorization"),
	bearerRow("06 Connection names Authorization, close and more", "Connection: close, authorization, X-User-Email, Host"),
	keyRow("06 Connection names the placed header", "Connection: X-Api-Key", "X-Api-Key: mine"),
	keyRow("06 Connection names the tenant key's header", "X-Vendgate-Key: "+harness.KeyA, "Connection: X-Vendgate-Key"),
	passes("06 Connection names the signature",
		get("/proxy/c-signed/signed/x", "Connection: X-Signature", "X-Signature: mine"),
		upstream("GET /signed/x", "X-Signature: 477daffab13f0b2603be1db25232cc5f732c12a1a903960a7fc2a9643660f8fa")),

	badRequest("07 authorization twice", get("/proxy/c-bearer/bearer/x", "Authorization: Bearer other")),
	badRequest("07 authorization twice, in odd case", get("/proxy/c-bearer/bearer/x", "aUTHORIZATION: Bearer other")),
	bearerRow("07 authorization twice, key apart", "X-Vendgate-Key: "+harness.KeyA, "authorization: Bearer a",
		"AUTHORIZATION: Bearer b"),
	passes("07 authorization in odd case", strings.Replace(get("/proxy/c-bearer/bearer/x"), "Authorization",
		"aUtHoRiZaTiOn", 1), upstream("GET /bearer/x", "Authorization: Bearer "+credBearer)),
	{name: "07 space before the colon", request: get("/proxy/c-bearer/bearer/x", "Authorization : Bearer x"), status: 400},
	passes("07 folded authorization", strings.Replace(get("/proxy/c-bearer/bearer/x"), "Bearer ", "Bearer\r\n ", 1),
		upstream("GET /bearer/x", "Authorization: Bearer "+credBearer)),
	passes("07 header folded into another", get("/proxy/c-key/key/x", "X-Note: a", "\tX-Api-Key: mine"),
		upstream("GET /base/x", "X-Api-Key: "+credHeader, "X-Note: a X-Api-Key: mine")),
	bearerRow("07 Authorization_", "Authorization_: Bearer x", "_Authorization: Bearer y", "Authorization-: Bearer z"),
	keyRow("07 X_Api_Key", "X_Api_Key: mine", "x-api_key: mine", "X_API-KEY: mine", "-X-Api-Key: mine"),
	{name: "07 header name with a control character", request: get("/proxy/c-key/key/x", "X-Api-Key\x00: mine"),
		status: 400},

	keyRow("08 the placed header", "X-Api-Key: mine"),
	keyRow("08 the placed header, any case, repeated", "x-api-key: one", "X-API-KEY: two", "X-Api-Key: three"),
	passes("08 the placed header as a trailer", call("POST", "/proxy/c-key/key/x", "Transfer-Encoding: chunked",
		"Trailer: X-Api-Key, X-Sum")+"2\r\nhi\r\n0\r\nX-Api-Key: mine\r\nX-Sum: 7\r\n\r\n",
		[]string{lines("POST /base/x HTTP/1.1", "Host: {up}", "Transfer-Encoding: chunked", "Trailer: X-Sum",
			"X-Api-Key: "+credHeader) + "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"}),
	passes("08 the signature", get("/proxy/c-signed/signed/x", "X-Signature: mine", "x_signature: mine"),
		upstream("GET /signed/x", "X-Signature: 477daffab13f0b2603be1db25232cc5f732c12a1a903960a7fc2a9643660f8fa")),
	passes("08 Authorization of a basic app", strings.Replace(get("/proxy/c-basic/basic/x"), "Authorization",
		"X-Vendgate-Key: "+harness.KeyA+"\r\nAuthorization", 1),
		upstream("GET /basic/x", "Authorization: Basic "+credBasic)),
	queryRow("08 no query", "", ""),
	queryRow("08 the placed key", "api_key=mine", ""),
	queryRow("08 the placed key among others", "a=1&api_key=mine&b=2", "a=1&b=2"),
	queryRow("08 any case, repeated", "API_KEY=1&a=%2f&Api_Key=2&api_key=3", "a=%2f"),
	queryRow("08 encoded", "%61pi_key=1&api%5fkey=2&%41%50%49%5F%4B%45%59=3&z", "z"),
	queryRow("08 as an array", "api_key[]=1&api_key[0]=2&api_key%5B%5D=3&z=1", "z=1"),
	queryRow("08 with a dash, a dot or a space for the underscore", "api-key=1&api.key=2&api+key=3&api%20key=4&z=1",
		"z=1"),
	queryRow("08 without a value", "api_key&z=1&api_key=", "z=1"),
	queryRow("08 behind a semicolon", "z=1;api_key=mine;y=2", "z=1;y=2"),
	queryRow("08 with white space or NUL", "+api_key=1&%20api_key%20=2&api_key%00=3&z=1", "z=1"),
	queryRow("08 names that only begin alike", "api_keys=1&my_api_key=2&q=api_key%3D3",
		"api_keys=1&my_api_key=2&q=api_key%3D3"),

	keyRow("09 Cookie", "Cookie: session=1", "Cookie: more=2"),
	keyRow("09 X-Forwarded", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https",
		"X-Forwarded-Prefix: /", "X_Forwarded_For: 1.2.3.4"),
	keyRow("09 Forwarded, Via, X-Real-Ip", "Forwarded: for=1.2.3.4", "Via: 1.1 evil", "X-Real-Ip: 1.2.3.4",
		"X_Real_IP: 1.2.3.4"),
	keyRow("09 Proxy headers", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive", "Proxy: http://{evil}"),
	keyRow("09 path overrides", "X-Original-URL: /admin", "X-Rewrite-Url: /admin"),
	keyRow("09 Vendgate headers", "Vendgate-Code: x", "Vendgate-Anything: y", "vendgate_errors: z"),
	keyRow("09 hop-by-hop headers", "Keep-Alive: timeout=5", "Te: gzip", "Upgrade: foo", "Connection: X-Hop", "X-Hop: 1"),
	passes("09 what an upstream may see",
		get("/proxy/c-key/key/x", "Accept: */*", "User-Agent: sdk/1", "X-Custom: v", "If-None-Match: \"e\""),
		upstream("GET /base/x", "User-Agent: sdk/1", "Accept: */*", "If-None-Match: \"e\"", "X-Api-Key: "+credHeader,
			"X-Custom: v")),
}

// valueRow calls as tenant gamma with a credential of one value.
func valueRow(name, app, field, value string, sent []string) row {
	r := row{name: name, request: as(keyC, get("/proxy/c/"+app+"/x")), vend: fields(vending.APIKey, field, value),
		vends: 1, sent: sent, status: 200}
	if sent == nil {
		r.status, r.code, r.origin = 401, "needs_reconnection", "gateway"
		r.headers = []string{"!Set-Cookie", "!X-Evil"}
	}
	return r
}

var valueCases = valueRows()

func valueRows() []row {
	const evil = "sk-1\r\nX-Evil: 1"
	var rows []row
	for _, bad := range []struct{ name, value string }{
		{"CR and LF", evil}, {"CR", "sk\r1"}, {"LF", "sk\n1"}, {"NUL", "sk\x001"}, {"a line break at the end", "sk-1\n"},
		{"nothing", ""},
	} {
		rows = append(rows,
			valueRow("10 header value with "+bad.name, "key", "api_key", bad.value, nil),
			valueRow("10 query value with "+bad.name, "query", "api_key", bad.value, nil),
			valueRow("10 path value with "+bad.name, "bot", "token", bad.value, nil),
			basicRow("10 basic password with "+bad.name, "u", bad.value, ""),
			basicRow("10 basic user name with "+bad.name, bad.value, "p", ""),
		)
	}
	rows = append(rows,
		valueRow("10 header value with a tab", "key", "api_key", "sk\t1", nil),
		valueRow("10 header value with spaces around", "key", "api_key", " sk ", nil),
		basicRow("10 basic user name with a colon", "u:x", "p", ""),
		valueRow("10 header value, not ASCII", "key", "api_key", "sk-\u00e9\U0001f511",
			upstream("GET /base/x", "X-Api-Key: sk-\u00e9\U0001f511")),
		valueRow("10 query value, not ASCII", "query", "api_key", "\u00e9 &=+#",
			upstream("GET /query/x?api_key=%C3%A9+%26%3D%2B%23")),
		valueRow("10 path value, not ASCII", "bot", "token", "\u00e9", upstream("GET /bot%C3%A9/x")),
		basicRow("10 basic, not ASCII", "\u00e9", "p:\u00e9", "w6k6cDrDqQ=="),
		valueRow("10 value that looks like a template", "key", "api_key", "{api_key}{{x}}{env.HOME}",
			upstream("GET /base/x", "X-Api-Key: {api_key}{{x}}{env.HOME}")),
		valueRow("15 path value with reserved characters", "bot", "token", "a/b?c#d%e",
			upstream("GET /bota%2Fb%3Fc%23d%25e/x")),
		valueRow("15 path value with two dots in it", "bot", "token", "a..b", upstream("GET /bota..b/x")),
		valueRow("15 whole segment with reserved characters", "segment", "token", "a/?#", upstream("GET /seg/a%2F%3F%23/x")),
		valueRow("10 no value at all", "key", "other", "x", nil),
		row{name: "10 several at once", request: as(keyC, get("/proxy/c/many/x?token=mine&a=1", "X-App-Id: mine")), vends: 1,
			vend: fields(vending.APIKey, "a", "aaa", "b", "b b", "c", "c/c"), status: 200, body: "ok",
			sent: upstream("GET /p-c%2Fc/x?a=1&token=c%2Fc", "Authorization: Basic YWFhOmIgYg==", "X-Api-Key: aaa",
				"X-App-Id: id b b")},
	)
	for _, climbing := range []string{".", "..", "../x", "x/..", `..\x`, "..;a/x", "%2e%2e", "%2e%2e%2fx"} {
		rows = append(rows, valueRow("15 path value that climbs: "+climbing, "segment", "token", climbing, nil))
	}
	for _, label := range []string{"evil.com/", "a.b", "@", "u@h", ":", "h:80", "%", "%2e", "..", "", "a b",
		"ex\u00e4mple", "xn--exmple-cua", "-a", "a-", "a\n", "evil.com#", "evil.com?", `a\b`, strings.Repeat("a", 64)} {
		r := row{name: "14 slot filled with " + label, request: as(keyC, get("/proxy/c/slot/x")), vends: 1, status: 401,
			code: "needs_reconnection", origin: "gateway"}
		r.vend = fields(vending.APIKey, "sub", label, "api_key", credHeader)
		rows = append(rows, r)
	}
	return rows
}

// basicRow expects pair, in base64, or a refusal.
func basicRow(name, username, password, pair string) row {
	r := valueRow(name, "basic", "", "", nil)
	if pair != "" {
		r = valueRow(name, "basic", "", "", upstream("GET /basic/x", "Authorization: Basic "+pair))
	}
	r.vend = fields(vending.Basic, "username", username, "password", password)
	return r
}
