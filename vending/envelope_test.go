package vending_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// answer is what came over the socket: everything but Date.
type answer struct {
	status int
	header http.Header
	body   string
}

// get serves one request by f and returns the answer.
func get(t *testing.T, f http.HandlerFunc) answer {
	t.Helper()
	server := httptest.NewServer(f)
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	resp.Header.Del("Date")
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// check asserts every byte and every header; extra are header lines as name, value pairs beside
// those that all envelopes have.
func check(t *testing.T, got answer, status int, body string, extra ...string) {
	t.Helper()
	want := http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(body))},
		"Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"},
	}
	for i := 0; i < len(extra); i += 2 {
		want.Set(extra[i], extra[i+1])
	}
	if got.status != status || got.body != body {
		t.Errorf("answer = %d %s\nwant     %d %s", got.status, got.body, status, body)
	}
	if !maps.EqualFunc(got.header, want, func(a, b []string) bool { return len(a) == 1 && len(b) == 1 && a[0] == b[0] }) {
		t.Errorf("header = %v\nwant     %v", got.header, want)
	}
}

func TestWriteError(t *testing.T) {
	sent := true
	tests := map[string]struct {
		err      *vending.Error
		upstream *vending.Upstream
		status   int
		body     string
		header   []string
	}{
		"of a source": {
			err: vending.Errorf(vending.ConnectionDeleted, errors.New("for the log")), status: 404,
			body: `{"status":"error","message":"no such ` +
				`connection","data":{"code":"connection_deleted","origin":"vending"},"error":{"code":"connection_deleted","type":"vendgate_error","message":"no such connection"}}`,
			header: []string{"Vendgate-Code", "connection_deleted", "Vendgate-Origin", "vending"},
		},
		"without an origin": {
			err: &vending.Error{Code: vending.AppMismatch}, status: 400,
			body: `{"status":"error","message":"the connection belongs to another app than the one in the ` +
				`path","data":{"code":"app_mismatch","origin":"vending"},"error":{"code":"app_mismatch","type":"vendgate_error","message":"the connection belongs to another app than the one in the path"}}`,
			header: []string{"Vendgate-Code", "app_mismatch", "Vendgate-Origin", "vending"},
		},
		"of the gateway": {
			err: vending.Refuse(vending.InvalidRequest, `no "..", <b>`), status: 400,
			body: `{"status":"error","message":"no \"..\", ` +
				`\u003cb\u003e","data":{"code":"invalid_request","origin":"gateway"},"error":{"code":"invalid_request","type":"vendgate_error","message":"no \"..\", \u003cb\u003e"}}`,
			header: []string{"Vendgate-Code", "invalid_request", "Vendgate-Origin", "gateway"},
		},
		"key": {
			err: vending.Refuse(vending.InvalidTenantKey, ""), status: 401,
			body: `{"status":"error","message":"the key is missing, unknown or ` +
				`retired","data":{"code":"invalid_tenant_key","origin":"gateway"},"error":{"code":"invalid_tenant_key","type":"vendgate_error","message":"the key is missing, unknown or retired"}}`,
			header: []string{"Vendgate-Code", "invalid_tenant_key", "Vendgate-Origin", "gateway", "WWW-Authenticate",
				vending.Challenge},
		},
		"reconnect": {
			err: vending.Errorf(vending.NeedsReconnection, nil), status: 401,
			body: `{"status":"error","message":"the grant was revoked, has expired or is refused by the provider; the end ` +
				`user must connect ` +
				`again","data":{"code":"needs_reconnection","origin":"vending","reason":"grant_ended"},"error":{"code":"needs_reconnection","type":"vendgate_error","message":"the grant was revoked, has expired or is refused by the provider; the end user must connect again"}}`,
			header: []string{"Vendgate-Code", "needs_reconnection", "Vendgate-Origin", "vending", "WWW-Authenticate",
				vending.Challenge},
		},
		"rate limit": {
			err: &vending.Error{Code: vending.RateLimited, RetryAfter: 1500 * time.Millisecond}, status: 429,
			body: `{"status":"error","message":"too many requests; wait as long as Retry-After ` +
				`says","data":{"code":"rate_limited","origin":"vending"},"error":{"code":"rate_limited","type":"vendgate_error","message":"too many requests; wait as long as Retry-After says"}}`,
			header: []string{"Vendgate-Code", "rate_limited", "Vendgate-Origin", "vending", "Retry-After", "2"},
		},
		"rate limit without a time": {
			err: vending.Refuse(vending.RateLimited, "wait"), status: 429,
			body:   `{"status":"error","message":"wait","data":{"code":"rate_limited","origin":"gateway"},"error":{"code":"rate_limited","type":"vendgate_error","message":"wait"}}`,
			header: []string{"Vendgate-Code", "rate_limited", "Vendgate-Origin", "gateway", "Retry-After", "1"},
		},
		"unavailable for a while": {
			err: &vending.Error{Code: vending.UpstreamUnavailable, RetryAfter: time.Minute, Message: "later"}, status: 503,
			body:   `{"status":"error","message":"later","data":{"code":"upstream_unavailable","origin":"vending"},"error":{"code":"upstream_unavailable","type":"vendgate_error","message":"later"}}`,
			header: []string{"Vendgate-Code", "upstream_unavailable", "Vendgate-Origin", "vending", "Retry-After", "60"},
		},
		"unavailable for a moment": {
			err: &vending.Error{Code: vending.UpstreamUnavailable, RetryAfter: time.Millisecond, Message: "later"}, status: 503,
			body:   `{"status":"error","message":"later","data":{"code":"upstream_unavailable","origin":"vending"},"error":{"code":"upstream_unavailable","type":"vendgate_error","message":"later"}}`,
			header: []string{"Vendgate-Code", "upstream_unavailable", "Vendgate-Origin", "vending", "Retry-After", "1"},
		},
		"unavailable, nobody knows how long": {
			err: &vending.Error{Code: vending.UpstreamUnavailable, Message: "later"}, status: 503,
			body:   `{"status":"error","message":"later","data":{"code":"upstream_unavailable","origin":"vending"},"error":{"code":"upstream_unavailable","type":"vendgate_error","message":"later"}}`,
			header: []string{"Vendgate-Code", "upstream_unavailable", "Vendgate-Origin", "vending"},
		},
		"of the upstream": {
			err: &vending.Error{Code: vending.NeedsReconnection, Origin: vending.FromUpstream,
				Reason: vending.FreshCredentialRefused, Message: "again"},
			upstream: &vending.Upstream{Status: 401, ContentType: "text/plain", Body: "expired\n", Truncated: true}, status: 401,
			body: `{"status":"error","message":"again","data":{"code":"needs_reconnection","origin":"upstream","reason":"fresh_credential_refused","upstream":{"status":401,"content_type":"text/plain","body":"expired\n","truncated":true}},"error":{"code":"needs_reconnection","type":"vendgate_error","message":"again"}}`,
			header: []string{"Vendgate-Code", "needs_reconnection", "Vendgate-Origin", "upstream", "WWW-Authenticate",
				vending.Challenge},
		},
		"of the upstream, empty": {
			err: &vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream, Message: "down",
				Sent: &sent},
			upstream: &vending.Upstream{Status: 502, Headers: map[string]string{"x-request-id": "r1"}}, status: 503,
			body:   `{"status":"error","message":"down","data":{"code":"upstream_unavailable","origin":"upstream","sent":true,"upstream":{"status":502,"headers":{"x-request-id":"r1"},"body":""}},"error":{"code":"upstream_unavailable","type":"vendgate_error","message":"down"}}`,
			header: []string{"Vendgate-Code", "upstream_unavailable", "Vendgate-Origin", "upstream"},
		},
		"defect": {
			err: vending.AsError(errors.New("for the log")), status: 500,
			body: `{"status":"error","message":"something went wrong in the gateway; its log has the ` +
				`details","data":{"code":"internal_error","origin":"vending"},"error":{"code":"internal_error","type":"vendgate_error","message":"something went wrong in the gateway; its log has the details"}}`,
			header: []string{"Vendgate-Code", "internal_error", "Vendgate-Origin", "vending"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := get(t, func(w http.ResponseWriter, _ *http.Request) { vending.WriteError(w, tt.err, tt.upstream) })
			check(t, got, tt.status, tt.body, tt.header...)
		})
	}
}

func TestWriteSuccess(t *testing.T) {
	tests := map[string]struct {
		status  int
		message string
		data    any
		want    int
		body    string
	}{
		"data": {201, "connection created", map[string]any{"deleted": true}, 201,
			`{"status":"success","message":"connection created","data":{"deleted":true}}`},
		"no data": {200, "", nil, 200, `{"status":"success","message":"","data":null}`},
		"data that has no JSON": {
			200, "ok", map[string]any{"f": func() {}}, 500,
			`{"status":"error","message":"the response could not be ` +
				`encoded","data":{"code":"internal_error","origin":"gateway"},"error":{"code":"internal_error","type":"vendgate_error","message":"the response could not be encoded"}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := get(t, func(w http.ResponseWriter, _ *http.Request) {
				vending.WriteSuccess(w, tt.status, tt.message, tt.data)
			})
			check(t, got, tt.want, tt.body)
		})
	}
}

// TestErrorForm: the XML is well-formed whatever the message holds, and its headers are those of
// the envelope.
func TestErrorForm(t *testing.T) {
	got := get(t, func(w http.ResponseWriter, _ *http.Request) {
		vending.WriteErrorAs(w, vending.AWSXML, vending.Refuse(vending.RateLimited, `wait for <b> & "c"`), nil)
	})
	check(t, got, 429,
		xml.Header+`<Error><Code>rate_limited</Code><Message>wait for &lt;b&gt; &amp; &#34;c&#34;</Message></Error>`,
		"Content-Type", "application/xml", "Vendgate-Code", "rate_limited", "Vendgate-Origin", "gateway", "Retry-After", "1")
	forms := []string{string(vending.AWSXML), string(vending.Telegram), string(vending.ErrorText)}
	if !slices.Equal(forms, catalog.ErrorForms) {
		t.Error("the catalog calls the forms otherwise")
	}
}

// TestErrorFormOfJSON: the members that SDKs judge by are beside those of the envelope.
func TestErrorFormOfJSON(t *testing.T) {
	limited := &vending.Error{Code: vending.RateLimited, Origin: vending.FromUpstream, Message: "wait"}
	limited.RetryAfter = 7 * time.Second
	denied := vending.Refuse(vending.PolicyDenied, "no")
	for name, tt := range map[string]struct {
		form   vending.Form
		e      *vending.Error
		status int
		body   string
	}{
		"Telegram's, with a wait": {
			vending.Telegram, limited, 429,
			`{"status":"error","message":"wait","data":{"code":"rate_limited","origin":"upstream"},` +
				`"error":{"code":"rate_limited","type":"vendgate_error","message":"wait"},` +
				`"ok":false,"error_code":429,"description":"wait","parameters":{"retry_after":7}}`,
		},
		"Telegram's": {
			vending.Telegram, denied, 403,
			`{"status":"error","message":"no","data":{"code":"policy_denied","origin":"gateway"},` +
				`"error":{"code":"policy_denied","type":"vendgate_error","message":"no"},` +
				`"ok":false,"error_code":403,"description":"no"}`,
		},
		"a text": {
			vending.ErrorText, denied, 403,
			`{"status":"error","message":"no","data":{"code":"policy_denied","origin":"gateway"},"error":"no"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := get(t, func(w http.ResponseWriter, _ *http.Request) { vending.WriteErrorAs(w, tt.form, tt.e, nil) })
			want := []string{"Vendgate-Code", string(tt.e.Code), "Vendgate-Origin", string(tt.e.Origin)}
			if tt.e.RetryAfter > 0 {
				want = append(want, "Retry-After", "7")
			}
			check(t, got, tt.status, tt.body, want...)
		})
	}
}
