package pipedream_test

import (
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// keyless are live accounts that expose no credentials.
var keyless = map[string]string{
	"absent": `{"id":"apn_1","external_id":" Alice+1@Example.com","app":{"name_slug":"google_sheets"}}`,
	"null": `{"id":"apn_1","external_id":" ` +
		`Alice+1@Example.com","app":{"name_slug":"google_sheets"},"credentials":null}`,
	"empty": `{"data":{"id":"apn_1","external_id":" ` +
		`Alice+1@Example.com","app":{"name_slug":"google_sheets"},"credentials":{}}}`,
	"all nulls": `{"data":{"id":"apn_1","external_id":" ` +
		`Alice+1@Example.com","app":{"name_slug":"google_sheets"},"credentials":{"oauth_access_token":null}}}`,
}

// relayTo vends a relay from s.
func relayTo(t *testing.T, s *stand) vending.Credential {
	t.Helper()
	r := request()
	r.User = "alice+1@example.com"
	cred, err := vend(newSource(t, s), r)
	if err != nil || cred.Relay() == nil || cred.App != "google-sheets" || cred.AuthType != vending.OAuth {
		t.Fatalf("Vend = relay %t, %v", cred.Relay() != nil, err)
	}
	return cred
}

// upstreamRequest is what the transport hands to a relay.
func upstreamRequest(t *testing.T, method, target, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r
}

// proxied returns the one request that came to the proxy, and the URL in its path.
func proxied(t *testing.T, s *stand) (seen, string) {
	t.Helper()
	got := s.asked("/proxy/")
	if len(got) != 1 {
		t.Fatalf("%d requests to the proxy", len(got))
	}
	path, _, _ := strings.Cut(got[0].uri, "?")
	target, err := base64.RawURLEncoding.DecodeString(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return got[0], string(target)
}

// TestRelay: the request is at the proxy as the upstream would have got it, under the names that
// the proxy wants.
func TestRelay(t *testing.T) {
	for name, account := range keyless {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, says(200, account), says(203, "as it is", "X-Theirs", "1"))
			r := upstreamRequest(t, "PATCH", "https://sheets.example.com/v4/a%2fb//c?z=%zz&q=~!;", "some body",
				"Content-Type", "text/csv; x=1", "X-Twice", "1", "X-Twice", "2", "Range", "bytes=0-1", "X-Pd-Environment", "theirs",
				"Accept", "image/png")
			before := maps.Clone(r.Header)
			res, err := relayTo(t, s).Relay().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != 203 || string(body) != "as it is" || res.Header.Get("X-Theirs") != "1" {
				t.Errorf("answer %d %s %v", res.StatusCode, body, res.Header)
			}
			got, target := proxied(t, s)
			if target != "https://sheets.example.com/v4/a%2fb//c?z=%zz&q=~!;" {
				t.Errorf("target %s", target)
			}
			if _, query, _ := strings.Cut(got.uri, "?"); query != "external_user_id=+Alice%2B1%40Example.com&account_id=apn_1" {
				t.Errorf("query %s", query)
			}
			if got.method != "PATCH" || got.body != "some body" {
				t.Errorf("%s %q", got.method, got.body)
			}
			want := http.Header{
				"Authorization": {"Bearer " + bearer}, "X-Pd-Environment": {"development"}, "User-Agent": {"vendgate"},
				"Content-Length": {"9"},
				"Content-Type":   {"text/csv; x=1"}, "X-Pd-Proxy-Content-Type": {"text/csv; x=1"}, "X-Pd-Proxy-X-Twice": {"1", "2"},
				"X-Pd-Proxy-Range": {"bytes=0-1"}, "X-Pd-Proxy-X-Pd-Environment": {"theirs"}, "X-Pd-Proxy-Accept": {"image/png"},
			}
			if !maps.EqualFunc(got.header, want, slices.Equal) {
				t.Errorf("header %v\nwant %v", got.header, want)
			}
			if !maps.EqualFunc(r.Header, before, slices.Equal) || r.URL.Host != "sheets.example.com" {
				t.Errorf("the caller's request was changed: %v", r.Header)
			}
		})
	}
}

// TestRelayDropsRefused: what the proxy answers 400 for does not get there, in any spelling that a
// server may take for it.
func TestRelayDropsRefused(t *testing.T) {
	names := strings.Fields(`Accept-Encoding Access-Control-Request-Headers
		Access-Control-Request-Method Connection Content-Length Cookie Date DNT
		Expect Host Keep-Alive Origin Permissions-Policy Referer TE Trailer Transfer-Encoding Via User-Agent
		Proxy-Authorization Proxy-X Sec-Fetch-Site Sec-Ch-Ua sec-gpc dnt
		User_agent Accept_encoding Content_length Keep-alive_ _Cookie
		USER-AGENT- Transfer_Encoding Sec_fetch_mode sec_gpc -Sec-X Proxy_Authorization Access_control-Request_method`)
	s := serve(t, nil, says(200, keyless["absent"]), says(200, ""))
	r := upstreamRequest(t, "GET", "https://sheets.example.com/", "")
	for _, name := range names {
		r.Header[name] = []string{"x"}
	}
	res, err := relayTo(t, s).Relay().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	got, target := proxied(t, s)
	if target != "https://sheets.example.com/" {
		t.Errorf("target %s", target)
	}
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		if !slices.Contains([]string{"Authorization", "X-Pd-Environment", "User-Agent"}, name) {
			t.Errorf("it got %s: %q", name, got.header[name])
		}
	}
}

// closed notes whether a body was closed.
type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error { c.done = true; return nil }

// TestRelayRefuses: what the proxy does not take goes nowhere.
func TestRelayRefuses(t *testing.T) {
	s := serve(t, nil, says(200, keyless["absent"]), says(200, ""))
	relay := relayTo(t, s).Relay()
	upgrade := func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }
	for name, tt := range map[string]struct {
		method string
		change func(*http.Request)
		want   string
	}{
		"HEAD":     {"HEAD", nil, "accepts only GET, POST, PUT, PATCH, DELETE"},
		"OPTIONS":  {"OPTIONS", nil, "accepts only GET, POST, PUT, PATCH, DELETE"},
		"PROPFIND": {"PROPFIND", nil, "only"}, "get": {"get", nil, "only"},
		"upgrade": {"GET", upgrade, "does not support upgrades"},
	} {
		t.Run(name, func(t *testing.T) {
			r := upstreamRequest(t, tt.method, "https://sheets.example.com/", "")
			body := &closed{Reader: strings.NewReader("x")}
			r.Body = body
			if tt.change != nil {
				tt.change(r)
			}
			res, err := relay.RoundTrip(r)
			if res != nil {
				_ = res.Body.Close()
			}
			var e *vending.Error
			if !errors.As(err, &e) || e.Code != vending.InvalidRequest || e.Origin != vending.FromGateway ||
				!strings.Contains(e.Text(), tt.want) {
				t.Errorf("error %v", err)
			}
			if !body.done {
				t.Error("the body was left open")
			}
		})
	}
	if n := len(s.asked("/proxy/")); n != 0 {
		t.Errorf("%d requests reached the proxy", n)
	}
}

// TestRelayAnswers: a redirect and a refusal come back as they are, with no further call.
func TestRelayAnswers(t *testing.T) {
	for _, status := range []int{302, 400, 401, 404, 429, 500, 504} {
		s := serve(t, nil, says(200, keyless["null"]),
			says(status, "b", "Location", "https://evil.example/", "Retry-After", "9"))
		res, err := relayTo(t, s).Relay().RoundTrip(upstreamRequest(t, "GET", "https://sheets.example.com/x", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status || res.Header.Get("Retry-After") != "9" || len(s.asked("/proxy/")) != 1 {
			t.Errorf("%d became %d, with %d calls", status, res.StatusCode, len(s.asked("/proxy/")))
		}
	}
}

// TestRelayAfterRefusedToken: the relay is opened by the token that the account was answered for.
func TestRelayAfterRefusedToken(t *testing.T) {
	s := serve(t, inTurn(says(200, passAnswer), says(200, strings.Replace(passAnswer, bearer, "canary-fresh", 1))),
		inTurn(says(401, ""), says(200, keyless["null"])), says(200, ""))
	cred := relayTo(t, s)
	res, err := cred.Relay().RoundTrip(upstreamRequest(t, "GET", "https://sheets.example.com/x", ""))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got, _ := proxied(t, s); got.header.Get("Authorization") != "Bearer canary-fresh" {
		t.Errorf("it came with %s", got.header.Get("Authorization"))
	}
	if same, err := vend(newSource(t, serve(t, nil, says(200, keyless["null"]), nil)), vending.Request{Tenant: "acme",
		User: "alice+1@example.com", Connection: "apn_1", App: "google-sheets"}); err != nil || same.Equal(cred) {
		t.Errorf("relays that different tokens open are one credential: %v", err)
	}
}

// TestUnhealthyRelay: an error without its details does not stop a live account's relay.
func TestUnhealthyRelay(t *testing.T) {
	account := strings.Replace(keyless["null"], `"id"`, `"healthy":false,"dead":null,"error":"","id"`, 1)
	_ = relayTo(t, serve(t, nil, says(200, account), nil))
}

// TestKeyAppRelay: a key app whose account exposes nothing goes the same way.
func TestKeyAppRelay(t *testing.T) {
	s := serve(t, nil,
		says(200, `{"id":"apn_1","external_id":"alice@example.com","app":{"name_slug":"openai","auth_type":"keys"}}`), nil)
	r := request()
	r.App = "openai"
	cred, err := vend(newSource(t, s, func(o *pipedream.Options) { o.Endpoint = s.URL }), r)
	if err != nil || cred.Relay() == nil || cred.AuthType != vending.APIKey {
		t.Errorf("%v, %v", cred.AuthType, err)
	}
}
