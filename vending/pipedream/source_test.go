package pipedream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// TestVendCalls holds what goes over the wire for two vends against the facts.
func TestVendCalls(t *testing.T) {
	s := serve(t, nil, says(200, sheets), nil)
	source := newSource(t, s)
	for _, force := range []bool{false, true} {
		r := request()
		r.Force = force
		cred, err := vend(source, r)
		vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
		if cred.App != "google-sheets" || cred.AuthType != vending.OAuth ||
			!cred.Expiry.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) {
			t.Errorf("%s %s %v", cred.App, cred.AuthType, cred.Expiry)
		}
	}
	token := s.asked("/oauth/token")
	if len(token) != 1 || token[0].method != "POST" || token[0].uri != "/v1/oauth/token" ||
		token[0].header.Get("Content-Type") != "application/json" ||
		token[0].body != `{"client_id":"the-client","client_secret":"`+clientSecret+`","grant_type":"client_credentials"}` ||
		token[0].header.Get("Authorization") != "" {
		t.Errorf("token calls: %+v", token)
	}
	accounts := s.asked("/accounts/")
	if len(accounts) != 2 {
		t.Fatalf("%d account calls", len(accounts))
	}
	for _, a := range accounts {
		if a.method != "GET" || a.uri != "/v1/connect/proj_1/accounts/apn_1?include_credentials=true" || a.body != "" ||
			a.header.Get("Authorization") != "Bearer "+bearer || a.header.Get("X-Pd-Environment") != "development" {
			t.Errorf("account call: %+v", a)
		}
	}
}

// TestNoCall: what is no account id never reaches a URL.
func TestNoCall(t *testing.T) {
	s := serve(t, nil, says(200, sheets), nil)
	source := newSource(t, s)
	for _, id := range []string{"", "apn_", "c1", "APN_1", "apn_1/..", "apn_..", "apn_%2e", "apn_1?x=1", "apn_1#",
		"xapn_1", "apn_ü", "apn_1 ", "apn_" + strings.Repeat("a", 125)} {
		r := request()
		r.Connection = id
		cred, err := vend(source, r)
		_ = refused(t, cred, err, vending.ConnectionDeleted)
	}
	r := request()
	r.User = ""
	cred, err := vend(source, r)
	_ = refused(t, cred, err, vending.ConnectionDeleted)
	if n := len(s.asked("/")); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestTenant: an account, also one that exposes nothing, serves the tenants that the project is
// for; no other costs a call.
func TestTenant(t *testing.T) {
	for name, account := range map[string]string{"exposed": sheets, "relayed": accountOf("google_sheets", "null")} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, says(200, account), nil)
			source := newSource(t, s)
			for _, other := range []string{"gamma", "", "Acme", "acme ", "acm"} {
				r := request()
				r.Tenant = other
				cred, err := vend(source, r)
				_ = refused(t, cred, err, vending.ConnectionDeleted)
			}
			if n := len(s.asked("/")); n != 0 {
				t.Errorf("%d calls for tenants that have no accounts here", n)
			}
			for _, theirs := range []string{"acme", "beta"} {
				r := request()
				r.Tenant = theirs
				if cred, err := vend(source, r); err != nil || (cred.Relay() != nil) != (name == "relayed") {
					t.Errorf("%s: relay %t, %v", theirs, cred.Relay() != nil, err)
				}
			}
		})
	}
}

// TestOtherAccount: an answer that is about another account, or about none, is nobody's.
func TestOtherAccount(t *testing.T) {
	for _, id := range []string{``, `"id":null,`, `"id":"",`, `"id":"apn_2",`, `"id":"APN_1",`, `"id":"apn_1 ",`,
		`"id":1,`} {
		answer := strings.Replace(sheets, `"id":"apn_1",`, id, 1)
		cred, err := vend(newSource(t, serve(t, nil, says(200, answer), nil)), request())
		_ = refused(t, cred, err, vending.UpstreamUnavailable)
	}
}

// TestEndUser: an account serves the end user that it names and nobody else.
func TestEndUser(t *testing.T) {
	for name, tt := range map[string]struct {
		external bool
		theirs   string // JSON
		user     string
		ok       bool
	}{
		"email":                       {false, `"alice@example.com"`, "alice@example.com", true},
		"email in capitals there":     {false, `" Alice@Example.COM\t"`, "alice@example.com", true},
		"another email":               {false, `"bob@example.com"`, "alice@example.com", false},
		"a longer email":              {false, `"alice@example.com.evil"`, "alice@example.com", false},
		"an email that folds to it":   {false, `"\u212aate@example.com"`, "kate@example.com", false},
		"a space beyond ASCII":        {false, `"\u00a0alice@example.com"`, "alice@example.com", false},
		"empty":                       {false, `""`, "alice@example.com", false},
		"null":                        {false, `null`, "alice@example.com", false},
		"id":                          {true, `"User-1"`, "User-1", true},
		"id in another case":          {true, `"user-1"`, "User-1", false},
		"id with a space around":      {true, `" User-1"`, "User-1", false},
		"null for an id":              {true, `null`, "User-1", false},
		"an email as an id, as it is": {true, `"Alice@Example.com"`, "Alice@Example.com", true},
	} {
		t.Run(name, func(t *testing.T) {
			account := strings.Replace(sheets, `"alice@example.com"`, tt.theirs, 1)
			source := newSource(t, serve(t, nil, says(200, account), nil), func(o *pipedream.Options) {
				o.ExternalIDs = tt.external
			})
			r := request()
			r.User = tt.user
			cred, err := vend(source, r)
			if tt.ok {
				vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
				return
			}
			_ = refused(t, cred, err, vending.ConnectionDeleted)
		})
	}
}

// TestRefusalsAreAlike: nobody can tell an account that is not theirs from one that is not,
// whatever app or state it has.
func TestRefusalsAreAlike(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"not there":          says(404, `{"error":"record not found"}`),
		"another's":          says(200, strings.Replace(sheets, "alice@", "bob@", 1)),
		"another's, dead":    says(200, strings.NewReplacer("alice@", "bob@", `"dead":false`, `"dead":true`).Replace(sheets)),
		"another's, app":     says(200, strings.NewReplacer("alice@", "bob@", "google_sheets", "slack").Replace(sheets)),
		"nobody's":           says(200, strings.Replace(sheets, `"external_id":"alice@example.com",`, "", 1)),
		"another's, keyless": says(200, `{"id":"apn_1","external_id":"bob@example.com","app":{"name_slug":"google_sheets"}}`),
	}
	want := ""
	for name, answer := range answers {
		_, err := vend(newSource(t, serve(t, nil, answer, nil)), request())
		got := fmt.Sprintf("%T %+v", err, err)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestApp: an account serves the app that it is of and no other.
func TestApp(t *testing.T) {
	v2 := map[string]pipedream.App{"slack": {NameSlug: "slack_v2"}}
	other := map[string]pipedream.App{"google-sheets": {NameSlug: "slack"}}
	for name, tt := range map[string]struct {
		apps   map[string]pipedream.App
		theirs string // JSON of app
		ours   string
		ok     bool
	}{
		"by default":                      {nil, `{"name_slug":"google_sheets"}`, "google-sheets", true},
		"with hyphens there too":          {nil, `{"name_slug":"google-sheets"}`, "google-sheets", true},
		"another app":                     {nil, `{"name_slug":"google_drive"}`, "google-sheets", false},
		"a version, unnamed":              {nil, `{"name_slug":"slack_v2"}`, "slack", false},
		"a version, named":                {v2, `{"name_slug":"slack_v2"}`, "slack", true},
		"what the entry replaced":         {v2, `{"name_slug":"slack"}`, "slack", false},
		"a name that another app took":    {other, `{"name_slug":"slack"}`, "slack", false},
		"a name that this app took":       {other, `{"name_slug":"slack"}`, "google-sheets", true},
		"no app":                          {nil, `null`, "google-sheets", false},
		"no name":                         {nil, `{"auth_type":"oauth"}`, "google-sheets", false},
		"null name":                       {nil, `{"name_slug":null}`, "google-sheets", false},
		"none of the catalog, both sides": {nil, `{"name_slug":"nope"}`, "nope", false},
		"none asked for":                  {nil, `{"name_slug":""}`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			account := `{"id":"apn_1","external_id":"alice@example.com","app":` + tt.theirs +
				`,"credentials":{"oauth_access_token":"` + secret + `"}}`
			source := newSource(t, serve(t, nil, says(200, account), nil), func(o *pipedream.Options) { o.Apps = tt.apps })
			r := request()
			r.App = tt.ours
			cred, err := vend(source, r)
			if !tt.ok {
				_ = refused(t, cred, err, vending.AppMismatch)
				return
			}
			vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
			if cred.App != tt.ours {
				t.Errorf("app %s", cred.App)
			}
		})
	}
}

// TestCallerLeaves: a vend ends with its caller.
func TestCallerLeaves(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, nil, func(http.ResponseWriter, *http.Request) { <-release }, nil)
	defer close(release)
	source := newSource(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := source.Vend(ctx, request()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestSlow: an answer that does not come, or does not end, is unavailable once the time is over.
func TestSlow(t *testing.T) {
	release := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-release }
	drip := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":`))
		_ = http.NewResponseController(w).Flush()
		<-release
	}
	for name, s := range map[string]*stand{
		"token": serve(t, hang, says(200, sheets), nil), "token drips": serve(t, drip, says(200, sheets), nil),
		"account": serve(t, nil, hang, nil), "account drips": serve(t, nil, drip, nil),
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			cred, err := vend(newSource(t, s, func(o *pipedream.Options) { o.Timeout = 100 * time.Millisecond }), request())
			_ = refused(t, cred, err, vending.UpstreamUnavailable)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	close(release)
}
