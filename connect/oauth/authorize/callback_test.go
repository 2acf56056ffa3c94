package authorize

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// proving grants to a client that proves the challenge (RFC 7636, section 4.6) for the code, by the
// redirect URI.
type proving struct{ challenge string }

func (p *proving) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		panic(http.ErrAbortHandler)
	}
	digest := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if base64.RawURLEncoding.EncodeToString(digest[:]) != p.challenge || r.PostForm.Get("code") != "canary-code" ||
		r.PostForm.Get("redirect_uri") != redirectURI {
		answer{400, `{"error":"invalid_grant","error_description":"canary-body"}`, nil}.ServeHTTP(w, r)
		return
	}
	granted.ServeHTTP(w, r)
}

// TestConsent goes the whole way: what the browser carries must prove itself at the token endpoint.
func TestConsent(t *testing.T) {
	for name, header := range map[string]bool{"client in the body": false, "client in the header": true} {
		t.Run(name, func(t *testing.T) {
			provider := new(proving)
			s := newStage(t, provider)
			app := s.consents(func(a *catalog.App) {
				a.Fields = []catalog.Field{{Name: "site", Label: "Site"}}
				if header {
					a.OAuth2.ClientAuth = "header"
				}
			})
			r, err := s.Begin(t.Context(), tenant, app, redirectURI, fields("site", "x"))
			if err != nil {
				t.Fatal(err)
			}
			target, err := url.Parse(r.URL)
			if err != nil {
				t.Fatal(err)
			}
			provider.challenge = target.Query().Get("code_challenge")
			callback := url.Values{"code": {"canary-code"}, "state": {r.State}, "scope": {"a b"}}
			if _, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.NewSecret("canary-other"), callback,
				fields("site", "x")); err == nil {
				t.Error("another verifier was taken")
			} else if p := s.mustBe(t, err, ProviderError); p.Code != "invalid_grant" {
				t.Errorf("code %q", p.Code)
			}
			s.calls()
			g, err := s.Finish(t.Context(), tenant, app, redirectURI, r.FlowState, callback, fields("site", " x\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			want := connect.GrantValues{
				AccessToken: "canary-access", RefreshToken: "canary-refresh", TokenType: "bearer", Scope: "a b",
				Expiry: now.Add(time.Hour), Fields: fields("site", "x"),
			}
			if !reflect.DeepEqual(g.Reveal(), want) {
				t.Error("another grant than was given")
			}
			form := url.Values{"grant_type": {"authorization_code"}, "code": {"canary-code"}, "redirect_uri": {redirectURI},
				"code_verifier": {unseal(r.FlowState).CodeVerifier}}
			authorization := "Basic Y2xpZW50JTNBaWQ6Y2FuYXJ5K2NsaWVudCUyQnNlY3JldA=="
			if !header {
				form.Set("client_id", "client:id")
				form.Set("client_secret", "canary client+secret")
				authorization = ""
			}
			got := s.calls()
			if len(got) != 1 || got[0].line != "POST /token" || got[0].authorization != authorization ||
				got[0].body != form.Encode() {
				t.Errorf("the provider got another call than it should, or %d", len(got))
			}
		})
	}
}

// TestCallback has what comes back with the browser. Whatever is not a code must not reach the
// token endpoint.
func TestCallback(t *testing.T) {
	issued := func(o *catalog.OAuth2) { o.Issuer = "https://issuer.example.com/t" }
	at := func(target string) func(*catalog.OAuth2) {
		return func(o *catalog.OAuth2) { o.AuthorizeURL = target }
	}
	example := at("https://auth.example.com/authorize")
	for name, c := range map[string]struct {
		change func(*catalog.OAuth2)
		query  string
		want   Kind // empty for a grant
		code   string
	}{
		"code":                      {nil, "code=c&state=s", "", ""},
		"code and more":             {nil, "code=c&state=s&session_state=x&scope=a", "", ""},
		"iss of the same site":      {example, "code=c&iss=https://auth.example.com/tenant", "", ""},
		"iss in upper case":         {example, "code=c&iss=https://AUTH.example.com", "", ""},
		"iss of another host":       {example, "code=c&iss=https://evil.example.com", WrongIssuer, ""},
		"iss of a longer host":      {example, "code=c&iss=https://auth.example.com.evil.com", WrongIssuer, ""},
		"iss of another port":       {example, "code=c&iss=https://auth.example.com:8443", WrongIssuer, ""},
		"iss of another scheme":     {example, "code=c&iss=http://auth.example.com", WrongIssuer, ""},
		"iss with user info":        {example, "code=c&iss=https://a@auth.example.com", WrongIssuer, ""},
		"iss without a scheme":      {example, "code=c&iss=auth.example.com", WrongIssuer, ""},
		"iss that cannot be read":   {example, "code=c&iss=https://[canary", WrongIssuer, ""},
		"iss empty":                 {example, "code=c&iss=", WrongIssuer, ""},
		"iss with an error":         {example, "error=access_denied&iss=https://evil.example.com", WrongIssuer, ""},
		"declared iss":              {issued, "code=c&iss=https://issuer.example.com/t", "", ""},
		"declared iss, not sent":    {issued, "code=c", "", ""},
		"declared iss, other slash": {issued, "code=c&iss=https://issuer.example.com/t/", WrongIssuer, ""},
		"declared iss, site's": {func(o *catalog.OAuth2) {
			issued(o)
			example(o)
		}, "code=c&iss=https://auth.example.com", WrongIssuer, ""},
		"code twice":          {nil, "code=c&code=canary", InvalidCallback, ""},
		"the same code twice": {nil, "code=c&code=c", InvalidCallback, ""},
		"iss twice": {example, "code=c&iss=https://auth.example.com&iss=https://evil.example.com",
			InvalidCallback, ""},
		"state twice":           {nil, "code=c&state=s&state=s", InvalidCallback, ""},
		"error twice":           {nil, "error=access_denied&error=x", InvalidCallback, ""},
		"anything twice":        {nil, "code=c&x=&x=", InvalidCallback, ""},
		"no code":               {nil, "state=s", InvalidCallback, ""},
		"empty code":            {nil, "code=", InvalidCallback, ""},
		"long code":             {nil, "code=" + strings.Repeat("c", maxAuthorizationCode+1), InvalidCallback, ""},
		"declined":              {nil, "error=access_denied&error_description=call+now", Declined, "access_denied"},
		"declined, with a code": {nil, "error=access_denied&code=c", Declined, "access_denied"},
		"declined at LinkedIn":  {nil, "error=user_cancelled_login", Declined, "user_cancelled_login"},
		"invalid_scope": {nil, "error=invalid_scope&error_uri=https://canary.example.com", ScopeRefused,
			"invalid_scope"},
		"empty error":               {nil, "error=", ProviderError, ""},
		"error with markup":         {nil, "error=%3Cb%3ECALL+%2B1-2_3%3C/b%3E", ProviderError, "bcall12_3b"},
		"long error":                {nil, "error=" + strings.Repeat("x", 100), ProviderError, strings.Repeat("x", 64)},
		"temporarily_unavailable":   {nil, "error=temporarily_unavailable", Unreachable, "temporarily_unavailable"},
		"server_error":              {nil, "error=server_error", ProviderServerError, "server_error"},
		"consent_required":          {nil, "error=consent_required", ConsentNeeded, "consent_required"},
		"interaction_required":      {nil, "error=interaction_required", ConsentNeeded, "interaction_required"},
		"login_required":            {nil, "error=login_required", ConsentNeeded, "login_required"},
		"account selection":         {nil, "error=account_selection_required", ConsentNeeded, "account_selection_required"},
		"invalid_request":           {nil, "error=invalid_request", NotConfigured, "invalid_request"},
		"unsupported_response_type": {nil, "error=unsupported_response_type", NotConfigured, "unsupported_response_type"},
		"redirect_uri_mismatch":     {nil, "error=redirect_uri_mismatch", NotConfigured, "redirect_uri_mismatch"},
		"of another provider's": {nil, "error=OAUTH_APPROVAL_ERROR_GENERIC", ProviderError,
			"oauth_approval_error_generic"},
		"Facebook's":              {nil, "error_code=1349126&error_message=App+not+active", ProviderError, "1349126"},
		"Facebook's, with a code": {nil, "code=c&error_reason=x", "", ""},
		"unauthorized_client":     {nil, "error=unauthorized_client", NotConfigured, "unauthorized_client"},
		"error_description alone": {nil, "error_description=canary", InvalidCallback, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, granted)
			app := s.consents(func(a *catalog.App) {
				if c.change != nil {
					c.change(a.OAuth2)
				}
			})
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.NewSecret("canary-verifier"), query, nil)
			calls := len(s.calls())
			if c.want == "" {
				if err != nil || g.Reveal().AccessToken != "canary-access" || calls != 1 {
					t.Errorf("%v after %d calls", err, calls)
				}
				return
			}
			if p := s.mustBe(t, err, c.want); p.Code != c.code || !g.IsZero() || calls != 0 || p.App != "Acme Mail" {
				t.Errorf("code %q after %d calls, want %q and none", p.Code, calls, c.code)
			}
			if said := c.code != "" || c.want == ProviderError; said != strings.Contains(s.log.String(),
				`"app":"mail","tenant":"acme","provider_code":"`+c.code+`"`) {
				t.Errorf("log %s, want a line: %v", s.log, said)
			}
			errs := c.want == NotConfigured || c.want == ProviderError || c.want == ProviderServerError || c.want == ScopeRefused
			if errs != strings.Contains(s.log.String(), `"level":"ERROR"`) {
				t.Errorf("log %s, want one for the operator: %v", s.log, errs)
			}
		})
	}
}

// callback is one with a code.
func callback() url.Values { return url.Values{"code": {"canary-code"}, "state": {"s"}} }

// TestTokenEndpoint has every way in which a provider gives no token. Nothing may be granted.
func TestTokenEndpoint(t *testing.T) {
	html := map[string]string{"Content-Type": "text/html"}
	for name, c := range map[string]struct {
		answer http.Handler
		want   Kind
		code   string
		logged bool
	}{
		"invalid_grant": {answer{400, `{"error":"invalid_grant","error_description":"canary-body"}`, nil},
			ProviderError, "invalid_grant", false},
		"invalid_scope":  {answer{400, `{"error":"Invalid-Scope"}`, nil}, ProviderError, "invalidscope", true},
		"invalid_client": {answer{401, `{"error":"invalid_client"}`, nil}, NotConfigured, "invalid_client", true},
		"unauthorized_client": {answer{400, `{"error":"unauthorized_client"}`, nil}, NotConfigured, "unauthorized_client",
			true},
		"401 without a code":   {answer{401, `canary-body`, html}, NotConfigured, "", true},
		"a code with the code": {answer{400, `{"error":"no canary-code here"}`, nil}, ProviderError, "", true},
		"error at 200": {answer{200, `{"error":"bad_verification_code"}`, nil}, ProviderError,
			"bad_verification_code", false},
		"404 in HTML":            {answer{404, `canary-body`, html}, Malformed, "", true},
		"500":                    {answer{500, `canary-body`, nil}, Unreachable, "", false},
		"503 with invalid_grant": {answer{503, `{"error":"invalid_grant"}`, nil}, Unreachable, "invalid_grant", false},
		"429":                    {answer{429, ``, nil}, Unreachable, "", false},
		"empty 200":              {answer{200, ``, nil}, Malformed, "", false},
		"HTML 200":               {answer{200, `<html>canary-body</html>`, html}, Malformed, "", false},
		"no token":               {answer{200, `{"token_type":"bearer"}`, nil}, Malformed, "", false},
		"token of a wrong type":  {answer{200, `{"access_token":{"canary":1}}`, nil}, Malformed, "", false},
		"expires_in of words": {answer{200, `{"access_token":"canary-body","expires_in":"soon"}`, nil}, Malformed, "",
			false},
		"10 MiB": {answer{200, `{"access_token":"` + strings.Repeat("x", 10<<20) + `"}`, nil}, Malformed, "",
			false},
		"too large to store": {answer{200, `{"access_token":"n","refresh_token":"` + strings.Repeat("x", 64<<10) + `"}`,
			nil}, Malformed, "", false},
		"token of two lines": {answer{200, `{"access_token":"canary\r\nX-Evil: 1"}`, nil}, Malformed, "", false},
		"type of two lines":  {answer{200, `{"access_token":"n","token_type":"canary\n"}`, nil}, Malformed, "", false},
		"redirect":           {answer{307, ``, map[string]string{"Location": "/canary"}}, Malformed, "", false},
		"connection cut": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), Unreachable, "", false},
		"never answers": {hanging(never), Unreachable, "", false},
		"slow drip":     {hanging(drip), Unreachable, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			begun := time.Now()
			g, err := s.Finish(t.Context(), tenant, s.consents(), redirectURI, vending.NewSecret("canary-verifier"), callback(),
				nil)
			if p := s.mustBe(t, err, c.want); p.Code != c.code || p.Field != "" || !g.IsZero() || len(s.calls()) != 1 {
				t.Errorf("code %q, want %q from one call", p.Code, c.code)
			}
			if logged := strings.Contains(s.log.String(), `"app":"mail","tenant":"acme"`); logged != c.logged {
				t.Errorf("log %s, want a line: %v", s.log, c.logged)
			}
			if took := time.Since(begun); took > generous {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// drip sends a byte whenever the last has gone out, until the client leaves.
func drip(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// TestFinishRefuses has what is decided before the provider is asked.
func TestFinishRefuses(t *testing.T) {
	broken := errors.New("the store is broken")
	site := func(a *catalog.App) { a.Fields = []catalog.Field{{Name: "site", Label: "Site"}} }
	for name, c := range map[string]struct {
		options func(*Options)
		change  func(*catalog.App)
		fields  []vending.Field
		want    Kind // empty for an error that is no problem
	}{
		"no client":       {clientError(connect.ErrNoOAuthClient), site, fields("site", "x"), NotConfigured},
		"store is broken": {clientError(broken), site, fields("site", "x"), ""},
		"no transport":    {func(o *Options) { o.Transport = nil }, site, fields("site", "x"), Unreachable},
		"no transport for the app": {func(o *Options) {
			o.Transport = func(*catalog.App) http.RoundTripper { return nil }
		}, site, fields("site", "x"), Unreachable},
		"no field":        {func(*Options) {}, site, nil, MissingField},
		"no consent page": {func(*Options) {}, func(a *catalog.App) { a.OAuth2.AuthorizeURL = "" }, nil, ""},
		"key":             {func(*Options) {}, func(a *catalog.App) { a.OAuth2 = nil }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, granted, c.options)
			g, err := s.Finish(t.Context(), tenant, s.consents(c.change), redirectURI, vending.Secret{}, callback(), c.fields)
			var p *Error
			if errors.As(err, &p) == (c.want == "") || !g.IsZero() || err == nil {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if c.want != "" {
				s.mustBe(t, err, c.want)
			}
			if n := len(s.calls()); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// TestCallerLeaves: that a browser is gone is nobody's problem.
func TestCallerLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	s := newStage(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leave()
		<-r.Context().Done()
	}))
	_, finished := s.Finish(ctx, tenant, s.consents(), redirectURI, vending.Secret{}, callback(), nil)
	_, entered := s.FromFields(ctx, s.keyed(), fields("api_key", "canary"))
	inconclusive := s.keyed(func(a *catalog.App) { a.Verify.Inconclusive = true })
	_, unsure := s.FromFields(ctx, inconclusive, fields("api_key", "canary"))
	_, own := s.FromFields(ctx, s.machine(), fields("client_id", "canary", "client_secret", "canary"))
	for _, err := range []error{finished, entered, unsure, own} {
		var p *Error
		if !errors.Is(err, context.Canceled) || errors.As(err, &p) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v, want %v alone", err, context.Canceled)
		}
	}
}
