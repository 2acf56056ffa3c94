package hostile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

var redirectCases = redirectRows()

func redirectRows() []row {
	const own = "http://{gw}/proxy/c-passing/passing"
	targets := []struct{ name, location, want string }{
		{"another host", "http://{evil}/x", "http://{evil}/x"},
		{"another port", "http://127.0.0.1:1/base/x", "http://127.0.0.1:1/base/x"},
		{"another scheme", "ftp://{up}/base/x", "ftp://{up}/base/x"},
		{"no scheme, another host", "//{evil}/x", "//{evil}/x"},
		{"three slashes: a path to us, another host to browsers", "///{evil}/x", "http://{up}///{evil}/x"},
		{"userinfo that looks like the own host", "http://{up}@{evil}/x", "http://{up}@{evil}/x"},
		{"backslash", `http://{evil}\@{up}/base/x`, `http://{evil}\@{up}/base/x`},
		{"own host", "http://{up}/base/x?a=%2f#f", own + "/x?a=%2f#f"},
		{"own host, upgraded", "https://{up}/base/x", own + "/x"},
		{"own host, no scheme", "//{up}/base/x", own + "/x"},
		{"own path", "/base/x", "/proxy/c-passing/passing/x"},
		{"own host, outside of the base path", "http://{up}/other", "http://{up}/other"},
		{"own host, a base path that only begins alike", "http://{up}/basement", "http://{up}/basement"},
		{"path outside of the base path", "/other", "http://{up}/other"},
		{"relative path", "next?p=2", "next?p=2"},
	}
	var rows []row
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"} {
		for _, to := range targets {
			rows = append(rows, row{
				name: "24 redirect " + status + " to " + to.name, request: get("/proxy/c-passing/passing/x"), sent: keyCall,
				answer: reply(status, "moved", "Location: "+to.location), status: atoi(status), body: "moved",
				headers: []string{"Location: " + to.want},
			})
		}
	}
	return rows
}

// odd is a credential that every encoding spells differently.
const odd = `sk/"a&b\c d+é<x>=77`

var jsonOdd = `sk/\"a&b\\c d+é<x>=77`

// echoes are the spellings in which a provider may quote odd.
var echoes = map[string]string{
	"plain":                        odd,
	"in JSON":                      jsonOdd,
	"in JSON with escaped slashes": strings.ReplaceAll(jsonOdd, "/", `\/`),
	"in JSON for HTML":             strings.NewReplacer("&", `\u0026`, "<", `\u003c`, ">", `\u003e`).Replace(jsonOdd),
	"in JSON, ASCII only":          strings.ReplaceAll(jsonOdd, "é", `\u00e9`),
	"as a query value":             url.QueryEscape(odd),
	"as a query value, lower case": lowerTriplets(url.QueryEscape(odd)),
	"as a path segment":            url.PathEscape(odd),
	"by encodeURIComponent":        strings.ReplaceAll(url.QueryEscape(odd), "+", "%20"),
	"in HTML":                      html.EscapeString(odd),
	"twice":                        odd + " and " + odd,
}

func lowerTriplets(s string) string {
	return strings.NewReplacer("%2F", "%2f", "%5C", "%5c", "%2B", "%2b", "%C3", "%c3", "%A9", "%a9", "%3C", "%3c", "%3E",
		"%3e", "%3D", "%3d").Replace(s)
}

func echoRows() []row {
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(echoes)) {
		text, want := echoes[name], "[redacted]"
		if name == "twice" {
			want = "[redacted] and [redacted]"
		}
		r := row{
			name: "25 error body echoes the credential " + name, request: as(keyC, get("/proxy/c/query/x")),
			vend: fields(vending.APIKey, "api_key", odd), vends: 1,
			sent:   upstream("GET /query/x?api_key=" + url.QueryEscape(odd)),
			answer: reply("503 Down", "key ("+text+") is bad", "Content-Type: text/plain"),
			status: 503, code: "upstream_unavailable", origin: "upstream", within: "key (" + want + ") is bad",
		}
		rows = append(rows, r)
		r.name, r.answer = "25 gzipped error body echoes the credential "+name, reply("503 Down",
			zipped("key ("+text+") is bad"), "Content-Encoding: gzip")
		rows = append(rows, r)
		if !strings.ContainsAny(text, "é") {
			r.name, r.answer = "25 header echoes the credential "+name, reply("200 OK", "ok", "X-Echo: key ("+text+")")
			r.status, r.code, r.origin, r.within, r.raw = 200, "", "", "ok", "X-Echo: key ("+want+")\r\n"
			rows = append(rows, r)
		}
	}
	return rows
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.String()
}

// mapped is a row whose upstream answers with an error that becomes code.
func mapped(name, answer string, status int, code string) row {
	return row{name: name, request: get("/proxy/c-key/key/x"), sent: keyCall, answer: answer, status: status, code: code,
		origin: "upstream"}
}

func (r row) with(headers ...string) row { r.headers = append(r.headers, headers...); return r }

func (r row) quoting(text string) row { r.within = text; return r }

// border pads a body so that the credential lies across the last byte that is quoted.
func border(over int) string {
	return strings.Repeat("x", 16<<10-len(credHeader)+over) + credHeader + strings.Repeat("y", 100)
}

var answerCases = append(append(echoRows(), retryRows()...), []row{
	{name: "25 credential in a header", request: get("/proxy/c-bearer/bearer/x"),
		sent: upstream("GET /bearer/x", "Authorization: Bearer "+credBearer), status: 200, body: "ok",
		answer: reply("200 OK", "ok", "X-Echo: Bearer "+credBearer, "Www-Authenticate: Bearer token=\""+credBearer+"\"",
			"Authorization: Bearer "+credBearer),
		headers: []string{"X-Echo: Bearer [redacted]", `Www-Authenticate: Bearer token="[redacted]"`,
			"Authorization: Bearer [redacted]"}},
	{name: "25 basic pair in a header", request: get("/proxy/c-basic/basic/x"),
		sent: upstream("GET /basic/x", "Authorization: Basic "+credBasic), status: 200,
		answer:  reply("200 OK", "ok", "X-Echo: "+credBasic, "X-Pass: "+credPass),
		headers: []string{"X-Echo: [redacted]", "X-Pass: [redacted]"}},
	{name: "25 credential in Location, own host", request: get("/proxy/c-query/query/x"),
		sent: upstream("GET /query/x?api_key=" + credQuery), status: 302,
		answer: reply("302 Found", "", "Location: http://{up}/query/y?p=2&api_key="+credQuery+"&q=3",
			`Link: </query/z?api_key=`+credQuery+`>; rel="next"`),
		headers: []string{"Location: http://{gw}/proxy/c-query/query/y?p=2&q=3",
			`Link: </proxy/c-query/query/z>; rel="next"`}},
	{name: "25 credential in Location, foreign host", request: get("/proxy/c-query/query/x"),
		sent: upstream("GET /query/x?api_key=" + credQuery), status: 302,
		answer:  reply("302 Found", "", "Location: http://evil.example/y?k="+credQuery),
		headers: []string{"Location: http://evil.example/y?k=[redacted]"}},
	{name: "25 credential in the path of Location", request: get("/proxy/c-bot/bot/x"),
		sent: upstream("GET /bot" + credBot + "/x"), status: 302,
		answer:  reply("302 Found", "", "Location: /bot"+credBot+"/y", "Content-Location: http://{evil}/bot"+credBot),
		headers: []string{"Location: /proxy/c-bot/bot/y", "Content-Location: http://{evil}/bot[redacted]"}},
	mapped("25 credential before the border of what is quoted", reply("503 Down", border(0)), 503,
		"upstream_unavailable").quoting("xx[redacted]"),
	mapped("25 credential across the border of what is quoted", reply("503 Down", border(1)), 503,
		"upstream_unavailable").quoting(`"truncated":true`),
	mapped("25 credential half across the border", reply("503 Down", border(len(credHeader)/2)), 503,
		"upstream_unavailable").quoting(`"truncated":true`),
	mapped("25 credential across the border, gzipped", reply("503 Down", zipped(border(5)), "Content-Encoding: gzip"), 503,
		"upstream_unavailable").quoting(`"truncated":true`),
	mapped("25 error body in an encoding we cannot read", reply("503 Down", credHeader, "Content-Encoding: br"), 503,
		"upstream_unavailable").quoting(`"body":""`),
	mapped("25 error body that is no gzip", reply("503 Down", credHeader, "Content-Encoding: gzip"), 503,
		"upstream_unavailable").quoting(`"body":""`),
	mapped("25 credential in the content type of an error", reply("503 Down", "x", "Content-Type: text/"+credHeader), 503,
		"upstream_unavailable").quoting(`"content_type":"text/[redacted]"`),
	{name: "25 Vendgate headers of an upstream", request: get("/proxy/c-key/key/x"), sent: keyCall, status: 200,
		body:    "ok",
		answer:  reply("200 OK", "ok", "Vendgate-Code: x", "vendgate-origin: y"),
		headers: []string{"!Vendgate-Code", "!Vendgate-Origin"}},

	{name: "26 Set-Cookie", request: get("/proxy/c-key/key/x"), sent: keyCall, status: 200, body: "ok",
		answer: reply("200 OK", "ok", "Set-Cookie: a=b", "set-cookie2: c=d", "Alt-Svc: h3=\":443\"",
			"Clear-Site-Data: \"*\""), headers: []string{"!Set-Cookie", "!Set-Cookie2", "!Alt-Svc", "!Clear-Site-Data"}},
	{name: "26 Set-Cookie of a passed-through error", request: get("/proxy/c-plain/plain/x"),
		sent: upstream("GET /plain/x", "X-Api-Key: "+credHeader), status: 503, code: "upstream_unavailable",
		origin: "upstream",
		answer: reply("503 Down", "theirs", "Set-Cookie: a=b"), body: "theirs", headers: []string{"!Set-Cookie"}},
	mapped("26 hop-by-hop headers of an answer", reply("503 Down", "x", "Set-Cookie: a=b", "Connection: X-Hop",
		"X-Hop: 1"), 503, "upstream_unavailable").with("!Set-Cookie", "!X-Hop", "!Connection"),

	// A static credential has no fresher one: the upstream gets exactly one call.
	mapped("27 a 401 with a body, to a static key",
		reply("401 No", `{"error":"bad key `+credHeader+`"}`, "Content-Type: application/json"), 401, "needs_reconnection").
		quoting(`"upstream":{"status":401,"content_type":"application/json","body":"{\"error\":\"bad key [redacted]\"}"}`),
	{name: "27 a 401 in passthrough", request: get("/proxy/c-plain/plain/x"),
		sent: upstream("GET /plain/x", "X-Api-Key: "+credHeader), status: 401, code: "needs_reconnection", origin: "upstream",
		answer: reply("401 No", "theirs", "X-Theirs: 1"), body: "theirs", headers: []string{"X-Theirs: 1"}},
	revendRow("27 a 401 twice", []string{reply("401 No", "a"), reply("401 No", "b")}, []string{"t1-secret", "t2-secret"},
		401, "needs_reconnection", `"body":"b"`),
	revendRow("27 a 401, then the fresh credential is good", []string{reply("401 No", "a"), reply("200 OK", "fine")},
		[]string{"t1-secret", "t2-secret"}, 200, "", "fine"),
	{name: "27 a 401, and the same credential again", request: as(keyC, get("/proxy/c/key/x")),
		vend: fields(vending.APIKey, "api_key", "same-secret"), vends: 2,
		answer: reply("401 No", "a"), sent: upstream("GET /base/x", "X-Api-Key: same-secret"), status: 401,
		code: "needs_reconnection", origin: "upstream"},
	revendRow("27 the refused credential, quoted by the second answer",
		[]string{reply("401 No", "a"), reply("503 Down", "t1-secret t2-secret")}, []string{"t1-secret", "t2-secret"}, 503,
		"upstream_unavailable", `"body":"[redacted] [redacted]"`),
	{name: "27 a 401 to a body that was kept", request: as(keyC,
		call("POST", "/proxy/c/key/x", "Content-Length: 4")+"body"), vend: inTurn("t1-secret", "t2-secret"), vends: 2,
		answers: []string{reply("401 No", "a"), reply("200 OK", "ok")}, status: 200, body: "ok",
		sent: []string{lines("POST /base/x HTTP/1.1", "Host: {up}", "Content-Length: 4", "X-Api-Key: t1-secret") + "body",
			lines("POST /base/x HTTP/1.1", "Host: {up}", "Content-Length: 4", "X-Api-Key: t2-secret") + "body"}},
	{name: "27 a 401 to a body that was not kept",
		request: as(keyC, call("POST", "/proxy/c/key/x", "Transfer-Encoding: chunked")+"4\r\nbody\r\n0\r\n\r\n"),
		vend:    inTurn("t1-secret", "t2-secret"), vends: 2,
		answer: reply("401 No", "a"), status: 503, code: "upstream_unavailable", origin: "upstream",
		sent: []string{lines("POST /base/x HTTP/1.1", "Host: {up}", "Transfer-Encoding: chunked", "X-Api-Key: t1-secret") +
			"4\r\nbody\r\n0\r\n\r\n"}},
}...)

// revendRow calls with credentials that the source vends in turn.
func revendRow(name string, answers, tokens []string, status int, code, within string) row {
	r := row{name: name, request: as(keyC, get("/proxy/c/key/x")), vend: inTurn(tokens...), vends: len(tokens),
		answers: answers, status: status, code: code, within: within}
	if code != "" {
		r.origin = "upstream"
	}
	for _, token := range tokens {
		r.sent = append(r.sent, upstream("GET /base/x", "X-Api-Key: "+token)...)
	}
	return r
}

// inTurn vends the first token, and by force the one after that which was refused.
func inTurn(tokens ...string) vendFunc {
	return func(r vending.Request) (vending.Credential, error) {
		refused, _ := r.Refused.Field("api_key")
		next := min(slices.Index(tokens, refused)+1, len(tokens)-1)
		if r.Force != (next > 0) {
			return vending.Credential{}, errors.New("forced without a refused credential, or the other way round")
		}
		return fields(vending.APIKey, "api_key", tokens[next])(r)
	}
}

// retryRows has every Retry-After that providers are known to send, and what leaves the gateway.
func retryRows() []row {
	var rows []row
	for _, c := range []struct{ name, header, want string }{
		{"absent", "X: y", "1"}, {"empty", "Retry-After:", "1"}, {"zero", "Retry-After: 0", "1"},
		{"seconds", "Retry-After: 120", "120"},
		{"negative", "Retry-After: -5", "1"}, {"a day and more", "Retry-After: 86401", "86400"},
		{"huge", "Retry-After: 99999999999999999999", "86400"},
		{"hugely negative", "Retry-After: -99999999999999999999", "1"}, {"a fraction", "Retry-After: 1.5", "2"},
		{"garbage", "Retry-After: soon", "1"},
		{"past date", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "1"},
		{"far date", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "86400"},
		{"twice", "Retry-After: 5\r\nRetry-After: 9", "5"},
	} {
		rows = append(rows,
			mapped("28 Retry-After "+c.name, reply("429 Slow", "x", c.header), 429, "rate_limited").with("Retry-After: "+c.want))
	}
	for _, c := range []struct{ name, status, header, want string }{
		{"seconds", "503 Down", "Retry-After: 7", "Retry-After: 7"},
		{"of a 502", "502 Bad", "Retry-After: 8", "Retry-After: 8"},
		{"of a 504", "504 Late", "Retry-After: 9", "Retry-After: 9"}, {"absent", "503 Down", "X: y", "!Retry-After"},
		{"empty", "503 Down", "Retry-After:", "!Retry-After"},
		{"zero", "503 Down", "Retry-After: 0", "Retry-After: 1"},
		{"a day and more", "503 Down", "Retry-After: 86401", "Retry-After: 86400"},
		{"past date", "503 Down", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: 1"},
		{"far date", "503 Down", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "Retry-After: 86400"},
	} {
		rows = append(rows, mapped("28 Retry-After of unavailability, "+c.name, reply(c.status, "x", c.header), 503,
			"upstream_unavailable").with(c.want).quoting(`"sent":true`))
	}
	return append(rows, factRows()...)
}

// factRows has what survives of a mapped answer's headers.
func factRows() []row {
	own := []string{"X-Request-Id: req_1", "CF-RAY: 8a", "X-RateLimit-Remaining: 0", "x-ratelimit-reset-tokens: 6m0s",
		"X-Trace-Id: key " + credHeader, "X-Powered-By: x"}
	const quoted = `"headers":{"cf-ray":"8a","x-ratelimit-remaining":"0","x-ratelimit-reset-tokens":"6m0s","x-request-id":"req_1","x-trace-id":"key [redacted]"}`
	var rows []row
	for _, c := range []struct {
		answer string
		status int
		code   string
	}{{"401 No", 401, "needs_reconnection"}, {"429 Slow", 429, "rate_limited"},
		{"503 Down", 503, "upstream_unavailable"}} {
		rows = append(rows, mapped("28 facts of a "+c.answer, reply(c.answer, "x", own...), c.status, c.code).quoting(quoted))
	}
	rows[0] = rows[0].with(`WWW-Authenticate: Bearer realm="vendgate", Basic realm="vendgate"`)
	return rows
}

func atoi(status string) (n int) {
	for _, c := range status[:3] {
		n = n*10 + int(c-'0')
	}
	return n
}

// The table of echoes is only worth something if its spellings differ from each other.
func TestEchoesDiffer(t *testing.T) {
	seen := map[string]string{}
	for name, text := range echoes {
		if other, twice := seen[text]; twice {
			t.Errorf("%q and %q are the same text", name, other)
		}
		seen[text] = name
	}
}
