package platform_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// noReading answers as the guide does where a key has not the capability `connections`.
var noReading = refuses(403, "capability_disabled")

// unread are token answers, each to a call by the path of an app, with a key that may not read
// connections.
var unread = map[string]struct {
	app, data string
	want      []string
	code      vending.Code
}{
	"OAuth": {app: "gmail", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`, want: oauth},
	"key": {app: "openai", data: `{"auth_type":"api_key","fields":{"api_key":"` + secret +
		`","org":null,"x":{}}}`, want: []string{"api_key", secret}},
	"empty password": {app: "basic", data: `{"auth_type":"basic","fields":{"username":"` + secret +
		`","password":""}}`, want: []string{"username", secret, "password", ""}},
	"host of the account": {app: "zendesk", data: `{"auth_type":"o_auth","access_token":"` + secret +
		`","fields":{"subdomain":"acme"}}`, want: append(oauth[:4:4], "subdomain", "acme")},
	"optional field": {app: "aws",
		data: `{"auth_type":"api_key","fields":{"access_key_id":"a","secret_access_key":"` + secret + `"}}`,
		want: []string{"access_key_id", "a", "secret_access_key", secret}},
	"names the app": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app":{"slug":"gmail"}}`, want: oauth},
	"names an app unknown": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app_id":"66f0b2"}`, code: vending.InternalError},
	"names it oddly": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app":{"slug":"Slack"}}`, code: vending.InternalError},
	"nulls for the app": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app":null,"app_id":null}`, want: oauth},
	"app in another form": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app":["x"],"app_id":7}`, want: oauth},
	"key for an OAuth app": {app: "gmail", data: `{"auth_type":"api_key","fields":{"api_key":"` + secret + `"}}`,
		code: vending.AppMismatch},
	"OAuth for a key's": {app: "openai", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`,
		code: vending.AppMismatch},
	"another kind of key": {app: "openai", data: `{"auth_type":"header","fields":{"api_key":"` + secret + `"}}`,
		code: vending.AppMismatch},
	"another key's field": {app: "openai",
		data: `{"auth_type":"api_key","fields":{"token":"` + secret + `","api_key":null}}`, code: vending.InternalError},
	"a field missing": {app: "aws", data: `{"auth_type":"api_key","fields":{"access_key_id":"` + secret + `"}}`,
		code: vending.AppMismatch},
	"no host": {app: "zendesk", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`,
		code: vending.AppMismatch},
	"null host": {app: "zendesk", data: `{"auth_type":"o_auth","access_token":"` + secret +
		`","fields":{"subdomain":null}}`, code: vending.AppMismatch},
	"bearer for OAuth 1": {app: "signed", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`,
		code: vending.AppMismatch},
	"names another app": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app":{"slug":"slack"}}`, code: vending.AppMismatch},
	"another app's alias": {app: "gmail",
		data: `{"auth_type":"o_auth","access_token":"` + secret + `","app_id":"66f0a1"}`, code: vending.AppMismatch},
	"unknown kind": {app: "gmail", data: `{"auth_type":"jwt","access_token":"` + secret + `"}`,
		code: vending.InternalError},
	"unknown app": {app: "nosuch", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`,
		code: vending.InternalError},
	"no app": {app: "", data: `{"auth_type":"o_auth","access_token":"` + secret + `"}`,
		code: vending.InternalError},
}

// TestUnread: a key with the capability `token` alone vends, as long as the answer does not
// contradict the path's app.
func TestUnread(t *testing.T) {
	for name, tt := range unread {
		t.Run(name, func(t *testing.T) {
			s := serve(t, noReading, says(200, data(tt.data)))
			r := request()
			r.App = tt.app
			source := newSource(t, s, withCatalog, func(o *platform.Options) {
				o.Aliases = map[string]string{"66f0a1": "slack"}
			})
			for range 2 {
				cred, err := vend(source, r)
				if tt.code != "" {
					refused(t, cred, err, tt.code)
				} else {
					vended(t, cred, err, tt.want...)
				}
			}
			if n := s.asked("GET"); n != 1 {
				t.Errorf("connections were read %d times", n)
			}
			if n := s.asked("POST"); (n == 0) != (apps[tt.app] == nil) {
				t.Errorf("%d token calls", n)
			}
		})
	}
}

// TestUnreadIsTold: the operator is told once that the app is not checked, and a caller's own key
// writes nothing into the log.
func TestUnreadIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		option func(*platform.Options)
		want   int
	}{"configured key": {func(*platform.Options) {}, 1}, "passed through": {passthrough, 0}} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			s := serve(t, noReading, says(200, gmailToken))
			source := newSource(t, s, withCatalog, tt.option, func(o *platform.Options) {
				o.Logger = slog.New(slog.NewJSONHandler(&logged, nil))
			})
			for _, connection := range []string{"c1", "c2", "c1"} {
				r := request()
				r.Connection = connection
				cred, err := vend(source, r)
				vended(t, cred, err, oauth...)
			}
			clean(t, logged.String())
			if got := strings.Count(logged.String(), `"level":"WARN"`); got != tt.want ||
				strings.Count(logged.String(), "grant it the capability connections") != tt.want {
				t.Errorf("logged %s", logged.String())
			}
		})
	}
}

// TestOnlyTheCapabilityIsWaived: no other refusal of the connection leads to a token call.
func TestOnlyTheCapabilityIsWaived(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"403 without a code": says(403, "blocked"), "policy_denied": refuses(403, "policy_denied"),
		"404": refuses(404, "connection_deleted"),
		"401": refuses(401, "capability_disabled"), "429": refuses(429, "rate_limited"),
		"503": refuses(503, "capability_disabled"),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, answer, says(200, gmailToken))
			if cred, err := vend(newSource(t, s, withCatalog), request()); err == nil || !cred.IsZero() || s.asked("POST") != 0 {
				t.Errorf("vended %t, %v, after %d token calls", !cred.IsZero(), err, s.asked("POST"))
			}
		})
	}
}

// granted is a server whose key may read connections from some time on.
type granted struct {
	from  time.Time
	reads int
}

func (g *granted) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := 200, gmailToken
	if r.Method == http.MethodGet {
		g.reads++
		if body = strings.ReplaceAll(activeGmail, "gmail", "slack"); time.Now().Before(g.from) {
			status, body = 403, `{"data":{"code":"capability_disabled"}}`
		}
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestUnreadForAWhile: a key that is granted the capability later is checked again.
func TestUnreadForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &granted{from: time.Now().Add(time.Minute)}
		o := platform.Options{BaseURL: "https://connect.example", Transport: g, Key: ownKey}
		withCatalog(&o)
		source, err := platform.New(o)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			cred, err := source.Vend(context.Background(), request())
			vended(t, cred, err, oauth...)
		}
		time.Sleep(6 * time.Minute)
		cred, err := source.Vend(context.Background(), request())
		refused(t, cred, err, vending.AppMismatch)
		if g.reads != 2 {
			t.Errorf("%d reads", g.reads)
		}
	})
}
