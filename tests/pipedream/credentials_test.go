package pipedream_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestCredentials: what an account exposes goes to the provider directly, in the place that the app
// has for it, in both spellings of accounts.
func TestCredentials(t *testing.T) {
	s := newStage(t, options())
	for _, enveloped := range []bool{false, true} {
		s.pd.Change(func(o *pipedream.Options) { o.Enveloped = enveloped })
		for name, c := range map[string]struct{ account, app, header string }{
			"OAuth": {opened, "chat", "Authorization: Bearer " + oauthToken},
			"a key": {keyed, "key", "X-Api-Key: " + apiKey},
		} {
			got := s.call("POST", "/proxy/"+c.account+"/"+c.app+"/a%2Fb;c?q=%7e&q=a+b", "body", "X-Own: 1")
			sent := s.up.Got()
			if got.status != 200 || len(sent) != 1 {
				t.Fatalf("%s: %s, %d requests", name, got, len(sent))
			}
			if !strings.HasPrefix(sent[0], "POST /base/a%2Fb;c?q=%7e&q=a+b HTTP/1.1\r\n") ||
				!strings.HasSuffix(sent[0], "\r\n\r\nbody") || !strings.Contains(sent[0], "\r\n"+c.header+"\r\n") ||
				!strings.Contains(sent[0], "\r\nX-Own: 1\r\n") {
				t.Errorf("%s: the provider got %q", name, sent[0])
			}
			for _, other := range []string{harness.KeyA, harness.Alice, clientSecret, "pd_at_", "X-Pd-"} {
				if strings.Contains(sent[0], other) {
					t.Errorf("%s: the provider got %q", name, other)
				}
			}
		}
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
	if n := len(s.pd.Got(pipedream.AccountOf)); n != 4 {
		t.Errorf("the account was asked for %d times in 4 calls", n)
	}
	for _, text := range s.pd.Got(pipedream.AccountOf) {
		if r := parse(t, text); r.URL.RawQuery != "include_credentials=true" {
			t.Errorf("asked %q", r.URL)
		}
	}
}

// TestAccountsRefused: whose account it is, of which app, and whether it lives.
func TestAccountsRefused(t *testing.T) {
	s := newStage(t, options())
	s.pd.Put(pipedream.OAuth("apn_dead", harness.Alice, "chat", oauthToken).Behind(s.origin).Set("dead",
		true).Set("healthy", false).Set("error", "revoked "+oauthToken))
	s.pd.Put(pipedream.OAuth("apn_sealed_dead", harness.Alice, "chat", hidden).Behind(s.origin).Set("dead",
		true).Drop("credentials"))
	s.pd.Put(pipedream.OAuth("apn_bob", harness.Bob, "chat", oauthToken).Behind(s.origin))
	s.pd.Put(pipedream.OAuth("apn_sealed_bob", harness.Bob, "chat", hidden).Behind(s.origin).Drop("credentials"))
	for name, c := range map[string]struct {
		account, app string
		status       int
		code         string
	}{
		"dead":                         {"apn_dead", "chat", 401, "needs_reconnection"},
		"dead, for the proxy":          {"apn_sealed_dead", "chat", 401, "needs_reconnection"},
		"another's":                    {"apn_bob", "chat", 404, "connection_deleted"},
		"another's, for the proxy":     {"apn_sealed_bob", "chat", 404, "connection_deleted"},
		"of another app":               {opened, "key", 400, "app_mismatch"},
		"of another app, to the proxy": {sealed, "key", 400, "app_mismatch"},
		"unknown":                      {"apn_none", "chat", 404, "connection_deleted"},
	} {
		got := s.get(c.account, c.app)
		s.refused(name, got, c.status, c.code)
		if c.code == "connection_deleted" && !strings.Contains(got.body, "onnection") {
			t.Errorf("%s: %s", name, got)
		}
	}
	another, unknown := s.get("apn_bob", "chat"), s.get("apn_none", "chat")
	if another.body != unknown.body {
		t.Errorf("another's account is told from none: %s and %s", another, unknown)
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
}

// TestBentAccounts: what is not certain may be absent or null; what decides may not, and of the
// wrong type nothing decides for the caller.
func TestBentAccounts(t *testing.T) {
	s := newStage(t, options())
	type bent = func(*pipedream.Account) *pipedream.Account
	drop := func(path string) bent { return func(a *pipedream.Account) *pipedream.Account { return a.Drop(path) } }
	set := func(path string, v any) bent {
		return func(a *pipedream.Account) *pipedream.Account { return a.Set(path, v) }
	}
	for name, c := range map[string]struct {
		bent
		serves bool
	}{
		"not healthy": {set("healthy", false), true}, "an error": {set("error", "x"), true},
		"expired": {set("expires_at", "2020-01-01T00:00:00Z"), true}, "a strange expiry": {set("expires_at", 7), true},
		"no name": {drop("name"), true}, "no error": {drop("error"), true}, "no healthy": {drop("healthy"), true},
		"no dead":       {drop("dead"), true},
		"no expires_at": {drop("expires_at"), true}, "no auth_type": {drop("app.auth_type"), true},
		"no custom fields": {drop("app.custom_fields_json"), true},
		"no client id":     {drop("credentials.oauth_client_id"), true},
		"no refresh token": {drop("credentials.oauth_refresh_token"), true},
		"null name":        {set("name", nil), true}, "null dead": {set("dead", nil), true},
		"null healthy":   {set("healthy", nil), true},
		"null auth_type": {set("app.auth_type", nil), true}, "null custom fields": {set("app.custom_fields_json", nil), true},
		"null uid":       {set("credentials.oauth_uid", nil), true},
		"a field more":   {set("created_at", map[string]any{"a": 1}), true},
		"a custom field": {set("credentials.base_url", "field-canary-6604"), true},
		"all nulls":      {(*pipedream.Account).Nulls, true}, "the least": {(*pipedream.Account).Bare, true},
		"a signer":             {set("credentials.oauth_signer_uri", "https://signer.example"), true},
		"what is to come":      {set("credentials.oauth_new", "https://x.example"), true},
		"the app's own server": {set("credentials.base_url", strings.ToUpper(s.origin)+"/field-canary-6607"), true},

		"another server":          {set("credentials.base_api_url", "gitlab.acme.example"), false},
		"a subdomain":             {set("credentials.subdomain", "field-canary-6606"), false},
		"a server under any name": {set("credentials.workspace", "HTTPS://gitlab.acme.example/x"), false},

		"no user": {drop("external_id"), false}, "null user": {set("external_id", nil), false},
		"a user that is a number": {set("external_id", 7), false}, "an empty user": {set("external_id", ""), false},
		"no app": {drop("app"), false}, "null app": {set("app", nil), false},
		"an app that is text": {set("app", "chat"), false}, "no slug": {drop("app.name_slug"), false},
		"null slug": {set("app.name_slug", nil), false}, "a slug that is a number": {set("app.name_slug", 7), false},
		"dead in words": {set("dead", "true"), false},
		"another id":    {set("id", "apn_other"), false},
		"no id":         {drop("id"), false}, "null id": {set("id", nil), false}, "an empty id": {set("id", ""), false},
		"no token":                    {drop("credentials.oauth_access_token"), true}, // through the proxy
		"a null token":                {set("credentials.oauth_access_token", nil), true},
		"an empty token":              {set("credentials.oauth_access_token", ""), false},
		"a token that is a list":      {set("credentials.oauth_access_token", []any{oauthToken}), false},
		"a token with a line end":     {set("credentials.oauth_access_token", "a\r\nX-Evil: b"), false},
		"credentials that are text":   {set("credentials", "xoxb"), false},
		"credentials that are a list": {set("credentials", []any{oauthToken}), false},
	} {
		s.pd.Put(c.bent(pipedream.OAuth("apn_bent", harness.Alice, "chat", oauthToken).Behind(s.origin)))
		for _, enveloped := range []bool{false, true} {
			s.pd.Change(func(o *pipedream.Options) { o.Enveloped = enveloped })
			got, sent := s.get("apn_bent", "chat"), s.up.Got()
			if c.serves && (got.status != 200 || len(sent) != 1 ||
				!strings.Contains(sent[0], "\r\nAuthorization: Bearer "+oauthToken+"\r\n")) {
				t.Errorf("%s: %s; the provider got %d requests", name, got, len(sent))
			}
			if !c.serves && (got.status < 400 || got.code == "" || len(sent) > 0) {
				t.Errorf("%s: %s; the provider got %d requests", name, got, len(sent))
			}
		}
	}
}

// TestBrokenAccounts: whatever else comes back, the caller hears so in bounded time, and nothing
// goes to the provider without its credential.
func TestBrokenAccounts(t *testing.T) {
	s := newStage(t, options(), "timeout 2s")
	for name, c := range map[string]struct {
		pipedream.Fault
		status int
		code   string
	}{
		"slow":            {pipedream.Slow(30 * time.Second), 503, "upstream_unavailable"},
		"dripping":        {pipedream.Drip(strings.Repeat(" ", 1000), 50*time.Millisecond), 503, "upstream_unavailable"},
		"hung up":         {pipedream.Hangup, 503, "upstream_unavailable"},
		"500":             {pipedream.Answer(500, "application/json", `{"error":"x"}`), 0, ""},
		"502":             {pipedream.Answer(502, "text/html", "<h1>x</h1>"), 503, "upstream_unavailable"},
		"503":             {pipedream.Answer(503, "text/html", "<h1>x</h1>"), 503, "upstream_unavailable"},
		"504":             {pipedream.Answer(504, "application/json", `{"error":"x"}`), 503, "upstream_unavailable"},
		"cut":             {pipedream.Cut(200, `{"id":"apn_open","ext`), 0, ""},
		"HTML":            {pipedream.Answer(200, "text/html", "<h1>x</h1>"), 0, ""},
		"garbage":         {pipedream.Answer(200, "application/json", "\x00\xff{"), 0, ""},
		"empty":           {pipedream.Answer(200, "application/json", ""), 0, ""},
		"null":            {pipedream.Answer(200, "application/json", "null"), 0, ""},
		"an empty object": {pipedream.Answer(200, "application/json", "{}"), 503, "upstream_unavailable"},
		"null data":       {pipedream.Answer(200, "application/json", `{"data":null}`), 503, "upstream_unavailable"},
		"a list":          {pipedream.Answer(200, "application/json", `{"data":[]}`), 0, ""},
		"no content":      {pipedream.Answer(204, "application/json", ""), 0, ""},
		"a redirect": {pipedream.Answer(302, "text/html", "",
			"Location: "+s.pd.URL+"/v1/connect/proj_1/accounts/"+keyed), 0, ""},
		"huge": {pipedream.Huge(32<<20, `{"external_id":"`+harness.Alice+
			`","app":{"name_slug":"chat"},"credentials":{"oauth_access_token":"`+oauthToken+`"}`, "}"), 0, ""},
		"400": {pipedream.Answer(400, "application/json", `{"error":"x"}`), 0, ""},
		"400 with an object": {pipedream.Answer(400, "application/json",
			`{"error":{"base":["x"]},"code":null,"details":{}}`), 0, ""},
		"404 with an object": {pipedream.Answer(404, "application/json", `{"error":{"id":["record not found"]}}`), 404,
			"connection_deleted"},
		"403":                {pipedream.Answer(403, "application/json", `{"error":"x"}`), 0, ""},
		"404":                {pipedream.Answer(404, "application/json", `{"error":"x"}`), 404, "connection_deleted"},
		"418":                {pipedream.Answer(418, "text/plain", "x"), 0, ""},
		"401 to every token": {pipedream.Answer(401, "application/json", `{"error":"x"}`), 0, ""},
		"429":                {pipedream.Throttle(7 * time.Second), 429, "rate_limited"},
		"429 without a number": {pipedream.Answer(429, "application/json", `{"error":"Throttled"}`, "Retry-After: soon"), 429,
			"rate_limited"},
	} {
		s.pd.Fail(pipedream.AccountOf, -1, c.Fault)
		before, begun := len(s.pd.Got(pipedream.AccountOf)), time.Now()
		got := s.get(opened, "chat")
		if c.status == 0 {
			if got.status != 500 && got.status != 503 {
				t.Errorf("%s: %s", name, got)
			}
			s.refused(name, got, got.status, got.code)
		} else {
			s.refused(name, got, c.status, c.code)
		}
		if after := got.header.Get("Retry-After"); (got.status == http.StatusTooManyRequests) != (after != "") ||
			name == "429" && after != "7" {
			t.Errorf("%s: Retry-After is %q", name, after)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		// A 503 is asked for again twice; that a kept connection had been closed is no answer at all, and
		// does not count.
		n := len(s.pd.Got(pipedream.AccountOf)) - before
		if n < 1 || n > 2 && got.status != 503 || n > 3 && name != "hung up" {
			t.Errorf("%s: asked %d times", name, n)
		}
		if unreadable := []string{"HTML", "garbage", "empty", "null", "an empty object", "null data", "a list", "no content",
			"a redirect", "huge"}; n != 1 && slices.Contains(unreadable, name) {
			t.Errorf("%s: asked %d times for what cannot be read", name, n)
		}
	}
	s.pd.Fail(pipedream.AccountOf, 0, nil)
	s.fine("afterwards", s.get(opened, "chat"))
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
}

// TestLimitsOfTheProject: the source's own limits are told from the provider's by nothing the
// caller must know. Reading accounts has one, and the proxy another.
func TestLimitsOfTheProject(t *testing.T) {
	o := options()
	o.Reads, o.Calls, o.Window = 4, 1, time.Minute
	s := newStage(t, o)
	spent := func(name string, got answered) {
		t.Helper()
		s.refused(name, got, 429, "rate_limited")
		if after := got.header.Get("Retry-After"); len(after) != 2 {
			t.Errorf("%s: Retry-After is %q", name, after)
		}
	}
	s.fine("the first", s.get(opened, "chat"))
	s.fine("by the proxy", s.get(sealed, "chat"))
	spent("the proxy's", s.get(sealed, "chat"))
	s.fine("reading goes on", s.get(opened, "chat"))
	for _, account := range []string{opened, sealed} {
		spent("the accounts'", s.get(account, "chat"))
	}
}
