package platform_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// data wraps s in the envelope of a success.
func data(s string) string { return `{"status":"success","message":"","data":` + s + `}` }

// connections are metadata answers under the aliases of TestConnection, and how a vend ends with
// them.
var connections = map[string]struct {
	body string
	want string // the app in the path; gmail by default
	code vending.Code
}{
	"slug":                         {body: activeGmail},
	"slug alone":                   {body: data(`{"app":"gmail","status":"active"}`)},
	"aliased slug":                 {body: data(`{"app":{"slug":"google-mail"},"status":"active"}`)},
	"aliased id":                   {body: data(`{"app":{"id":"66f0a1","name":"Gmail"},"status":"active"}`)},
	"aliased id outranks slug":     {body: data(`{"app":{"id":"66f0a1","slug":"mail"},"status":"active"}`)},
	"aliased id alone":             {body: data(`{"app":"66f0a1","status":"active"}`)},
	"aliased app_id":               {body: data(`{"app_id":"66f0a1","status":"active"}`)},
	"needs_reconnection not final": {body: data(`{"app":"gmail","status":"active","needs_reconnection":true}`)},
	"no status":                    {body: data(`{"app":"gmail"}`)},
	"null members": {
		body: data(`{"id":null,"app":{"id":null,"slug":"gmail","name":null},"app_id":null,"status":null}`)},
	"null app beside an aliased id": {body: data(`{"app":null,"app_id":"66f0a1","status":"active"}`)},
	"a status of its own":           {body: data(`{"app":"gmail","status":"connected"}`)},
	"alias takes a slug away": {body: data(`{"app":"slack","status":"active"}`), want: "slack",
		code: vending.AppMismatch},
	"another app":             {body: data(`{"app":{"slug":"slack"},"status":"active"}`), code: vending.AppMismatch},
	"slug in another case":    {body: data(`{"app":"Gmail","status":"active"}`), code: vending.InternalError},
	"slug with a dot segment": {body: data(`{"app":"../gmail","status":"active"}`), code: vending.InternalError},
	"slug without end": {body: data(`{"app":"` + strings.Repeat("g", 65) + `","status":"active"}`),
		code: vending.InternalError},
	"unaliased id only":     {body: data(`{"app":{"id":"gmail"},"status":"active"}`), code: vending.InternalError},
	"unaliased app_id only": {body: data(`{"app_id":"gmail","status":"active"}`), code: vending.InternalError},
	"name only": {body: data(`{"app":{"name":"gmail"},"status":"active"}`),
		code: vending.InternalError},
	"no app":        {body: data(`{"status":"active"}`), code: vending.InternalError},
	"null app":      {body: data(`{"app":null,"status":"active"}`), code: vending.InternalError},
	"empty app":     {body: data(`{"app":"","status":"active"}`), code: vending.InternalError},
	"number as app": {body: data(`{"app":7,"status":"active"}`), code: vending.UpstreamUnavailable},
	"list as app": {body: data(`{"app":["gmail"],"status":"active"}`),
		code: vending.UpstreamUnavailable},
	"number as slug": {body: data(`{"app":{"slug":1},"status":"active"}`),
		code: vending.UpstreamUnavailable},
	"number as status": {body: data(`{"app":"gmail","status":1}`), code: vending.UpstreamUnavailable},
	"another connection": {body: data(`{"id":"c2","app":"gmail","status":"active"}`),
		code: vending.UpstreamUnavailable},
	"pending": {body: data(`{"app":"gmail","status":"pending"}`), code: vending.ConnectionNotActive},
	"rejected": {body: data(`{"app":"gmail","status":"rejected"}`),
		code: vending.ConnectionNotActive},
	"expired":   {body: data(`{"app":"gmail","status":"expired"}`), code: vending.ConnectionNotActive},
	"null data": {body: data(`null`), code: vending.UpstreamUnavailable},
	"error under 200": {body: strings.Replace(activeGmail, "success", "error", 1),
		code: vending.UpstreamUnavailable},
	"coded error under 200": {body: `{"status":"error","data":{"code":"connection_deleted"}}`,
		code: vending.ConnectionDeleted},
}

// TestConnection: no token is asked for before the server named the right app.
func TestConnection(t *testing.T) {
	for name, tt := range connections {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, tt.body), says(200, gmailToken))
			source := newSource(t, s, func(o *platform.Options) {
				o.Aliases = map[string]string{"66f0a1": "gmail", "google-mail": "gmail", "slack": "slack-legacy",
					"mail": "fastmail"}
			})
			r := request()
			if tt.want != "" {
				r.App = tt.want
			}
			cred, err := vend(source, r)
			if tt.code == "" {
				vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
				if cred.App != "gmail" || s.asked("POST") != 1 {
					t.Errorf("app = %s after %d token calls", cred.App, s.asked("POST"))
				}
				return
			}
			refused(t, cred, err, tt.code)
			if n := s.asked("POST"); n != 0 {
				t.Errorf("%d token calls for a connection that was not ours to use", n)
			}
		})
	}
}

// TestAnyApp: without an app in the request the credential still names the app it is for.
func TestAnyApp(t *testing.T) {
	s := serve(t, says(200, activeGmail), says(200, gmailToken))
	r := request()
	r.App = ""
	cred, err := vend(newSource(t, s), r)
	vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	if cred.App != "gmail" {
		t.Errorf("app = %q", cred.App)
	}
}

// TestConnectionID: whatever an id holds, it is one segment of the path or no call at all.
func TestConnectionID(t *testing.T) {
	tests := map[string]struct{ id, segment string }{
		"plain":           {"conn_01HZX", "conn_01HZX"},
		"slashes":         {"a/../../apps", "a%2F..%2F..%2Fapps"},
		"leading slashes": {"//evil.example", "%2F%2Fevil.example"},
		"query":           {"c1?x=1&y=2", "c1%3Fx=1&y=2"},
		"fragment":        {"c1#f", "c1%23f"},
		"escaped dots":    {"%2e%2e", "%252e%252e"},
		"dots and more":   {"..;", "..%3B"},
		"three dots":      {"...", "..."},
		"space and CRLF":  {"c 1\r\nX-A: b", "c%201%0D%0AX-A:%20b"},
		"NUL":             {"c\x00", "c%00"},
		"backslash":       {`..\..`, "..%5C.."},
		"no UTF-8":        {"\xff", "%FF"},
		"512 bytes":       {strings.Repeat("x", 512), strings.Repeat("x", 512)},
		"empty":           {"", ""},
		"dot":             {".", ""},
		"two dots":        {"..", ""},
		"513 bytes":       {strings.Repeat("x", 513), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, strings.Replace(activeGmail, `"id":"c1",`, "", 1)), says(200, gmailToken))
			r := request()
			r.Connection = tt.id
			cred, err := vend(newSource(t, s), r)
			if tt.segment == "" {
				refused(t, cred, err, vending.ConnectionDeleted)
				if calls := s.all(); len(calls) != 0 {
					t.Errorf("the server was asked: %q", calls)
				}
				return
			}
			vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
			path := "/platform/v1/connections/" + tt.segment
			want := []seen{
				{"GET", path, "Bearer " + tenantKey, "alice@example.com"},
				{"POST", path + "/token", "Bearer " + tenantKey, "alice@example.com"},
			}
			if got := s.all(); !slices.Equal(got, want) {
				t.Errorf("requests = %q, want %q", got, want)
			}
		})
	}
}

// TestOnlyTheAppIsRemembered: each vend asks for a token, none asks for the app again.
func TestOnlyTheAppIsRemembered(t *testing.T) {
	s := serve(t, says(200, activeGmail), says(200, gmailToken))
	source := newSource(t, s)
	const n = 25
	for range n {
		cred, err := vend(source, request())
		vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	}
	r := request()
	r.Force = true
	cred, err := vend(source, r)
	vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	if get, post := s.asked("GET"), s.asked("POST"); get != 1 || post != n+1 {
		t.Errorf("%d metadata and %d token calls for %d vends", get, post, n+1)
	}
	r.App = "slack"
	cred, err = vend(source, r)
	refused(t, cred, err, vending.AppMismatch)
	if post := s.asked("POST"); post != n+1 {
		t.Errorf("a token was asked for after a mismatch from memory")
	}
}

// TestMemoryIsApart: what was seen for one tenant, end user, connection or key is not known to
// another.
func TestMemoryIsApart(t *testing.T) {
	change := map[string]func(*vending.Request){
		"tenant":     func(r *vending.Request) { r.Tenant = "other" },
		"end user":   func(r *vending.Request) { r.User = "bob@example.com" },
		"connection": func(r *vending.Request) { r.Connection = "c2" },
		"key":        func(r *vending.Request) { r.Key = vending.NewSecret("pk_live_other") },
	}
	for name, f := range change {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, strings.Replace(activeGmail, `"id":"c1",`, "", 1)), says(200, gmailToken))
			source := newSource(t, s, passthrough)
			other := request()
			f(&other)
			for _, r := range []vending.Request{request(), other, request(), other} {
				if _, err := vend(source, r); err != nil {
					t.Fatalf("Vend: %v", err)
				}
			}
			if got := s.asked("GET"); got != 2 {
				t.Errorf("%d metadata calls, want 2", got)
			}
		})
	}
}

// TestForgetting: the memory is bounded, a connection that is gone leaves it, and one that is not
// active yet never enters it.
func TestForgetting(t *testing.T) {
	t.Run("bounded", func(t *testing.T) {
		s := serve(t, says(200, strings.Replace(activeGmail, `"id":"c1",`, "", 1)), says(200, gmailToken))
		source := newSource(t, s, func(o *platform.Options) { o.CacheSize = 1 })
		for _, id := range []string{"c1", "c2", "c1"} {
			r := request()
			r.Connection = id
			if _, err := vend(source, r); err != nil {
				t.Fatalf("Vend: %v", err)
			}
		}
		if got := s.asked("GET"); got != 3 {
			t.Errorf("%d metadata calls, want 3", got)
		}
	})
	for name, answer := range map[string]http.HandlerFunc{
		"deleted": refuses(404, "connection_deleted"), "bare 404": says(404, "not found"), "410": says(410, ""),
	} {
		t.Run(name, func(t *testing.T) {
			answers := []http.HandlerFunc{says(200, gmailToken), answer, says(200, gmailToken)}
			s := serve(t, says(200, activeGmail), func(w http.ResponseWriter, r *http.Request) {
				answers[0](w, r)
				answers = answers[1:]
			})
			source := newSource(t, s)
			for i, want := range []int{1, 1, 2} { // metadata calls so far
				cred, err := vend(source, request())
				if i == 1 {
					refused(t, cred, err, vending.ConnectionDeleted)
				} else {
					vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
				}
				if got := s.asked("GET"); got != want {
					t.Errorf("%d metadata calls after vend %d, want %d", got, i+1, want)
				}
			}
		})
	}
	t.Run("pending", func(t *testing.T) {
		status := "pending"
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			says(200, strings.Replace(activeGmail, "active", status, 1))(w, r)
		}, says(200, gmailToken))
		source := newSource(t, s)
		cred, err := vend(source, request())
		refused(t, cred, err, vending.ConnectionNotActive)
		status = "active"
		cred, err = vend(source, request())
		vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	})
}
