package hostile

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// keyH is the key of tenant theta, whose calls rules bind.
const keyH = "pk_live_HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH"

// boundApps are apps that steer, over the provider at addr.
func boundApps(addr string) string {
	app := func(slug, steering string) string {
		return fmt.Sprintf("app %s {\nauth_type api_key\nfield api_key Key secret\nupstream http://%s/%s\nheader "+
			"X-Api-Key {api_key}\nallow_http\nallow_private 127.0.0.0/8\n%s\n}\n", slug, addr, slug, steering)
	}
	return app("site", "steering {\nbody rest_route\n}") + app("graph",
		"steering {\nquery method\nheaders X-Act-On\nbatch /v1/jobs /graphql\n}") + app("store", "")
}

// theta may read and write some paths.
const theta = `
rule site allow GET POST /wp/v2/posts/**
rule site allow POST /wp/v2/media
rule graph allow GET POST PATCH /**
rule graph allow POST /graphql
rule graph deny DELETE
rule store allow GET PUT POST /files/**
rule store deny /files/admin/**`

// bound is a call of tenant theta; a body follows its own length.
func bound(method, target string, lines ...string) string {
	body := ""
	if n := len(lines); n > 0 && strings.HasPrefix(lines[n-1], "body:") {
		body, lines = strings.TrimPrefix(lines[n-1], "body:"), lines[:n-1]
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	slug, path, _ := strings.Cut(target, "/")
	return as(keyH, call(method, "/proxy/h-"+slug+"/"+slug+"/"+path, lines...)) + body
}

// denied is a call that must reach nobody.
func denied(name, request string) row {
	return row{name: name, request: request, status: 403, code: "policy_denied", origin: "gateway"}
}

// reaches is a call that must arrive as it is.
func reaches(name, request, line string, lines ...string) row {
	return passes(name, request, upstream(line, append([]string{"X-Api-Key: " + credHeader}, lines...)...))
}

const (
	formType = "Content-Type: application/x-www-form-urlencoded"
	partType = "Content-Type: multipart/form-data; boundary=b"
)

func formPart(name string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nDELETE\r\n--b--\r\n"
}

var ruleCases = []row{
	{name: "43 HEAD is judged as GET", request: bound("HEAD", "site/wp/v2/posts/1"),
		sent:   upstream("HEAD /site/wp/v2/posts/1", "Connection: close", "X-Api-Key: "+credHeader),
		answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", status: 200},
	denied("43 $httpMethod", bound("GET", "graph/x?$httpMethod=DELETE")),
	denied("43 _HttpMethod", bound("GET", "graph/x?a=1&_HttpMethod=DELETE")),
	denied("43 _method, any value", bound("GET", "graph/x?_method=MOVE")),
	denied("43 _method with NUL", bound("GET", "graph/x?_method=DELETE%00")),
	denied("43 a declared name", bound("GET", "graph/x?method=delete")),
	reaches("43 that name as data", bound("GET", "site/wp/v2/posts/1?method=flickr.photos.search"),
		"GET /site/wp/v2/posts/1?method=flickr.photos.search"),
	denied("43 X-HTTP-Method-Override", bound("POST", "graph/x", "X-HTTP-Method-Override: DELETE", "body:")),
	denied("43 X-HTTP-Method-Override in a list",
		bound("POST", "graph/x", "X-HTTP-Method-Override: PATCH, DELETE", "body:")),
	denied("43 an override that is no method", bound("POST", "graph/x", "X-Method-Override: \"DELETE\"", "body:")),
	denied("43 a declared header", bound("GET", "graph/x", "x-act-on: y")),
	denied("43 _method in a form", bound("POST", "site/wp/v2/posts/1", formType, "body:a=1&_method=DELETE")),
	denied("43 _method in a form, encoded",
		bound("POST", "site/wp/v2/posts/1", formType, "body:a=1&%5Fmetho%64[]=DELETE")),
	denied("43 _method in parts", bound("POST", "site/wp/v2/posts/1", partType, "body:"+formPart("_method"))),
	denied("43 _method in JSON",
		bound("POST", "site/wp/v2/posts/1", "Content-Type: application/json", `body:{"a":{},"_method":"DELETE"}`)),
	denied("43 _method in a body without a type", bound("POST", "site/wp/v2/posts/1", "body:_method=DELETE")),
	badRequest("43 a compressed form", bound("POST", "site/wp/v2/posts/1", formType, "Content-Encoding: gzip", "body:x")),
	badRequest("43 a form in EBCDIC", bound("POST", "site/wp/v2/posts/1", formType+"; charset=ibm037", "body:x")),
	badRequest("43 two content types",
		bound("POST", "site/wp/v2/posts/1", formType, "Content-Type: text/plain", "body:x")),

	badRequest("44 rest_route", bound("GET", "site/wp/v2/posts?rest_route=/wp/v2/users")),
	badRequest("44 rest[route", bound("GET", "site/wp/v2/posts?a&rest%5Broute=/wp/v2/users")),
	badRequest("44 rest_route behind an encoded end", bound("GET", "site/wp/v2/posts/%3frest_route=/wp/v2/users")),
	badRequest("44 rest_route in a form",
		bound("POST", "site/wp/v2/posts", formType, "body:title=x&rest_route=/wp/v2/users")),
	badRequest("44 rest.route in a form",
		bound("POST", "site/wp/v2/posts", formType, "body:title=x&rest.route=/wp/v2/users")),
	badRequest("44 rest_route in parts", bound("POST", "site/wp/v2/media", partType, "body:"+formPart("rest_route"))),
	{name: "44 a declared form beyond the bound", request: bound("POST", "site/wp/v2/posts", formType,
		"body:a="+strings.Repeat("x", 64<<10)+"&rest_route=/wp/v2/users"),
		status: 413, code: "request_too_large", origin: "gateway"},
	{name: "44 a declared form of unknown length beyond the bound",
		request: bound("POST", "site/wp/v2/posts", formType, "Transfer-Encoding: chunked") +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 65<<10, strings.Repeat("x", 65<<10)), status: 413, code: "request_too_large",
		origin: "gateway"},
	passes("44 a declared form that names nothing", bound("POST", "site/wp/v2/posts", formType, "body:title=rest_route"),
		[]string{lines("POST /site/wp/v2/posts HTTP/1.1", "Host: {up}", "Content-Length: 16", formType,
			"X-Api-Key: "+credHeader) + "title=rest_route"}),
	passes("44 a form of unknown length keeps its chunks",
		bound("POST", "site/wp/v2/posts", formType, "Transfer-Encoding: chunked")+"7\r\ntitle=x\r\n0\r\n\r\n",
		[]string{lines("POST /site/wp/v2/posts HTTP/1.1", "Host: {up}", "Transfer-Encoding: chunked", formType,
			"X-Api-Key: "+credHeader) + "7\r\ntitle=x\r\n0\r\n\r\n"}),
	denied("44 a batch endpoint", bound("POST", "graph/v1/jobs", "body:")),
	denied("44 a batch endpoint, other spelling", bound("POST", "graph/V1/jobs%3fx", "body:")),
	denied("44 $batch, undeclared", bound("POST", "store/files/%24batch", "body:")),
	passes("44 a batch endpoint, allowed by name", bound("POST", "graph/graphql", "body:q"),
		[]string{lines("POST /graph/graphql HTTP/1.1", "Host: {up}", "Content-Length: 1", "X-Api-Key: "+credHeader) + "q"}),

	badRequest("45 X-Amz-Copy-Source", bound("PUT", "store/files/a", "x-amz-copy-source: /secret/b", "body:")),
	badRequest("45 Destination", bound("POST", "store/files/a", "Destination: /files/admin/x", "body:")),
	badRequest("45 X-Copy-From", bound("PUT", "store/files/a", "X-Copy-From: /secret/b", "body:")),
	badRequest("45 Upload-Concat", bound("POST", "store/files/a", "Upload-Concat: final;/secret/b", "body:")),
	reaches("45 headers that replace the path are removed", bound("GET", "store/files/a", "X-Original-URI: /x",
		"X-Rewrite-Url: /x", "X-Envoy-Original-Path: /x"), "GET /store/files/a"),

	denied("46 an encoded question mark", bound("GET", "store/files/admin%3fx")),
	denied("46 an encoded number sign", bound("GET", "store/files/admin%23x")),
	denied("46 a trailing dot", bound("GET", "store/files/admin.")),
	denied("46 a trailing space", bound("GET", "store/files/admin%20")),
	denied("46 a trailing space inside", bound("GET", "store/files/admin%20/x")),
	denied("46 a suffix", bound("GET", "store/files/admin.json")),
	denied("46 a parameter", bound("GET", "store/files/admin;x/y")),
	denied("46 a front controller", bound("GET", "store/index.php/files/admin")),
	denied("46 look-alikes", bound("GET", "store/files/%EF%BD%81dmin")),
	badRequest("46 a dot segment in spaces", bound("GET", "store/files/x/..%20/..%20/secret")),
	denied("46 an allow needs each reading", bound("GET", "store/files%3f/a")),
	reaches("46 a suffix of an allowed name", bound("GET", "store/files/report.csv"), "GET /store/files/report.csv"),

	passes("47 trailers that a header alone may be", bound("POST", "store/files/a", "Transfer-Encoding: chunked",
		"Trailer: X-HTTP-Method-Override, Host, Content-Type, Destination, If-Match, Range, Cache-Control, X-Sum")+
		"2\r\nhi\r\n0\r\nX-HTTP-Method-Override: DELETE\r\nHost: x\r\nContent-Type: y\r\nDestination: /z\r\nIf-Match: "+
		"*\r\nRange: bytes=1-\r\nCache-Control: no-cache\r\nX-Sum: 7\r\n\r\n",
		[]string{lines("POST /store/files/a HTTP/1.1", "Host: {up}", "Transfer-Encoding: chunked", "Trailer: X-Sum",
			"X-Api-Key: "+credHeader) + "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"}),
	passes("47 the same without rules",
		call("POST", "/proxy/c-key/key/x", "Transfer-Encoding: chunked", "Trailer: X-Method-Override, X-Sum")+
			"2\r\nhi\r\n0\r\nX-Method-Override: DELETE\r\nX-Sum: 7\r\n\r\n",
		[]string{lines("POST /base/x HTTP/1.1", "Host: {up}", "Transfer-Encoding: chunked", "Trailer: X-Sum",
			"X-Api-Key: "+credHeader) + "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"}),
	{name: "43 a field far behind in a long body", run: fieldFarBehind},
}

// fieldFarBehind: bodies that are too long to be held pass as they come, and end before what the
// rules refuse.
func fieldFarBehind(t *testing.T, f *fleet) {
	for name, c := range map[string]struct {
		contentType, before, after string
		refused                    bool
	}{
		"a form":         {"application/x-www-form-urlencoded", "a=", "&_method=DELETE&b=1", true},
		"a form of data": {"application/x-www-form-urlencoded", "a=", "&method=x&b=1", false},
		"parts": {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n",
			"\r\n" + formPart("_method"), true},
		"parts of data": {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n",
			"\r\n" + formPart("note"), false},
		"JSON":              {"application/json", `{"a":"`, `","_method":"DELETE"}`, true},
		"JSON of data":      {"application/json", `{"a":"`, `","method":"DELETE"}`, false},
		"bytes are no form": {"application/octet-stream", "_method=", "&_method=DELETE", false},
	} {
		t.Run(name, func(t *testing.T) {
			f.up.Got()
			body := c.before + strings.Repeat("x", 1<<20) + c.after
			r, err := http.NewRequest(http.MethodPost, f.URL+"/proxy/h-graph/graph/x", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Authorization": {"Bearer " + keyH}, "X-User-Email": {harness.Alice},
				"Content-Type": {c.contentType}}
			res, err := f.Client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			requests := f.up.Got() // of those that ended early, some may come late
			got := strings.Join(requests, "")
			if c.refused {
				if res.StatusCode != http.StatusForbidden || res.Header.Get("Vendgate-Code") != "policy_denied" ||
					strings.Contains(got, "DELETE") {
					t.Errorf("answered %d %.200q; the provider got ...%q", res.StatusCode, text, got[max(0, len(got)-100):])
				}
				return
			}
			whole := func(request string) bool { return strings.HasSuffix(request, "\r\n\r\n"+body) }
			if res.StatusCode != http.StatusOK || !slices.ContainsFunc(requests, whole) {
				t.Errorf("answered %d %.200q; the provider got %d bytes", res.StatusCode, text, len(got))
			}
		})
	}
}
