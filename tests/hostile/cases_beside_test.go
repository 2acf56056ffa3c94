package hostile

import (
	"fmt"
	"strings"
)

// besideApps are apps over the provider at addr with more than an API: a Git server beside it, a
// site below a path, and errors that tell in their text that the credential is refused.
func besideApps(addr string) string {
	const key = "auth_type api_key\nfield api_key Key secret\nheader X-Api-Key {api_key}\nallow_http\nallow_private " +
		"127.0.0.0/8\n"
	const beside = "beside {\npaths /*/*.git/info/refs /uploads/**\nbasic git {api_key}\n}"
	return fmt.Sprintf("app forge {\n%supstream http://%s/api/v4\n%s\n}\n", key, addr, beside) +
		"app home {\n" + key + "upstream http://{host}/api/v4\nfield host Host {\nkind host\nsite_path\n}\n" + beside +
		"\n}\n" +
		fmt.Sprintf("app fickle {\n%supstream http://%s/fickle\nrefused 403 200 {\nbody bad_token\n}\n}\n", key, addr)
}

// besideRules let theta read of forge what they name.
const besideRules = `
rule forge allow GET /projects/**
rule forge allow GET /~/*/*.git/info/refs
rule forge deny /~/secret/**`

// credGit is how the Git server takes credHeader.
const credGit = "Z2l0OnNrLWFscGhhLWhlYWRlci03N2Yx"

var besideCases = append(besideSpellings(), []row{
	passes("64 beside the API",
		get("/proxy/c-forge/forge/~/g/r.git/info/refs?service=git-upload-pack", "x-api-key: mine", "Cookie: a=b"),
		upstream("GET /g/r.git/info/refs?service=git-upload-pack", "Authorization: Basic "+credGit)),
	passes("64 the API itself", get("/proxy/c-forge/forge/projects/~/x"),
		upstream("GET /api/v4/projects/~/x", "X-Api-Key: "+credHeader)),
	passes("64 by a rule", bound("GET", "forge/~/g/r.git/info/refs"),
		upstream("GET /g/r.git/info/refs", "Authorization: Basic "+credGit)),
	denied("64 by no rule", bound("GET", "forge/~/uploads/projects/x")),
	denied("64 by a rule for the API", bound("GET", "forge/~/projects/r.git/info/refs?_method=DELETE")),
	denied("64 a denied path", bound("GET", "forge/~/Secret/r.git/info/refs")),
	denied("64 a denied path, encoded", bound("GET", "forge/~/%73ecret/r.git/info/refs")),
	{name: "64 a redirect between the two", request: get("/proxy/c-forge/forge/projects"),
		sent: upstream("GET /api/v4/projects", "X-Api-Key: "+credHeader), status: 302,
		answer: reply("302 Found", "", "Location: http://{up}/uploads/x?y",
			"Link: </api/v4/a>, <http://{evil}/uploads/x>, <//{up}/login>"), headers: []string{
			"Location: http://{gw}/proxy/c-forge/forge/~/uploads/x?y",
			"Link: </proxy/c-forge/forge/a>, <http://{evil}/uploads/x>, <http://{up}/login>",
		}},
	{name: "64 a redirect that echoes the credential", request: get("/proxy/c-forge/forge/~/uploads/x"),
		sent: upstream("GET /uploads/x", "Authorization: Basic "+credGit), status: 302,
		answer: reply("302 Found", "", "Location: http://evil.example/?t="+credGit, "X-Echo: "+credHeader), lacks: credGit},

	passes("65 a site below a path", get("/proxy/c-home/home/x"),
		upstream("GET /blog/api/v4/x", "X-Api-Key: "+credHeader)),
	passes("65 beside its API", get("/proxy/c-home/home/~/uploads/x"),
		upstream("GET /blog/uploads/x", "Authorization: Basic "+credGit)),
	badRequest("65 dots out of the site", get("/proxy/c-home/home/~/uploads/../../x")),
	badRequest("65 encoded dots out of the site", get("/proxy/c-home/home/%2e%2e/%2e%2e/x")),
	{name: "65 links of a neighbour", request: get("/proxy/c-home/home/x"),
		sent: upstream("GET /blog/api/v4/x", "X-Api-Key: "+credHeader), status: 200,
		answer: reply("200 OK", "",
			"Link: </blog/api/v4/y>, </api/v4/y>, </blog2/api/v4/y>, </blog/../api/v4/y>, </blog/uploads/y>, </uploads/y>"),
		headers: []string{
			"Link: </proxy/c-home/home/y>, <http://{up}/api/v4/y>, <http://{up}/blog2/api/v4/y>, <http://{up}/api/v4/y>, " +
				"</proxy/c-home/home/~/uploads/y>, <http://{up}/uploads/y>",
		}},

	{name: "66 a refusal that echoes the credential", request: get("/proxy/c-fickle/fickle/x"), sent: fickle, status: 401,
		code: "needs_reconnection", origin: "upstream",
		answer: reply("403 Forbidden", "bad_token "+credHeader), within: "bad_token"},
	{name: "66 one of another cause", request: get("/proxy/c-fickle/fickle/x"), sent: fickle, status: 403,
		answer: reply("403 Forbidden", "scope"), body: "scope"},
	{name: "66 what is cut", request: get("/proxy/c-fickle/fickle/x"), sent: fickle, status: 401,
		code: "needs_reconnection", origin: "upstream",
		answer: lines("HTTP/1.1 403 Forbidden", "Content-Length: 100") + "bad_token"},
	{name: "66 no gzip after all", request: get("/proxy/c-fickle/fickle/x"), sent: fickle, status: 403,
		answer: reply("403 Forbidden", "bad_token", "Content-Encoding: gzip"), body: "bad_token"},
	{name: "66 trailers", request: get("/proxy/c-fickle/fickle/x"), sent: fickle, status: 403, lacks: credHeader,
		raw: "X-Sum: 17",
		answer: lines("HTTP/1.1 403 Forbidden", "Transfer-Encoding: chunked", "Trailer: X-Sum, X-Echo") +
			"5\r\nscope\r\n0\r\nX-Sum: 17\r\nX-Echo: " + credHeader + "\r\n\r\n"},
	{name: "66 HEAD", request: call("HEAD", "/proxy/c-fickle/fickle/x"),
		sent: upstream("HEAD /fickle/x", "Connection: close", "X-Api-Key: "+credHeader), status: 403,
		answer: "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n"},
}...)

var fickle = upstream("GET /fickle/x", "X-Api-Key: "+credHeader)

// besideSpellings reach nobody: no spelling leads from beside an API into it, or past what is
// declared.
func besideSpellings() (rows []row) {
	for _, path := range []string{
		"/~", "/~/", "/~/api/v4/r.git/info/refs", "/~/api/v4.git/info/refs/x", "/~//uploads/x", "/~/uploads", "/~/uploads//x",
		"/~/uploads/%2e%2e/api", "/~/uploads/..;/x",
		"/~/uploads/%2fx", "/~/uploads/%252e%252e/x", "/~/uploads/x;y", "/~/Uploads/x", "/%7e/uploads/x", "//~/uploads/x",
		"/%2f~/uploads/x", "/%257e/uploads/x", "/~~/uploads/x",
		"/~evil.example/uploads/x", "/~:80/uploads/x", "/~@evil.example/uploads/x", "/~%00/uploads/x",
		"/~/g/r.git/info/refs/", "/~/g/r.git%3f/info/refs", "/~/uploads/x%0d%0ay",
	} {
		rows = append(rows, badRequest("64 spelt as "+strings.ReplaceAll(path, "/", "|"), get("/proxy/c-forge/forge"+path)))
	}
	return rows
}
