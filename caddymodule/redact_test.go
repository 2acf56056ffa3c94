package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

func TestRedactURI(t *testing.T) {
	token := strings.Repeat("aZ0", 11)
	for name, c := range map[string]struct{ uri, want string }{
		"a link":                       {"/connect/" + token, "/connect/REDACTED"},
		"a link's form":                {"/connect/" + token + "/credentials?x=1", "/connect/REDACTED/credentials?x=1"},
		"a link with a query":          {"/connect/" + token + "?utm=mail", "/connect/REDACTED?utm=mail"},
		"a callback":                   {"/connect/callback?code=c&state=s", "/connect/callback?REDACTED"},
		"a bare callback":              {"/connect/callback", ""},
		"an MCP URL":                   {"/platform/v1/mcp/" + token, "/platform/v1/mcp/REDACTED"},
		"the MCP server with headers":  {"/platform/v1/mcp", ""},
		"absolute form":                {"http://gw.example/connect/" + token, "http://gw.example/connect/REDACTED"},
		"the dashboard":                {"/connect/dashboard?q=x", ""},
		"another site's path":          {"/connect/to-the-service-of-our-own-choice", ""},
		"another path with that token": {"/other/" + token, ""},
		"a query with an address":      {"/x?u=http://h/connect/" + token, ""},
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
