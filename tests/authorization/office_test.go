package authorization

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// office is a gateway with its connection manager, the provider, and an API that takes a key.
type office struct {
	*stage
	*harness.Gateway
	keyed *keyedAPI
}

// keyedAPI answers 200 to the header `X-Api-Key: right`.
type keyedAPI struct {
	*httptest.Server
	calls atomic.Int64
}

func newKeyedAPI(t *testing.T) *keyedAPI {
	k := new(keyedAPI)
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.calls.Add(1)
		if r.Header.Get("X-Api-Key") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"wrong key <script>alert(1)</script>"}`)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	}))
	t.Cleanup(k.Close)
	return k
}

func newOffice(t *testing.T) *office {
	t.Helper()
	return newOfficeAt(t, site)
}

// newOfficeAt has directives of its own around the handlers, and more options.
func newOfficeAt(t *testing.T, site string, more ...string) *office {
	t.Helper()
	o := &office{keyed: newKeyedAPI(t)}
	o.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		o.stage = newStage(t, "-redirect", g.URL+"/connect/callback")
		config := o.local("margin 5s") + fmt.Sprintf(`
	app vault {
		name "The Vault"
		auth_type api_key
		upstream %s
		field api_key "API key" secret
		header X-Api-Key {api_key}
		verify /me
		allow_http
		allow_private 127.0.0.0/8
	}
	`, o.keyed.URL)
		return g.Caddyfile(config+strings.Join(more, ""), "", site)
	})
	return o
}

// platform calls the Platform API as the tenant, for Alice, and returns status and data.
func (o *office) platform(method, path, body string) (int, map[string]any) {
	o.t.Helper()
	res, err := o.Client.Do(o.Request(method, "/platform/v1"+path, []byte(body)))
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct{ Data map[string]any }
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil {
		o.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, envelope.Data
}

// link makes a link for Alice, and returns its address and the connection's id.
func (o *office) link(app string) (address, id string) {
	o.t.Helper()
	status, data := o.platform(http.MethodPost, "/connections/request-link",
		fmt.Sprintf(`{"app_id":%q,"name":"Work"}`, app))
	if status != http.StatusCreated {
		o.t.Fatalf("making a link: %d %v", status, data)
	}
	return data["request_link"].(string), data["connection_id"].(string)
}

// renew makes a link that refreshes a connection.
func (o *office) renew(id string) (address string) {
	o.t.Helper()
	status, data := o.platform(http.MethodPost, "/connections/"+id+"/request-link", "")
	if status != http.StatusCreated {
		o.t.Fatalf("renewing a link: %d %v", status, data)
	}
	return data["request_link"].(string)
}

// stands checks a connection's status and flags.
func (o *office) stands(id, status string, flags ...string) {
	o.t.Helper()
	code, data := o.platform(http.MethodGet, "/connections/"+id, "")
	if code != http.StatusOK || data["status"] != status {
		o.t.Errorf("connection: %d %v, want %s", code, data, status)
		return
	}
	for _, flag := range []string{"via_link", "refresh_pending", "needs_reconnection"} {
		want := strings.Contains(strings.Join(flags, " "), flag)
		if data[flag] != want {
			o.t.Errorf("%s is %v, want %t", flag, data[flag], want)
		}
	}
}

// linkStatus asks as the popup's script does.
func (o *office) linkStatus(address string) string {
	o.t.Helper()
	res, err := http.Get(address + "/status")
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct {
		Data struct{ Status, Code string }
	}
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil {
		o.t.Fatal(err)
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Cache-Control") != "no-store" {
		o.t.Errorf("headers of the status: %v", res.Header)
	}
	return envelope.Data.Status + envelope.Data.Code
}

// events are the audit trail of a connection, oldest first.
func (o *office) events(id string) string {
	o.t.Helper()
	rows, _, err := o.store.Audit(o.t.Context(), auditOf(id))
	if err != nil {
		o.t.Fatal(err)
	}
	var list []string
	for i := len(rows) - 1; i >= 0; i-- {
		list = append(list, string(rows[i].Event))
		if rows[i].Tenant != "acme" || rows[i].Actor == "" || rows[i].Request == "" {
			o.t.Errorf("audit row %+v", rows[i])
		}
	}
	return strings.Join(list, " ")
}
