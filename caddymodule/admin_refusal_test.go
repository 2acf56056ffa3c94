package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestAdminAPIRefuses holds what cannot be done against its answer; nothing is changed by any of
// it.
func TestAdminAPIRefuses(t *testing.T) {
	a := startAdmin(t, fmt.Sprintf("data_dir %q", t.TempDir()))
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"gone","email":"dev@gone.example"}`)
	a.ok(200, "POST", "/vendgate/tenants/gone/disable", "")
	const tenants, audit = "/vendgate/tenants", "/vendgate/audit"
	for name, tt := range map[string]struct {
		method, path, body string
		code, want         string
	}{
		"taken": {"POST", tenants, `{"id":"acme","email":"a@a.example"}`, "invalid_request",
			connect.ErrTenantExists.Error()},
		"no id":    {"POST", tenants, `{"email":"a@a.example"}`, "invalid_request", "1 to 63 of a-z"},
		"no email": {"POST", tenants, `{"id":"beta"}`, "invalid_user_email", "one bare ASCII address"},
		"bad email": {"POST", tenants, `{"id":"beta","email":"NEVER"}`, "invalid_user_email",
			"one bare ASCII address"},
		"bad capability": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":["root"]}`,
			"invalid_request", "any of apps, connections, token, delete"},
		"bad accent": {"POST", tenants, `{"id":"beta","email":"a@a.example","accent":"teal"}`, "invalid_request",
			"accent: write a colour"},
		"id no text": {"POST", tenants, `{"id":7,"email":"a@a.example"}`, "invalid_request", "id: must be a string"},
		"email no text": {"POST", tenants, `{"id":"beta","email":["a@a.example"]}`, "invalid_request",
			"email: must be a string"},
		"capabilities text": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":"token"}`,
			"invalid_request", "capabilities: must be a list of strings"},
		"ancestors numbers": {"POST", tenants, `{"id":"beta","email":"a@a.example","frame_ancestors":[1]}`,
			"invalid_request", "frame_ancestors: must be a list of strings"},
		"mistyped field": {"POST", tenants, `{"id":"beta","email":"a@a.example","capability":["token"]}`,
			"invalid_request",
			`unknown field "capability"; the fields are accent, capabilities, email, frame_ancestors, id, logo_url, name, ` +
				`source, unconfirmed, user_hint`},
		"no capabilities": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":[]}`, "invalid_request",
			"capabilities: is empty"},
		"empty capability": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":["token",""]}`,
			"invalid_request", "capabilities: is empty"},
		"blank capability": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":[" "]}`,
			"invalid_request", "capabilities: is empty"},
		"null capabilities": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":null}`, "invalid_request",
			"capabilities: is empty"},
		"null of a list": {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":[null]}`,
			"invalid_request", "capabilities: is empty"},
		"empty name": {"POST", tenants, `{"id":"beta","email":"a@a.example","name":""}`, "invalid_request",
			"name: is empty"},
		"blank hint": {"POST", tenants, `{"id":"beta","email":"a@a.example","user_hint":"\t"}`, "invalid_request",
			"user_hint: is empty"},
		"null hint": {"POST", tenants, `{"id":"beta","email":"a@a.example","user_hint":null}`, "invalid_request",
			"user_hint: is empty"},
		"bad hint": {"POST", tenants, `{"id":"beta","email":"a@a.example","user_hint":"none"}`, "invalid_request",
			"user_hint: write masked, off, or words"},
		"empty ancestors": {"POST", tenants, `{"id":"beta","email":"a@a.example","frame_ancestors":[]}`,
			"invalid_request", "frame_ancestors: is empty"},
		"empty id": {"POST", tenants, `{"id":"","email":"a@a.example"}`, "invalid_request", "id: is empty"},
		"field of other case": {"POST", tenants, `{"ID":"beta","email":"a@a.example"}`, "invalid_request",
			`unknown field "ID"`},
		"long field": {"POST", tenants, `{"` + strings.Repeat("x", 50000) + `":1}`, "invalid_request",
			`unknown field "` + strings.Repeat("x", 40) + `";`},
		"no body":  {"POST", tenants, "", "invalid_request", "the body must be one JSON object"},
		"null":     {"POST", tenants, "null", "invalid_request", "the body must be one JSON object"},
		"an array": {"POST", tenants, `["NEVER"]`, "invalid_request", "the body must be one JSON object"},
		"two objects": {"POST", tenants, `{"id":"beta","email":"a@a.example"}{}`, "invalid_request",
			"the body must be one JSON object"},
		"cut off": {"POST", tenants, `{"id":"beta","email":"NEVER`, "invalid_request",
			"the body must be one JSON object"},
		"no utf-8": {"POST", tenants, "{\"id\":\"beta\",\"email\":\"a@a.example\",\"name\":\"\xff\"}",
			"invalid_request", "the body must be one JSON object"},
		"too large": {"POST", tenants, `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, "request_too_large",
			"at most 65536 bytes"},
		"rotate unknown":   {"POST", tenants + "/nobody/rotate", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"promote unknown":  {"POST", tenants + "/nobody/promote", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"disable unknown":  {"POST", tenants + "/nobody/disable", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"mcp-url unknown":  {"POST", tenants + "/nobody/mcp-url", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"promote one key":  {"POST", tenants + "/acme/promote", "", "invalid_request", connect.ErrOneKey.Error()},
		"rotate disabled":  {"POST", tenants + "/gone/rotate", "", "invalid_request", connect.ErrTenantDisabled.Error()},
		"mcp-url disabled": {"POST", tenants + "/gone/mcp-url", "", "invalid_request", connect.ErrTenantDisabled.Error()},
		"odd id": {"POST", tenants + "/%2e%2e%2f%00/rotate", "", "invalid_request",
			connect.ErrTenantUnknown.Error()},
		"rotate by GET": {"GET", tenants + "/acme/rotate", "", "invalid_request",
			"there is no such endpoint, or it has another method"},
		"delete":          {"DELETE", tenants, "", "invalid_request", "no such endpoint"},
		"base":            {"GET", "/vendgate/", "", "invalid_request", "no such endpoint"},
		"unknown":         {"GET", "/vendgate/connections", "", "invalid_request", "no such endpoint"},
		"tenants query":   {"GET", tenants + "?page=2", "", "invalid_request", `unknown parameter "page"`},
		"audit parameter": {"GET", audit + "?tennant=acme", "", "invalid_request", `unknown parameter "tennant"`},
		"audit twice": {"GET", audit + "?tenant=acme&tenant=beta", "", "invalid_request",
			"tenant: occurs more than once"},
		"audit encoding": {"GET", audit + "?tenant=%zz", "", "invalid_request", "the query is not encoded correctly"},
		"audit page 0": {"GET", audit + "?page=0", "", "invalid_request",
			"page: must be a whole number from 1 to 2147483647"},
		"audit page text": {"GET", audit + "?page=one", "", "invalid_request",
			"page: must be a whole number from 1 to 2147483647"},
		"audit limit 0": {"GET", audit + "?limit=0", "", "invalid_request",
			"limit: must be a whole number from 1 to 100"},
		"audit limit 101": {"GET", audit + "?limit=101", "", "invalid_request",
			"limit: must be a whole number from 1 to 100"},
		"audit of no tenant":  {"GET", audit + "?tenant=", "", "invalid_request", "tenant: is empty"},
		"audit of a blank":    {"GET", audit + "?connection=%20", "", "invalid_request", "connection: is empty"},
		"audit since nothing": {"GET", audit + "?since", "", "invalid_request", "since: is empty"},
		"audit event": {"GET", audit + "?event=key_minded", "", "invalid_request",
			"event: write one of keyset_rotated"},
		"audit since": {"GET", audit + "?since=yesterday", "", "invalid_request", "since: write a duration"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.call(tt.method, tt.path, tt.body)
			if got.Status != "error" || got.Data.Code != tt.code || !strings.Contains(got.Message, tt.want) ||
				got.header.Get("Vendgate-Code") != tt.code {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if got.status/100 != 4 || strings.Contains(got.body, "NEVER") || len(got.Message) > 700 ||
				len(got.body) > 100+2*700 {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
	a.ok(200, "POST", "/vendgate/tenants/acme/rotate", "")
	if got := a.call("POST", "/vendgate/tenants/acme/rotate", ""); got.status != 400 ||
		got.Message != connect.ErrTwoKeys.Error() {
		t.Errorf("a third key: %s", got.body)
	}
	if got := a.ok(200, "GET", "/vendgate/audit", "").Data.Total; got != 6 {
		t.Errorf("%d events, want those of two tenants, one of them disabled, and a rotation", got)
	}
}

// TestAdminAPIBoundsBodies: a body that is announced to be too large is refused before it comes,
// and one of unknown length is not read to its end, where it would be a tenant.
func TestAdminAPIBoundsBodies(t *testing.T) {
	a := startAdmin(t, fmt.Sprintf("data_dir %q", t.TempDir()))
	announced := "POST /vendgate/tenants HTTP/1.1\r\nHost: " + a.admin + "\r\nContent-Length: 65537\r\n\r\n"
	if got := harness.Raw(t, a.admin, announced); !strings.HasPrefix(got, "HTTP/1.1 413 ") ||
		!strings.Contains(got, "\r\nVendgate-Code: request_too_large\r\n") {
		t.Errorf("an announced body: %q", got)
	}
	for padding, want := range map[int]int{60 << 10: http.StatusCreated, 64 << 10: http.StatusRequestEntityTooLarge} {
		body := fmt.Sprintf(`{"id":"beta","email":"dev@beta.example"%s}`, strings.Repeat(" ", padding))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.admin+"/vendgate/tenants",
			io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.do(r); got.status != want {
			t.Errorf("%d bytes in chunks: answered %d %s", len(body), got.status, got.body)
		}
	}
}
