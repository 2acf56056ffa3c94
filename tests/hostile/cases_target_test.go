package hostile

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

var targetCases = append(dotRows(), []row{
	passes("11 double slashes", get("/proxy/c-key/key//a///b//"),
		upstream("GET /base//a///b//", "X-Api-Key: "+credHeader)),
	passes("11 encoded slashes", get("/proxy/c-key/key/a%2Fb%2fc"),
		upstream("GET /base/a%2Fb%2fc", "X-Api-Key: "+credHeader)),
	passes("11 spelling of the path", get("/proxy/c-key/key/%41%7e~!$&'()*+,;=:@-._%20"),
		upstream("GET /base/%41%7e~!$&'()*+,;=:@-._%20", "X-Api-Key: "+credHeader)),
	passes("11 bytes beyond ASCII", get("/proxy/c-key/key/\u00e9/%C3%A9"),
		upstream("GET /base/\u00e9/%C3%A9", "X-Api-Key: "+credHeader)),
	passes("11 dots that are no segment", get("/proxy/c-key/key/a..b/...;x/.well-known/..c"),
		upstream("GET /base/a..b/...;x/.well-known/..c", "X-Api-Key: "+credHeader)),
	passes("11 dots in the query", get("/proxy/c-key/key/x?next=../../y"),
		upstream("GET /base/x?next=../../y", "X-Api-Key: "+credHeader)),
	passes("11 no path", get("/proxy/c-key/key"), upstream("GET /base", "X-Api-Key: "+credHeader)),
	passes("11 no path but a query", get("/proxy/c-key/key?a"), upstream("GET /base?a", "X-Api-Key: "+credHeader)),
	passes("11 encoded connection id", get("/proxy/c%2Dkey/key/x"), keyCall),
	{name: "11 outside of the gateway's prefix", request: get("/a/../proxy/c-key/key/x"), status: 200,
		headers: []string{"Content-Length: 0"}},
	{name: "11 prefix after two slashes", request: get("//proxy/c-key/key/x"), status: 200,
		headers: []string{"Content-Length: 0"}},

	badRequest("12 absolute form", get("http://{evil}/proxy/c-key/key/x")),
	badRequest("12 absolute form, our own host", get("http://{gw}/proxy/c-key/key/x")),
	badRequest("12 absolute form with userinfo", get("http://u:p@{evil}/proxy/c-key/key/x")),
	{name: "12 absolute form, encoded as a path", request: get("/http://{evil}/proxy/c-key/key/x"), status: 200,
		headers: []string{"Content-Length: 0"}},
	passes("12 userinfo is no authority in a path", get("/proxy/c-key/key/@{evil}/x"),
		upstream("GET /base/@{evil}/x", "X-Api-Key: "+credHeader)),
	passes("12 a path that begins like an authority", get("/proxy/c-bot/bot//{evil}/x"),
		upstream("GET /bot"+credBot+"//{evil}/x")),
	badRequest("12 backslash", get(`/proxy/c-key/key/a\b`)),
	badRequest("12 backslash, encoded", get("/proxy/c-key/key/a%5cb")),
	badRequest("12 fragment", get("/proxy/c-key/key/x#y")),
	badRequest("12 fragment after a query", get("/proxy/c-key/key/x?a#y")),
	badRequest("12 control character, encoded", get("/proxy/c-key/key/a%0d%0aX-Evil:%201")),
	badRequest("12 NUL, encoded", get("/proxy/c-key/key/a%00")),
	badRequest("12 NUL, encoded twice", get("/proxy/c-key/key/a%2500")),
	{name: "12 broken percent encoding", request: get("/proxy/c-key/key/%zz"), status: 400},
	{name: "12 control character", request: get("/proxy/c-key/key/a\x01b"), status: 400},
	{name: "12 a second request behind the first", run: smuggledTarget},

	passes("13 Host of another", withHost("{evil}"), keyCall),
	passes("13 Host with a port", withHost("gateway.example:99"), keyCall),
	passes("13 Host with a trailing dot, in upper case", withHost("GATEWAY.EXAMPLE."), keyCall),
	{name: "13 Host empty", request: withHost(""), status: 400},
	{name: "13 Host twice", request: withHost("a.example\r\nHost: b.example"), status: 400},
	{name: "13 Host absent", request: strings.Replace(get("/proxy/c-key/key/x"), "Host: {gw}\r\n", "", 1), status: 400},
	{name: "13 Host with a space", request: withHost("a b"), status: 400},
	passes("13 Host under other names",
		get("/proxy/c-key/key/x", "X-Forwarded-Host: {evil}", "X_Forwarded_Host: {evil}", "Forwarded: host={evil}"), keyCall),
	{name: "13 the links are the caller's Host, the call is not", request: withHost("gateway.example"), sent: keyCall,
		status:  200,
		answer:  reply("200 OK", "ok", "Location: http://{up}/base/y"),
		headers: []string{"Location: http://gateway.example/proxy/c-key/key/y"}},

	badRequest("16 TRACE", call("TRACE", "/proxy/c-key/key/x")),
	badRequest("16 TRACK", call("TRACK", "/proxy/c-key/key/x")),
	badRequest("16 trace in lower case", call("trace", "/proxy/c-key/key/x")),
	badRequest("16 CONNECT", call("CONNECT", "/proxy/c-key/key/x")),
	badRequest("16 CONNECT to an authority", call("CONNECT", "{evil}")),
	{name: "16 OPTIONS *", request: call("OPTIONS", "*"), status: 200, headers: []string{"Content-Length: 0"}},
	passes("16 OPTIONS", call("OPTIONS", "/proxy/c-key/key/x"), upstream("OPTIONS /base/x", "X-Api-Key: "+credHeader)),
	passes("16 a method of its own", call("PROPFIND", "/proxy/c-key/key/x"),
		upstream("PROPFIND /base/x", "X-Api-Key: "+credHeader)),

	rawQuery("17 order and spelling", "b=2&a=1&a=%41&A=%61&=&&x"),
	rawQuery("17 semicolons", "a=1;b=2;;c"),
	rawQuery("17 broken encodings", "a=%zz&b=%&c=%4"),
	rawQuery("17 plus, space, slash and question mark", "q=a+b%20c/?d"),
	rawQuery("17 what Go would escape", `q="<>^|{}`+"`"),
	rawQuery("17 beyond ASCII", "q=\u00e9"),
	rawQuery("17 a URL in it", "u=http://user:pw@{evil}/../x"),
	rawQuery("17 empty", ""),
	rawQuery("17 10,000 parameters", strings.Repeat("p[]=%2F&", 10000)+"last"),
	queryRow("17 10,000 parameters beside the placed one", strings.Repeat("p=%zz;", 10000)+"api_key=x&last",
		strings.Repeat("p=%zz;", 10000)+"last"),
}...)

func withHost(host string) string {
	return strings.Replace(get("/proxy/c-key/key/x"), "Host: {gw}", "Host: "+host, 1)
}

func rawQuery(name, query string) row {
	return passes(name, get("/proxy/c-key/key/x?"+query), upstream("GET /base/x?"+query, "X-Api-Key: "+credHeader))
}

// dotRows has every spelling of a segment that an upstream might climb by.
func dotRows() []row {
	var rows []row
	for _, path := range []string{
		"../x", "a/../x", "a/..", "./x", "a/.", "%2e%2e/x", "%2E%2e/x", ".%2e/x", "%2e./x", "%2e/x", "..%2fx", "..%2Fx",
		"a%2f..%2fx", "%2e%2e%2fx",
		"%252e%252e/x", "..%252fx", "%25252e%25252e/x", "%2525252525252e", "..;/x", "..;a=b/x", "%2e%2e;/x", "..%3b/x",
		`..\x`, "..%5cx", "..%255cx", "..%c0%afx", "%c0%ae%c0%ae/x", "..%00/x",
	} {
		rows = append(rows, badRequest("11 dot segment "+path, get("/proxy/c-key/key/"+path)))
	}
	return append(rows,
		badRequest("11 dot segment for the app", get("/proxy/c-key/../key/x")),
		badRequest("11 dot segment for the connection", get("/proxy/../key/x")),
		badRequest("11 dot segment for the connection, encoded", get("/proxy/%2e%2e/key/x")),
		badRequest("11 encoded slash in the connection climbs", get("/proxy/c-key%2f../key/x")),
	)
}

// smuggledTarget ends the request line early: what follows is a request of its own, without a key.
func smuggledTarget(t *testing.T, f *fleet) {
	f.up.Answer(harness.OK)
	request := get("/proxy/c-key/key/x", "X-A: b") + lines("GET /proxy/c-key/key/y HTTP/1.1", "Host: x",
		"Connection: close")
	raw := f.Raw(strings.ReplaceAll(request, "{gw}", f.Addr))
	if got := f.up.Got(); len(got) != 1 || strings.Count(raw, "HTTP/1.1 ") != 2 ||
		!strings.Contains(raw, "HTTP/1.1 401 Unauthorized\r\n") {
		t.Errorf("the upstream got %q, the caller %q", got, raw)
	}
}
