package policy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

const (
	deniedCode  = vending.PolicyDenied
	invalidCode = vending.InvalidRequest
)

// declared is an entry with names that are ordinary data elsewhere.
var declared = NewSteering(&catalog.Steering{
	Query: []string{"method", "q"}, Body: []string{"rest_route", "batch"}, Headers: []string{"X-Do_It"},
	Batch: []string{"/v1.0/jobs", "/services/data/*/composite/**", "/graphql", "/~up.example/batch/**"},
})

var queryCases = map[string]struct {
	query string
	want  vending.Code // at an app that declares nothing
	known vending.Code // at one that declares
}{
	"none":                   {"", "", ""},
	"ordinary":               {"a=1&b=2&fields=id,name&$filter=a eq 'b'&$select=x&page[size]=3", "", ""},
	"_method":                {"_method=DELETE", deniedCode, deniedCode},
	"any value":              {"_method=GET", deniedCode, deniedCode},
	"no value":               {"_method", deniedCode, deniedCode},
	"MOVE":                   {"a=1&_method=MOVE", deniedCode, deniedCode},
	"value with NUL":         {"_method=DELETE%00", deniedCode, deniedCode},
	"upper case":             {"_METHOD=put", deniedCode, deniedCode},
	"encoded":                {"%5fMeth%6Fd=put", deniedCode, deniedCode},
	"index":                  {"_method[]=put", deniedCode, deniedCode},
	"encoded index":          {"%5Fmethod%5B0%5D=put", deniedCode, deniedCode},
	"semicolon":              {"a=1;_method=put", deniedCode, deniedCode},
	"NUL in the name":        {"_method%00x=put", deniedCode, deniedCode},
	"space before":           {"+%20_method=put", deniedCode, deniedCode},
	"dot for underscore":     {".method=put", deniedCode, deniedCode},
	"bracket for underscore": {"[method=put", deniedCode, deniedCode},
	"$method":                {"$method=put", deniedCode, deniedCode},
	"Google":                 {"$httpMethod=DELETE", deniedCode, deniedCode},
	"Google, encoded":        {"alt=json&%24HTTPMETHOD=DELETE", deniedCode, deniedCode},
	"Google's headers":       {"$httpHeaders=X-HTTP-Method-Override:DELETE", deniedCode, deniedCode},
	"Salesforce":             {"_HttpMethod=DELETE", deniedCode, deniedCode},
	"http_method":            {"http_method=DELETE", deniedCode, deniedCode},
	"header's name":          {"X-HTTP-Method-Override=DELETE", deniedCode, deniedCode},
	"header's name, CGI":     {"x_http_method_override=DELETE", deniedCode, deniedCode},
	"X-HTTP-Method":          {"x-http-method=DELETE", deniedCode, deniedCode},
	"method_override":        {"_method_override=DELETE", deniedCode, deniedCode},
	"method":                 {"method=DELETE", "", deniedCode},
	"method, any value":      {"method=flickr.photos.search", "", deniedCode},
	"declared, marked":       {"-q=/x", "", deniedCode},
	"declared, short":        {"Q=/x", "", deniedCode},
	"IIS' escapes":           {"a=1&%u005fm%U0065thod=DELETE", deniedCode, deniedCode},
	"longer name":            {"methods=1&shipping_method=2&http_methods=3&payment_method_id=4&request_method=5", "", ""},
	"rest_route":             {"rest_route=/wp/v2/users", invalidCode, invalidCode},
	"rest.route":             {"x&rest.route[0]=", invalidCode, invalidCode},
	"rest route":             {"rest+route=/x", invalidCode, invalidCode},
	"rest[route":             {"rest[route=/x", invalidCode, invalidCode},
	"rest%5Broute":           {"rest%5Broute=/x", invalidCode, invalidCode},
	"_url":                   {"_url=/admin", invalidCode, invalidCode},
	"url":                    {"url=https://example.com&path=/a&route=b&uri=c", "", ""},
}

func TestSteeringQuery(t *testing.T) {
	for name, c := range queryCases {
		t.Run(name, func(t *testing.T) {
			for s, want := range map[*Steering]vending.Code{new(Steering): c.want, declared: c.known} {
				for _, rules := range []Rules{{allow("app", "", "GET")}, {deny("app", "/admin/**")}, {deny("*", "", "DELETE")}} {
					if err := s.Permit(Call{App: "app", Method: "GET", Path: "/a", RawQuery: c.query}, nil, rules); code(t, err) != want {
						t.Errorf("%+v: %v, want %q", rules, err, want)
					}
				}
				// What binds neither methods nor paths of the app has nothing to be passed by.
				for _, rules := range []Rules{nil, {allow("app", "")}, {deny("other", "/x")}} {
					if err := s.Permit(Call{App: "app", Method: "GET", Path: "/a", RawQuery: c.query}, rules, nil); err != nil {
						t.Errorf("%+v: %v", rules, err)
					}
				}
			}
		})
	}
}

func TestSteeringInPath(t *testing.T) {
	for path, want := range map[string]vending.Code{
		"/a%3f_method=DELETE": deniedCode, "/a%3Fx=1&_method=DELETE": deniedCode, "/a;_method=DELETE": deniedCode, "/a;x/b;_method=1": deniedCode,
		"/a%u003f_method=1": deniedCode, "/a%u003B_method=1": deniedCode,
		"/a%3Brest_route=/x": invalidCode, "/a%3fb": "", "/a;v=1/b": "", "/a%20_method=1": "",
	} {
		if err := new(Steering).Permit(Call{App: "app", Method: "GET", Path: path}, Rules{deny("app", "", "DELETE")}); code(t, err) != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestSteeringHeaders(t *testing.T) {
	byPath, byMethod := Rules{allow("app", "/**")}, Rules{allow("app", "", "GET", "POST")}
	for name, c := range map[string]struct {
		name, value    string
		path, method   vending.Code
		mayTrail, none bool
	}{
		"override":            {"X-Http-Method-Override", "DELETE", "", deniedCode, false, false},
		"override, permitted": {"X-Http-Method-Override", "GET", "", "", false, false},
		"override, a list":    {"X-Http-Method-Override", "GET, DELETE", "", deniedCode, false, false},
		"override, odd":       {"X-Http-Method-Override", "GET\x00", deniedCode, deniedCode, false, false},
		"override, twin":      {"X_http_method", "DELETE", "", deniedCode, false, false},
		"override, dots":      {"X.http!method", "DELETE", "", deniedCode, false, false},
		"override, other":     {"X-Override-Http-Method", "DELETE", "", deniedCode, false, false},
		"S3's copy":           {"X-Amz-Copy-Source", "/secret/a", invalidCode, "", false, false},
		"Azure's copy":        {"X-Ms-Copy-Source", "https://x/y", invalidCode, "", false, false},
		"GCS' copy":           {"X-Goog-Copy-Source", "/a/b", invalidCode, "", false, false},
		"Swift's copy":        {"X-Copy-From", "/a/b", invalidCode, "", false, false},
		"rename":              {"X-Ms-Rename-Source", "/a/b", invalidCode, "", false, false},
		"WebDAV":              {"Destination", "/secret", invalidCode, "", false, false},
		"another URL":         {"X-Http-Url-Override", "/secret", invalidCode, "", false, false},
		"another URI":         {"X_uri_override", "/secret", invalidCode, "", false, false},
		"tus":                 {"Upload-Concat", "final;/files/a /files/b", invalidCode, "", false, false},
		"declared":            {"X-Do-It", "now", deniedCode, deniedCode, false, false},
		"ordinary":            {"X-Amz-Content-Sha256", "x", "", "", true, false},
		"a checksum":          {"Content-Md5", "x", "", "", true, false},
		"Content-Type":        {"Content-Type", "text/plain", "", "", false, false},
		"Host":                {"Host", "x", "", "", false, false},
		"range":               {"Range", "bytes=1-", "", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			call := Call{App: "app", Method: "GET", Path: "/a", Header: http.Header{c.name: {c.value}}}
			if err := declared.Permit(call, byPath); code(t, err) != c.path {
				t.Errorf("with a path: %v, want %q", err, c.path)
			}
			if err := declared.Permit(call, byMethod); code(t, err) != c.method {
				t.Errorf("with methods: %v, want %q", err, c.method)
			}
			if declared.MayTrail(c.name) != c.mayTrail {
				t.Errorf("as a trailer: %t", !c.mayTrail)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	for name, c := range map[string]struct {
		rules      Rules
		host, path string
		want       vending.Code
	}{
		"not one":                    {Rules{allow("app", "", "POST")}, "", "/v1.0/me", ""},
		"by method":                  {Rules{allow("app", "", "POST")}, "", "/v1.0/jobs", deniedCode},
		"by a deny":                  {Rules{deny("app", "", "DELETE")}, "", "/v1.0/jobs", deniedCode},
		"by a wildcard":              {Rules{allow("app", "/v1.0/*")}, "", "/v1.0/jobs", deniedCode},
		"by any path":                {Rules{allow("app", "/**")}, "", "/graphql", deniedCode},
		"by name":                    {Rules{allow("app", "/v1.0/jobs")}, "", "/v1.0/jobs", ""},
		"by name, other method":      {Rules{allow("app", "/v1.0/jobs", "GET"), allow("app", "/**")}, "", "/v1.0/jobs", deniedCode},
		"by name among others":       {Rules{allow("app", "/**"), deny("app", "", "DELETE"), allow("app", "/graphql")}, "", "/graphql", ""},
		"by name, any rest":          {Rules{allow("app", "/services/data/*/composite/**")}, "", "/services/data/v60.0/composite/batch", ""},
		"above it":                   {Rules{allow("app", "/services/data/**")}, "", "/services/data/v60.0/composite", deniedCode},
		"named and denied":           {Rules{allow("app", "/graphql"), deny("app", "/graphql")}, "", "/graphql", deniedCode},
		"in another case":            {Rules{deny("app", "/x")}, "", "/GraphQL", deniedCode},
		"with a format":              {Rules{deny("app", "/x")}, "", "/graphql.json", deniedCode},
		"with an encoded end":        {Rules{deny("app", "/x")}, "", "/graphql%3fx", deniedCode},
		"OData's, undeclared":        {Rules{deny("app", "", "DELETE")}, "", "/any/$batch", deniedCode},
		"OData's, encoded":           {Rules{deny("app", "", "DELETE")}, "", "/any/%24batch", deniedCode},
		"OData's, by name":           {Rules{allow("app", "/any/$batch")}, "", "/any/$batch", ""},
		"at an extra host":           {Rules{deny("app", "", "DELETE")}, "up.example", "/batch/x", deniedCode},
		"at an extra host, by name":  {Rules{allow("app", "/~up.example/batch/**")}, "up.example", "/batch/x", ""},
		"at another host":            {Rules{deny("app", "", "DELETE")}, "", "/batch/x", ""},
		"rules that bind no request": {Rules{allow("app", "")}, "", "/graphql", ""},
		"no rules":                   {nil, "", "/graphql", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range c.rules {
				if err := r.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if err := declared.Permit(Call{App: "app", Method: "POST", Host: c.host, Path: c.path}, c.rules); code(t, err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	// Each set of rules must name it: neither the tenant nor its caller key widens the other.
	named, any := Rules{allow("app", "/graphql")}, Rules{allow("app", "/**")}
	if err := declared.Permit(Call{App: "app", Method: "POST", Path: "/graphql"}, named, any); code(t, err) != deniedCode {
		t.Errorf("%v", err)
	}
}

// TestSplitsFirst: an app that splits first reads an encoded separator as a character.
func TestSplitsFirst(t *testing.T) {
	s := NewSteering(&catalog.Steering{SplitsFirst: true})
	for path, want := range map[string]vending.Code{
		"/projects/a%2Fb/issues": "", "/projects/a%23b/issues": "", "/projects/a%3Fb/issues": "", "/projects/a/b/issues": deniedCode, "/projects/a;b/issues": "",
	} {
		if err := s.Permit(Call{App: "app", Method: "GET", Path: path}, Rules{allow("app", "/projects/*/issues")}); code(t, err) != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	for _, path := range []string{"/admin%20/x", "/admin%2Fx", "/admin%3fx"} {
		if err := s.Permit(Call{App: "app", Method: "GET", Path: path}, Rules{deny("app", "/admin/**")}); code(t, err) != deniedCode {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// part makes one part of a form.
func part(header string) string {
	return "--b\r\nContent-Disposition: form-data; " + header + "\r\n\r\nDELETE\r\n--b--\r\n"
}

var bodyCases = map[string]struct {
	contentType, body string
	want, known       vending.Code
}{
	"a form":                      {"application/x-www-form-urlencoded", "a=1&b=_method", "", ""},
	"_method":                     {"application/x-www-form-urlencoded", "a=1&_method=DELETE", deniedCode, deniedCode},
	"_method, last and bare":      {"application/x-www-form-urlencoded", "a=1&_method", deniedCode, deniedCode},
	"_method, encoded":            {"Application/X-WWW-Form-URLEncoded; charset=UTF-8", "a&%5F%6dethod%5b%5d=DELETE", deniedCode, deniedCode},
	"ASP.NET MVC":                 {"application/x-www-form-urlencoded", "X-HTTP-Method-Override=DELETE", deniedCode, deniedCode},
	"rest_route":                  {"application/x-www-form-urlencoded", "rest%5Broute=/wp/v2/users", "", invalidCode},
	"declared":                    {"application/x-www-form-urlencoded", "batch=[]", "", deniedCode},
	"data of monitors":            {"application/x-www-form-urlencoded", "http_method=2&method=x&path=/a", "", ""},
	"a value with signs":          {"application/x-www-form-urlencoded", "a=b=_method=c", "", ""},
	"UTF-16":                      {"application/x-www-form-urlencoded; charset=utf-16", "_\x00m\x00e\x00t\x00h\x00o\x00d\x00=\x00", deniedCode, deniedCode},
	"a name that NUL cuts":        {"application/x-www-form-urlencoded", "_method\x00x=DELETE", deniedCode, deniedCode},
	"a name in IIS' escapes":      {"application/x-www-form-urlencoded", "X-HTTP-Method-Overrid%u0065=DELETE", deniedCode, deniedCode},
	"a percent sign before one":   {"application/x-www-form-urlencoded", "%%5Fmethod=DELETE", deniedCode, deniedCode},
	"EBCDIC":                      {"application/x-www-form-urlencoded; charset=IBM037", "a=b", invalidCode, invalidCode},
	"UTF-7":                       {"application/json; charset=utf-7", "{}", invalidCode, invalidCode},
	"no type: a form":             {"", "_method=DELETE", deniedCode, deniedCode},
	"no type: JSON":               {"", `{"_method":"DELETE"}`, deniedCode, deniedCode},
	"another type":                {"application/octet-stream", "_method=DELETE", "", ""},
	"XML":                         {"application/xml", "<_method/>", "", ""},
	"parts":                       {"multipart/form-data; boundary=b", part(`name="file"; filename="_method"`), "", ""},
	"a part":                      {"multipart/form-data; boundary=b", part(`name="_method"`), deniedCode, deniedCode},
	"a part, no quotes":           {"multipart/form-data; boundary=b", part(`NAME=_method`), deniedCode, deniedCode},
	"a part, single quotes":       {"multipart/form-data; boundary=b", part(`name='_method'`), deniedCode, deniedCode},
	"a part, open quote":          {"multipart/form-data; boundary=b", part(`name="_method`), deniedCode, deniedCode},
	"a part, escaped":             {"multipart/form-data; boundary=b", part(`name="\_meth\od"`), deniedCode, deniedCode},
	"a part, percent":             {"multipart/form-data; boundary=b", part(`name="%5Fmethod"`), deniedCode, deniedCode},
	"a part, extended":            {"multipart/form-data; boundary=b", part(`name*=utf-8''%5fmethod`), deniedCode, deniedCode},
	"a part, in pieces":           {"multipart/form-data; boundary=b", part(`name*0="_me"; name*1="thod"`), invalidCode, invalidCode},
	"a part, encoded word":        {"multipart/form-data; boundary=b", part(`name="=?utf-8?B?X21ldGhvZA==?="`), invalidCode, invalidCode},
	"a part, extended, language":  {"multipart/form-data; boundary=b", part(`name*=utf-8'en'%5fmethod`), deniedCode, deniedCode},
	"a part, name behind a dash":  {"multipart/form-data; boundary=b", part(`x-name="_method"`), deniedCode, deniedCode},
	"a part, name in another":     {"multipart/form-data; boundary=b", part(`x="a;name=_method"`), deniedCode, deniedCode},
	"a part, ended by any sign":   {"multipart/form-data; boundary=b", part(`name=_method/x`), deniedCode, deniedCode},
	"a part, ended by a quote":    {"multipart/form-data; boundary=b", part(`name=_method"x`), deniedCode, deniedCode},
	"a part, named twice":         {"multipart/form-data; boundary=b", part(`name=name=_method`), deniedCode, deniedCode},
	"a part, data beside":         {"multipart/form-data; boundary=b", part(`name="a"; filename="x-method-override.txt"`), "", ""},
	"a part, a longer name":       {"multipart/form-data; boundary=b", part(`name="_method_x-method-override-n"`), "", ""},
	"a part, cut by NUL":          {"multipart/form-data; boundary=b", part("name=\"_method\x00x\""), deniedCode, deniedCode},
	"a part, UTF-16":              {"multipart/form-data; boundary=b", part("n\x00a\x00m\x00e\x00=\x00\"\x00_method"), deniedCode, deniedCode},
	"a part, by its id alone":     {"multipart/form-data; boundary=b", "--b\r\nContent-ID: _method\r\n\r\nDELETE\r\n--b--\r\n", deniedCode, deniedCode},
	"a part, by its id, folded":   {"multipart/form-data; boundary=b", "--b\r\nContent-ID:\r\n _method\r\n\r\nDELETE\r\n--b--\r\n", deniedCode, deniedCode},
	"a part, by its id, open end": {"multipart/form-data; boundary=b", "--b\r\ncontent-id:_method", deniedCode, deniedCode},
	"a part with an id":           {"multipart/related; boundary=b", "--b\r\nContent-ID: <part1@x>\r\n\r\n--b--\r\n", "", ""},
	"a mail's attachment":         {"multipart/related; boundary=b", part("filename*0=a\r\nContent-Type: text/x;\r\n\tname=\"=?utf-8?Q?=C3=A4?=\""), "", ""},
	"a folded header":             {"multipart/form-data; boundary=b", part("x=y\r\n\t; name*0=a"), invalidCode, invalidCode},
	"a part, folded header":       {"multipart/form-data; boundary=b", part("x=y;\r\n\tname=\"_method\""), deniedCode, deniedCode},
	"a part, bare line feeds":     {"multipart/form-data; boundary=b", "--b\ncontent-disposition: form-data; name=_method\n\nDELETE\n--b--\n", deniedCode, deniedCode},
	"a part, long header":         {"multipart/form-data; boundary=b", part(strings.Repeat("x", 40<<10) + `; name="_method"`), deniedCode, deniedCode},
	"a part, behind a lookalike":  {"multipart/form-data; boundary=b", "content-dispositcontent-disposition: form-data; name=_method\r\n\r\n", deniedCode, deniedCode},
	"a part, header without end":  {"multipart/form-data; boundary=b", `Content-Disposition: form-data; name="_method"`, deniedCode, deniedCode},
	"a part, rest_route":          {"multipart/mixed; boundary=b", part(`name="rest_route"`), "", invalidCode},
	"JSON":                        {"application/json", `{"a":{"_method":1},"method":"DELETE","path":"/x","httpMethod":"PUT","b":["_method"]}`, "", ""},
	"JSON, _method":               {"application/json", `{"a":"\"{[","b":[{"c":1}],"_method":"DELETE"}`, deniedCode, deniedCode},
	"JSON, escaped":               {"application/vnd.api+json", "\ufeff {\"\\u005fm\\u0065thod\": 1}", deniedCode, deniedCode},
	"JSON, declared":              {"application/json", `{"batch":[]}`, "", deniedCode},
	"JSON, declared, deep":        {"application/json", `{"a":[1,{"b":2,"options":{"c":[],"batch":1}}]}`, "", deniedCode},
	"JSON, declared, a value":     {"application/json", `{"a":["batch",{"b":"batch"}]}`, "", ""},
	"JSON, too deep":              {"application/json", strings.Repeat(`{"a":`, 2000), invalidCode, invalidCode},
	"JSON as text":                {"text/plain", `{"_method":"DELETE"}`, deniedCode, deniedCode},
	"JSON, an array":              {"application/json", `[{"_method":"DELETE"}]`, "", ""},
	"JSON, a string":              {"application/json", `"_method"`, "", ""},
	"JSON, after its end":         {"application/json", `{"a":1} {"_method":1}`, "", ""},
	"JSON, UTF-16":                {"application/json; charset=utf-16le", "{\x00\"\x00_\x00m\x00e\x00t\x00h\x00o\x00d\x00\"\x00:\x001\x00}\x00", invalidCode, invalidCode},
	"JSON, UTF-16, a byte that looks like a quote": {
		"application/json; charset=utf-16be", "\x00{\x00\"\x00a\x00\"\x00:\x00\"\x22\x01\x00\"\x00,\x00\"\x00_\x00m\x00e\x00t\x00h\x00o\x00d\x00\"\x00:\x001\x00}",
		invalidCode, invalidCode,
	},
	"no type: a file that begins with NUL": {"", "\x00\x00\x00\x18ftypmp42{\x00", "", ""},
	"a type that says both":                {"application/json; x=form-urlencoded", `_method=DELETE`, deniedCode, deniedCode},
	"text":                                 {"text/plain", `_method=DELETE`, "", ""},
	"a form, a long value before":          {"application/x-www-form-urlencoded", "a=" + strings.Repeat("%41", 50<<10) + "&_method=1", deniedCode, deniedCode},
	"a form, a long name":                  {"application/x-www-form-urlencoded", strings.Repeat("_method", 10<<10) + "=1", "", ""},
	"a form, spaces before":                {"application/x-www-form-urlencoded", strings.Repeat("%20", 10<<10) + "_method=1", deniedCode, deniedCode},
}

// TestScreen writes each body at once and byte by byte.
func TestScreen(t *testing.T) {
	for name, c := range bodyCases {
		t.Run(name, func(t *testing.T) {
			for s, want := range map[*Steering]vending.Code{new(Steering): c.want, declared: c.known} {
				for _, chunk := range []int{1, 7, len(c.body)} {
					if got := screened(t, s, c.contentType, c.body, chunk); got != want {
						t.Errorf("by %d bytes: %q, want %q", chunk, got, want)
					}
				}
			}
		})
	}
}

func screened(t *testing.T, s *Steering, contentType, body string, chunk int) vending.Code {
	t.Helper()
	header := http.Header{}
	if contentType != "" {
		header["Content-Type"] = []string{contentType}
	}
	screen, err := s.Screen(Call{App: "app", Header: header}, Rules{allow("app", "", "POST")})
	if err != nil || screen == nil {
		return code(t, err)
	}
	for rest := body; rest != "" && err == nil; rest = rest[min(chunk, len(rest)):] {
		_, err = screen.Write([]byte(rest[:min(chunk, len(rest))]))
	}
	if err == nil {
		err = screen.Close()
	}
	return code(t, err)
}

func TestScreenRefuses(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for name, c := range map[string]struct {
		types, codings []string
		want, known    vending.Code
	}{
		"two types":       {[]string{form, json}, nil, invalidCode, invalidCode},
		"compressed form": {[]string{form}, []string{"gzip"}, invalidCode, invalidCode},
		"compressed JSON": {[]string{json}, []string{"gzip"}, "", ""},
		"another coding":  {[]string{json}, []string{"br"}, invalidCode, invalidCode},
		"two codings":     {[]string{json}, []string{"gzip", "gzip"}, invalidCode, invalidCode},
		"identity":        {[]string{form}, []string{"Identity"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			call := Call{App: "app", Header: http.Header{"Content-Type": c.types, "Content-Encoding": c.codings}}
			for s, want := range map[*Steering]vending.Code{new(Steering): c.want, declared: c.known} {
				if _, err := s.Screen(call, Rules{deny("app", "/x")}); code(t, err) != want {
					t.Errorf("%v, want %q", err, want)
				}
				if screen, err := s.Screen(call, Rules{allow("app", "")}, nil); screen != nil || err != nil {
					t.Errorf("without bounds: %v, %v", screen, err)
				}
			}
		})
	}
}
