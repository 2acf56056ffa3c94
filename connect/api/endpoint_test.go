package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/vending"
)

func TestFind(t *testing.T) {
	const nothing, method = "no such endpoint", "the endpoint does not support this method"
	long := strings.Repeat("i", 513)
	for call, want := range map[string]string{
		"GET /apps":                                  "/apps",
		"GET /apps/gmail":                            "/apps/{app} app=gmail",
		"GET /apps/a%2Fb":                            "/apps/{app} app=a/b",
		"GET /apps/" + long[1:]:                      "/apps/{app} app=" + long[1:],
		"POST /connections/request-link":             "/connections/request-link",
		"GET /connections/request-link":              "/connections/{id} id=request-link",
		"POST /connections/a/request-link":           "/connections/{id}/request-link id=a",
		"POST /connections/request-link/token":       "/connections/{id}/token id=request-link",
		"GET /connections":                           "/connections",
		"GET /connections/a":                         "/connections/{id} id=a",
		"DELETE /connections/a":                      "/connections/{id} id=a",
		"PUT /connections/%20/holds/b%20c":           "/connections/{id}/holds/{name} id=  name=b c",
		"POST /mcp":                                  "/mcp",
		"GET /mcp/abc":                               "/mcp/{token} token=abc",
		"GET /openapi.json":                          "/openapi.json",
		"POST /apps":                                 method,
		"get /apps":                                  method,
		"HEAD /apps":                                 method,
		"OPTIONS /connections/a":                     method,
		"PATCH /connections/a":                       method,
		"POST /connections/request%2Dlink":           method,
		"GET /connections/a/token":                   method,
		"GET /":                                      nothing,
		"GET ":                                       nothing,
		"GET /apps/":                                 nothing,
		"GET //apps":                                 nothing,
		"GET /apps/gmail/":                           nothing,
		"GET /Apps":                                  nothing,
		"PUT /connections/a/holds/":                  nothing,
		"POST /connections//token":                   nothing,
		"POST /mcp/":                                 nothing,
		"GET /openapi.json/x":                        nothing,
		"GET /apps/" + long:                          "app: may have at most 512 bytes",
		"GET /apps/" + strings.Repeat("%41", 513):    "app: may have at most 512 bytes",
		"PUT /connections/a/holds/" + long:           "name: may have at most 512 bytes",
		"GET /apps/%4":                               "app: is not percent-encoded correctly",
		"DELETE /connections/a%zz/holds/" + long[1:]: "id: is not percent-encoded correctly",
	} {
		m, path, _ := strings.Cut(call, " ")
		endpoint, params, err := api.Find(m, path)
		got := endpoint.Pattern
		for _, name := range []string{"app", "id", "name", "token"} {
			if v, ok := params[name]; ok {
				got += " " + name + "=" + v
			}
		}
		if err != nil {
			got += vending.AsError(err).Text()
		}
		if got != want || (err == nil) != (endpoint.Method == m) || err != nil &&
			vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%.60s: %.60q, want %.60q", call, got, want)
		}
	}
}

// TestDescribed: every endpoint is in the description, with what it asks for, and nothing else is.
func TestDescribed(t *testing.T) {
	s := newStage(t)
	described := make(map[[2]string]bool)
	for _, op := range s.description.Operations() {
		described[op] = true
	}
	ids, codes := make(map[any]bool), make(map[vending.Code]string)
	for _, e := range api.Endpoints {
		t.Run(e.Method+" "+e.Pattern, func(t *testing.T) {
			op := s.description.Operation(e.Method, e.Pattern)
			if op == nil {
				t.Fatal("is not described")
			}
			delete(described, [2]string{e.Method, e.Pattern})
			for _, text := range []string{"operationId", "summary", "description"} {
				if op[text] == nil {
					t.Errorf("has no %s", text)
				}
			}
			if ids[op["operationId"]] {
				t.Error("has the operationId of another")
			}
			ids[op["operationId"]] = true
			checkSecurity(t, s, e, op)
			own := s.description.Codes(e.Method, e.Pattern)
			checkCodes(t, e, own)
			maps.Copy(codes, own)
		})
	}
	for op := range described {
		t.Errorf("%v is described and does not exist", op)
	}
	if len(codes) != 14 { // all but app_mismatch: no call here names an app beside a connection
		t.Errorf("the description has the codes %v", codes)
	}
}

// checkSecurity checks how a caller is known, what it must be granted, and what it spends.
func checkSecurity(t *testing.T, s *stage, e api.Endpoint, op map[string]any) {
	t.Helper()
	security, says := op["security"].([]any)
	if open := says && len(security) == 0; open != (e.Public || e.ByURL) || says != open {
		t.Errorf("security is %v", op["security"])
	}
	want := map[string]any{"x-capability": nil, "x-budget": "api", "x-caller-key": nil}
	if e.ForCallerKeys {
		want["x-caller-key"] = true
	}
	if e.Needs != "" {
		want["x-capability"] = string(e.Needs)
	}
	switch {
	case e.Public:
		want["x-budget"] = nil
	case e.Vends:
		want["x-budget"] = "token"
	}
	for key, value := range want {
		if op[key] != value {
			t.Errorf("%s is %v, want %v", key, op[key], value)
		}
	}
	user, _ := s.description.Parameter(t, e.Method, e.Pattern, "header", "x-user-email")
	if (user != nil) != e.ForUser || e.ForUser && user["required"] != true {
		t.Errorf("x-user-email is %v", user)
	}
	for segment := range strings.SplitSeq(e.Pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if p, _ := s.description.Parameter(t, e.Method, e.Pattern, "path", strings.TrimSuffix(name, "}")); p == nil ||
				p["required"] != true {
				t.Errorf("%s is %v", segment, p)
			}
		}
	}
}

// checkCodes checks the codes of what every call passes before its own work.
func checkCodes(t *testing.T, e api.Endpoint, codes map[vending.Code]string) {
	t.Helper()
	for code, status := range codes {
		if status != fmt.Sprint(code.Status()) {
			t.Errorf("%s is described as %s", code, status)
		}
	}
	for code, want := range map[vending.Code]bool{
		vending.InvalidTenantKey: !e.Public, vending.RateLimited: !e.Public, vending.InternalError: !e.Public,
		vending.UpstreamUnavailable: !e.Public,
		vending.InvalidUserEmail:    e.ForUser || e.ByURL, vending.CapabilityDisabled: e.Needs != "",
		vending.NeedsReconnection: e.Vends,
	} {
		if _, ok := codes[code]; ok != want {
			t.Errorf("%s is described: %v", code, ok)
		}
	}
}

// TestRequestsAgree: what the description allows is taken, and what it forbids is refused.
func TestRequestsAgree(t *testing.T) {
	s := newStage(t)
	long := strings.Repeat("a", 600)
	held := s.imported("key", vending.APIKey, keys)
	for _, c := range []struct {
		in, name, method, pattern, path string // of the path, %s is the value
		values                          []any
	}{
		{"query", "page", "GET", "/apps", "/apps?page=%v", []any{-1, 0, 1, 2147483647, 2147483648, 1.5, "one"}},
		{"query", "limit", "GET", "/apps", "/apps?limit=%v", []any{-1, 0, 1, 100, 101, 1.5, "all"}},
		{"query", "search", "GET", "/apps", "/apps?search=%v", []any{"", "a", long[:100], long[:101]}},
		{"query", "page", "GET", "/connections", "/connections?page=%v", []any{-1, 0, 1, 2147483647, 2147483648, 1.5, "one"}},
		{"query", "limit", "GET", "/connections", "/connections?limit=%v", []any{-1, 0, 1, 100, 101, 1.5, "all"}},
		{"query", "app_id", "GET", "/connections", "/connections?app_id=%v", []any{"", "key", long[:64], long[:65]}},
		{"query", "needs_reconnection", "GET", "/connections", "/connections?needs_reconnection=%v",
			[]any{true, false, "yes", "TRUE", "1", 1, "%20true"}},
		{"path", "app", "GET", "/apps/{app}", "/apps/%v", []any{"key", long[:512], long[:513]}},
		{"path", "id", "GET", "/connections/{id}", "/connections/%v", []any{held, long[:512], long[:513]}},
		{"path", "name", "PUT", "/connections/{id}/holds/{name}", "/connections/" + held + "/holds/%v",
			[]any{"a", long[:100], long[:101], "%0a", "%c2%85"}},
		{"path", "name", "DELETE", "/connections/{id}/holds/{name}", "/connections/" + held + "/holds/%v",
			[]any{"a", long[:100], long[:101], "%7f"}},
	} {
		_, schema := s.description.Parameter(t, c.method, c.pattern, c.in, c.name)
		for _, v := range c.values {
			text := v
			if escaped, ok := v.(string); ok {
				text = unescape(t, escaped)
			}
			allowed := schema.Validate(text) == nil
			got := s.call("acme", alice, c.method, fmt.Sprintf(c.path, v), nil)
			if taken := got.code != vending.InvalidRequest; taken != allowed {
				t.Errorf("%s %s %v: described as allowed: %v; answered %d %s", c.pattern, c.name, v, allowed, got.status, got.body)
			}
		}
	}
}

// TestBodiesAgree is TestRequestsAgree for the one body.
func TestBodiesAgree(t *testing.T) {
	s := newStage(t)
	schema := s.description.Body(t, "POST", "/connections/request-link")
	long := strings.Repeat("a", 200)
	for _, body := range []string{
		`{"app_id":"key","name":"One"}`, `{"app_id":"key","name":"One","more":{}}`, `{"app_id":"key","name":" One ✉ "}`,
		`{"app_id":"key","name":"` + long + `"}`,
		`{}`, `[]`, `null`, `"x"`, `{"app_id":"key"}`, `{"name":"One"}`, `{"app_id":"","name":"One"}`,
		`{"app_id":"key","name":""}`, `{"app_id":"key","name":"  "}`,
		`{"app_id":1,"name":"One"}`, `{"app_id":"key","name":null}`, `{"app_id":"` + long[:65] + `","name":"One"}`,
		`{"app_id":"key","name":"a\u0000b"}`,
		`{"app_id":"key","name":"a\u202eb"}`, `{"app_id":"key","name":"a\u0085b"}`,
	} {
		allowed := schema.Validate(decode(t, body)) == nil
		if got := s.post("/connections/request-link", body); allowed != (got.status == 201) {
			t.Errorf("%s: described as allowed: %v; answered %d %s", body, allowed, got.status, got.body)
		}
	}
}

// TestDescriptionIsServed: to anybody, as it is.
func TestDescriptionIsServed(t *testing.T) {
	s := newStage(t)
	got := s.call("", "", "GET", "/openapi.json", nil)
	if got.status != 200 || got.body != string(api.OpenAPI) || got.header.Get("Content-Type") != "application/json" ||
		got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", got.status, got.header)
	}
}
