package hostile

import (
	"strings"
)

// beyondCases are about what is not an answer, or more than one.
var beyondCases = append(statusRows(), []row{
	{name: "53 a body in answer to HEAD", request: call("HEAD", "/proxy/c-key/key/x"),
		sent:   upstream("HEAD /base/x", "Connection: close", "X-Api-Key: "+credHeader),
		answer: reply("200 OK", "t1-secret"), status: 200, lacks: "t1-secret"},
	{name: "54 interim answers to HTTP/1.0", request: strings.Replace(get("/proxy/c-key/key/x"), "HTTP/1.1", "HTTP/1.0",
		1), sent: keyCall, answer: hints + hints + reply("200 OK", "ok"),
		status: 200, body: "ok", lacks: " 103 "},
	{name: "55 interim answers and our own headers", request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: hints + reply("200 OK", "ok"),
		status: 200, body: "ok", headers: []string{"Server: Caddy"},
		raw: "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\nX-Echo: [redacted]\r\n\r\nHTTP/1.1 200 OK\r\n"},
	{name: "55 an interim answer of one connection", request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: lines("HTTP/1.1 103 Early Hints", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 5", "Upgrade: h2c",
			"Content-Length: 3", "X-Rest: 1") + reply("200 OK", "ok"),
		status: 200, body: "ok", raw: "HTTP/1.1 103 Early Hints\r\nX-Rest: 1\r\n\r\nHTTP/1.1 200 OK\r\n"},
	badRequest("57 a count of gateways that cannot be read", get("/proxy/c-key/key/x", "Vendgate-Hops: many")),
	badRequest("57 an empty count of gateways", get("/proxy/c-key/key/x", "Vendgate-Hops:")),
	badRequest("57 two counts of gateways",
		get("/proxy/c-key/key/x", "Vendgate-Hops: 1 0123456789abcdef", "vendgate-hops: 1 0123456789abcdef")),
	badRequest("57 too many gateways", get("/proxy/c-key/key/x", "Vendgate-Hops: 3 0123456789abcdef")),
	keyRow("57 a count of gateways goes no further", "Vendgate-Hops: 2 0123456789abcdef", "Vendgate_Hops: 9"),
}...)

// statusRows has final answers whose status HTTP does not have (RFC 9110, section 15), and some
// that have no meaning.
func statusRows() []row {
	var rows []row
	for _, status := range []string{"000", "001", "007", "099", "+99", "-99", "1000", "99", "9", "abc", "2e2", "0x1",
		"2xx-t1-secret"} {
		r := mapped("55 status "+status, reply(status+" Odd", "theirs"), 503, "upstream_unavailable")
		r.lacks = "theirs"
		rows = append(rows, r)
		r.name, r.request = "55 status "+status+" in passthrough", get("/proxy/c-key/key/x", "Vendgate-Errors: passthrough")
		rows = append(rows, r)
	}
	for _, status := range []string{"299", "600", "999"} {
		rows = append(rows, row{name: "55 status " + status, request: get("/proxy/c-key/key/x"), sent: keyCall,
			answer: reply(status+" Odd", "theirs"), status: atoi(status), body: "theirs"})
	}
	return rows
}
