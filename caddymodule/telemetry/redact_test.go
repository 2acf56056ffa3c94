package telemetry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRedactURI(t *testing.T) {
	token := strings.Repeat("aZ0", 11)
	for name, c := range map[string]struct{ uri, want string }{
		"a link":                       {"/connect/" + token, "/connect/REDACTED"},
		"a link's form":                {"/connect/" + token + "/credentials?x=1", "/connect/REDACTED/credentials"},
		"a link with a query":          {"/connect/" + token + "?utm=mail", "/connect/REDACTED"},
		"a callback":                   {"/connect/callback?code=c&state=s", "/connect/REDACTED"},
		"a callback with a slash":      {"/connect/callback/?code=c&state=s", "/connect/REDACTED"},
		"an encoded callback":          {"/connect/%63allback?code=c&state=s", "/connect/REDACTED"},
		"an encoded digit":             {"/connect/%61" + token[1:], "/connect/REDACTED"},
		"an encoded root":              {"/%63onnect/" + token, "/connect/REDACTED"},
		"another case":                 {"/Connect/" + token, "/connect/REDACTED"},
		"a full stop behind it":        {"/connect/" + token + ".", "/connect/REDACTED"},
		"a bracket behind it":          {"/connect/" + token + "%3E", "/connect/REDACTED"},
		"two slashes":                  {"/connect//" + token, "/connect/REDACTED"},
		"two slashes before":           {"//connect/" + token, "/connect/REDACTED"},
		"a dot segment":                {"/connect/./x/../" + token, "/connect/REDACTED"},
		"an unknown page of a link":    {"/connect/" + token + "/" + token, "/connect/REDACTED"},
		"the script":                   {"/connect/vendgate-connect.js", ""},
		"an icon":                      {"/connect/assets/icon/gmail.svg?v=1", ""},
		"nothing below":                {"/connect/", ""},
		"an MCP URL with two slashes":  {"/platform/v1//mcp/" + token, "/platform/v1/mcp/REDACTED"},
		"an encoded MCP URL":           {"/platform/v1/mcp/%61" + token[1:], "/platform/v1/mcp/REDACTED"},
		"no address":                   {"%zz", "REDACTED"},
		"an MCP URL":                   {"/platform/v1/mcp/" + token, "/platform/v1/mcp/REDACTED"},
		"the MCP server with headers":  {"/platform/v1/mcp", ""},
		"absolute form":                {"http://gw.example/connect/" + token, "http://gw.example/connect/REDACTED"},
		"the dashboard":                {"/connect/dashboard?q=x", ""},
		"another path with that token": {"/other/" + token, "/REDACTED"},
		"a query with an address":      {"/x?u=http://h/connect/" + token, "/x?REDACTED"},
		"an encoded address":           {"/x?next=https%3A%2F%2Fgw%2Fconnect%2F" + token, "/x?REDACTED"},
		"one that is encoded twice":    {"/x?next=https%253A%252F%252Fgw%252Fconnect%252F" + token, "/x?REDACTED"},
		"an encoded digit in a query":  {"/x?next=%2Fconnect%2F%61" + token[1:], "/x?REDACTED"},
		"a mistyped root":              {"/conect/" + token, "/REDACTED"},
		"a folder before":              {"/x/connect/" + token, "/REDACTED"},
		"an encoded slash":             {"/Connect%2F" + token, "/connect/REDACTED"},
		"the token alone":              {"/" + token, "/REDACTED"},
		"a digit too many":             {"/conect/" + token + "x1", "/REDACTED"},
		"a full stop behind another":   {"/conect/" + token + ".", "/REDACTED"},
		"a mistyped callback":          {"/conect/callback?code=c&state=s", "/conect/callback?REDACTED"},
		"another callback":             {"/oauth/return?state=s&code=c", "/oauth/return?REDACTED"},
		"a state without a code":       {"/x?error=access_denied&state=abcdefghijklmnopqrst-_", "/x?REDACTED"},
		"a callback of OAuth 1":        {"/x?oauth_token=abcdef&oauth_verifier=g", "/x?REDACTED"},
		"a digest":                     {"/x/" + strings.Repeat("0123456789abcdef", 4), ""},
		"a state of another kind":      {"/issues?state=open&page=2", ""},
		"an id":                        {"/x/550e8400-e29b-41d4-a716-446655440000?barcode=4006381333931", ""},
	} {
		t.Run(name, func(t *testing.T) {
			want, secret := c.want, c.want != ""
			if !secret {
				want = c.uri
			}
			if got, found := redactURI(c.uri); got != want || found != secret {
				t.Errorf("%s, %t", got, found)
			}
		})
	}
}

func TestRedactHeader(t *testing.T) {
	h := http.Header{"Location": {"/connect/" + strings.Repeat("aZ0", 11) + "/done"}, "Server": {"Caddy"}}
	got := redactHeader(h)
	if got.Get("Location") != "/connect/REDACTED/done" || got.Get("Server") != "Caddy" {
		t.Errorf("logged as %v", got)
	}
	if strings.Contains(h.Get("Location"), redacted) {
		t.Error("the answer's own header was changed")
	}
}

// TestRedactCall: what a provider's identifiers look like is no token, where the address of a link
// stands is.
func TestRedactCall(t *testing.T) {
	token := strings.Repeat("aZ0", 11)
	const sheet = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
	for name, c := range map[string]struct{ uri, want string }{
		"a call":                     {"/proxy/conn_0123456789abcdefABCDEF/gmail/gmail/v1/users/me/messages?q=x", ""},
		"a spreadsheet":              {"/proxy/c/google-sheets/v4/spreadsheets/" + sheet, ""},
		"a file with as many digits": {"/proxy/c/google-drive/drive/v3/files/" + token, ""},
		"a folder called connect":    {"/proxy/c/docusign/restapi/connect/results", ""},
		"issues that are open":       {"/proxy/c/github/issues?state=open&code=x", ""},
		"a page token":               {"/proxy/c/app/x?page=" + sheet, ""},
		"a quoted link": {"/proxy/c/app/x?text=see%20https://gw.example/connect/" + token,
			"/proxy/c/app/x?REDACTED"},
		"a quoted link, encoded": {"/proxy/c/app/x?text=https%3A%2F%2Fgw%2Fconnect%2F" + token,
			"/proxy/c/app/x?REDACTED"},
		"a quoted callback": {"/proxy/c/app/x?u=%2Fconnect%2Fcallback%3Fcode%3Dc%26state%3Ds",
			"/proxy/c/app/x?REDACTED"},
		"a token in the query":        {"/proxy/c/app/x?text=" + token + ".", "/proxy/c/app/x?REDACTED"},
		"a link in the path":          {"/proxy/c/app/connect/" + token, "/proxy/REDACTED"},
		"a link that is prefixed":     {"/proxy/connect/" + token, "/proxy/REDACTED"},
		"a token for a connection":    {"/proxy/" + token + "/app/x", "/proxy/REDACTED"},
		"an encoded one for an app":   {"/proxy/c/%61" + token[1:] + "/x", "/proxy/REDACTED"},
		"an address that is encoded":  {"/proxy/c/app/https%3A%2F%2Fgw%2F%63onnect%2F" + token, "/proxy/REDACTED"},
		"a tenant key in the query":   {"/proxy/c/app/x?a=1&key=pk_live_" + sheet, "/proxy/c/app/x?REDACTED"},
		"a caller key in the query":   {"/proxy/c/app/x?key=ck%5F" + sheet, "/proxy/c/app/x?REDACTED"},
		"a caller key in the path":    {"/proxy/c/telegram/botck_" + sheet + "/getMe", "/proxy/REDACTED"},
		"a short id like a key":       {"/proxy/c/app/x?id=ck_0123456789&page=" + sheet, ""},
		"nothing but the prefix":      {"/proxy/", ""},
		"a percent sign at the end":   {"/proxy/c/app/x%", ""},
		"a percent sign and no digit": {"/proxy/c/app/%zz/" + token, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want, secret := c.want, c.want != ""
			if !secret {
				want = c.uri
			}
			if got, found := redactCall(c.uri, "/proxy/"); got != want || found != secret {
				t.Errorf("%s, %t", got, found)
			}
		})
	}
}

// TestRedactAnyHeader: whatever names an address may name one with a token.
func TestRedactAnyHeader(t *testing.T) {
	token := strings.Repeat("aZ0", 11)
	for value, want := range map[string]string{
		"/connect/" + token + "/credentials":                              "/connect/REDACTED/credentials",
		"https://gw.example/connect/" + token:                             "https://gw.example/connect/REDACTED",
		"/connect/callback?code=c&state=s":                                "/connect/REDACTED",
		"/conect/callback?code=abc&state=xyz":                             redacted,
		"/conect/" + token:                                                redacted,
		token:                                                             redacted,
		"</connect/" + token + ">; rel=next":                              redacted,
		"0; url=/connect/" + token:                                        redacted,
		"%2Fconnect%2F" + token:                                           redacted,
		"/x?next=%252Fconnect%252F" + token:                               redacted,
		`{"u":"https:\/\/gw\/connect\/` + token:                           redacted,
		"/platform/v1/mcp/" + token:                                       "/platform/v1/mcp/REDACTED",
		"/connect/dashboard?q=a-long-enough-search":                       "",
		"Mozilla/5.0 (compatible; bot/2.1; +http://bot.example/bot.html)": "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":         "",
		"sha256=" + strings.Repeat("0123456789abcdef", 4):                 "",
	} {
		h := http.Header{"X-Original-Url": {value}, "Cookie": {"/connect/" + token}}
		got := redactHeader(h)
		if want == "" {
			want = value
		}
		if got.Get("X-Original-Url") != want || got.Get("Cookie") != h.Get("Cookie") || h.Get("X-Original-Url") != value {
			t.Errorf("%s is logged as %s, want %s", value, got.Get("X-Original-Url"), want)
		}
	}
}

// TestHintsCostNothing holds what every call pays for.
func TestHintsCostNothing(t *testing.T) {
	h := http.Header{
		"User-Agent": {"OpenAI/Python 1.40.0 (with a longer tail of words)"}, "Accept": {"application/json, text/plain, */*"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Content-Type":    {"application/json; charset=utf-8"}, "X-User-Email": {"alice.the.customer@example.com"},
		"Authorization": {"Bearer " + strings.Repeat("aZ0", 20)},
		"Traceparent":   {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, found := redactCall("/proxy/conn_0123456789abcdefABCDEF/gmail/gmail/v1/users/me/messages?q=from%3Ax%20y",
			"/proxy/"); found || anyHeader(h) {
			t.Fatal("found a token")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHints(b *testing.B) {
	h := http.Header{"User-Agent": {"OpenAI/Python 1.40.0 (with a longer tail of words)"},
		"Accept": {"application/json, text/plain, */*"}, "Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Content-Type": {"application/json; charset=utf-8"}, "X-User-Email": {"alice.the.customer@example.com"}}
	for b.Loop() {
		_, _ = redactCall("/proxy/conn_0123456789abcdefABCDEF/gmail/gmail/v1/users/me/messages?q=from%3Ax%20y", "/proxy/")
		anyHeader(h)
	}
}

// TestKeysWithoutLinks: a gateway without a connection manager has no tokens in addresses, but its
// tenants have keys.
func TestKeysWithoutLinks(t *testing.T) {
	const key = "pk_live_1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upm"
	for name, c := range map[string]struct {
		uri, header, value string
		want               bool
	}{
		"nothing":             {"/proxy/c/app/x?q=1", "X-Note", "x", false},
		"in the query":        {"/proxy/c/app/x?key=" + key, "X-Note", "x", true},
		"in the path":         {"/proxy/c/app/" + key, "X-Note", "x", true},
		"at another handler":  {"/x?key=" + key, "X-Note", "x", true},
		"in a header":         {"/proxy/c/app/x", "X-Api-Key", key, true},
		"where Caddy redacts": {"/proxy/c/app/x", "Authorization", "Bearer " + key, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, c.uri, nil)
			r.Header.Set(c.header, c.value)
			l := &AccessLog{Calls: "/proxy/"}
			if l.tells(r) != c.want {
				t.Errorf("tells is %t", !c.want)
			}
			if uri, _ := l.redact(r.Host, r.RequestURI); strings.Contains(uri, key) ||
				strings.Contains(fmt.Sprint(redactHeader(r.Header)["X-Api-Key"]), key) {
				t.Errorf("%s, %v", uri, redactHeader(r.Header))
			}
		})
	}
}

// TestNameTells: names in which a key may be quoted, and names that sites have.
func TestNameTells(t *testing.T) {
	const random = "abcdefghijklmnopqrstuvwxyz0123456789abcdefg"
	for name, want := range map[string]bool{
		"ck_" + random + ".gw.example.com": true, random + ".example.com": true, "ck-" + random + ":8443": true,
		"Abcdefghijklmnopqrstuvwxyz0123456789.example.com":               true,
		"stripe--files.gw.example.com:8443":                              false,
		"3f786850e387550fdab836ed7e6dc881de23001b.preview.example.com":   false,
		"a0123456789abcdef0123456789abcde-1.eu-west-1.elb.amazonaws.com": false,
		"": false,
	} {
		if got := nameTells(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
