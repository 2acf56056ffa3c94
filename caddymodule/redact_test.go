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
