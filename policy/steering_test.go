package policy

import (
	"net/http"
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
					if err := s.Permit(Call{App: "app", Method: "GET", Path: "/a", RawQuery: c.query}, nil, rules); code(t,
						err) != want {
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
		"/a%3f_method=DELETE": deniedCode, "/a%3Fx=1&_method=DELETE": deniedCode, "/a;_method=DELETE": deniedCode,
		"/a;x/b;_method=1":  deniedCode,
		"/a%u003f_method=1": deniedCode, "/a%u003B_method=1": deniedCode,
		"/a%3Brest_route=/x": invalidCode, "/a%3fb": "", "/a;v=1/b": "", "/a%20_method=1": "",
	} {
		if err := new(Steering).Permit(Call{App: "app", Method: "GET", Path: path}, Rules{deny("app", "", "DELETE")}); code(t,
			err) != want {
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
		"not one":       {Rules{allow("app", "", "POST")}, "", "/v1.0/me", ""},
		"by method":     {Rules{allow("app", "", "POST")}, "", "/v1.0/jobs", deniedCode},
		"by a deny":     {Rules{deny("app", "", "DELETE")}, "", "/v1.0/jobs", deniedCode},
		"by a wildcard": {Rules{allow("app", "/v1.0/*")}, "", "/v1.0/jobs", deniedCode},
		"by any path":   {Rules{allow("app", "/**")}, "", "/graphql", deniedCode},
		"by name":       {Rules{allow("app", "/v1.0/jobs")}, "", "/v1.0/jobs", ""},
		"by name, other method": {Rules{allow("app", "/v1.0/jobs", "GET"), allow("app", "/**")}, "", "/v1.0/jobs",
			deniedCode},
		"by name among others": {Rules{allow("app", "/**"), deny("app", "", "DELETE"), allow("app", "/graphql")}, "",
			"/graphql", ""},
		"by name, any rest": {Rules{allow("app", "/services/data/*/composite/**")}, "",
			"/services/data/v60.0/composite/batch", ""},
		"above it": {Rules{allow("app", "/services/data/**")}, "", "/services/data/v60.0/composite",
			deniedCode},
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
			if err := declared.Permit(Call{App: "app", Method: "POST", At: placeOf(c.host), Path: c.path}, c.rules); code(t,
				err) != c.want {
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

// TestDeclaredCommonHeader: no header is too common for an entry to declare it.
func TestDeclaredCommonHeader(t *testing.T) {
	s := NewSteering(&catalog.Steering{Headers: []string{"Accept"}})
	call := Call{App: "app", Method: "GET", Path: "/a", Header: http.Header{"Accept": {"x"}}}
	if err := s.Permit(call, Rules{allow("app", "", "GET")}); code(t, err) != deniedCode {
		t.Errorf("%v", err)
	}
	if err := new(Steering).Permit(call, Rules{allow("app", "", "GET")}); err != nil {
		t.Error(err)
	}
}

// TestSplitsFirst: an app that splits first reads an encoded separator as a character.
func TestSplitsFirst(t *testing.T) {
	s := NewSteering(&catalog.Steering{SplitsFirst: true})
	for path, want := range map[string]vending.Code{
		"/projects/a%2Fb/issues": "", "/projects/a%23b/issues": "", "/projects/a%3Fb/issues": "",
		"/projects/a/b/issues": deniedCode, "/projects/a;b/issues": "",
	} {
		if err := s.Permit(Call{App: "app", Method: "GET", Path: path}, Rules{allow("app", "/projects/*/issues")}); code(t,
			err) != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	for _, path := range []string{"/admin%20/x", "/admin%2Fx", "/admin%3fx"} {
		if err := s.Permit(Call{App: "app", Method: "GET", Path: path}, Rules{deny("app", "/admin/**")}); code(t,
			err) != deniedCode {
			t.Errorf("%s: %v", path, err)
		}
	}
}
