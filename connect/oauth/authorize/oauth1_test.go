package authorize

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// signs is an app of OAuth 1 whose provider depends on what the end user enters.
func (s *stage) signs() *catalog.App {
	return &catalog.App{
		Slug: "voice", Name: "Acme Voice", AuthType: "o_auth", Upstream: s.URL + "/api", AllowHTTP: true,
		Fields: []catalog.Field{{Name: "site", Label: "Site"}},
		OAuth1: &catalog.OAuth1{
			RequestTokenURL: s.URL + "/{site}/request?scope=x%20y", AuthorizeURL: s.URL + "/{site}/authorize?a=b",
			AccessTokenURL:  s.URL + "/{site}/access",
			AuthorizeParams: map[string]string{"name": "Vendgate & more"},
		},
	}
}

var temporary = answer{200, "oauth_token=temp%2Bt&oauth_token_secret=canary-temp&oauth_callback_confirmed=true\r\n",
	nil}

// temporaryState is the FlowState that Begin returns.
var temporaryState = vending.NewSecret(`{"oauth_token":"temp+t","oauth_token_secret":"canary-temp"}`)

func callbackQuery(pairs ...string) url.Values {
	q := url.Values{"state": {"x"}, "oauth_token": {"temp+t"}, "oauth_verifier": {"canary verifier"}}
	for i := 0; i < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func TestOAuth1Begin(t *testing.T) {
	s := newStage(t, temporary)
	r, err := s.Begin(t.Context(), tenant, s.signs(), redirectURI, fields("site", "acme/1"))
	if err != nil {
		t.Fatal(err)
	}
	if want := s.URL + "/acme%2F1/authorize?a=b&name=Vendgate+%26+more&oauth_token=temp%2Bt"; r.URL != want {
		t.Errorf("the browser is sent to %s, want %s", r.URL, want)
	}
	if r.FlowState.Reveal() != temporaryState.Reveal() || len(r.State) < 43 {
		t.Errorf("state %q, or another thing is kept", r.State)
	}
	got := s.calls()
	if len(got) != 1 || got[0].line != "POST /acme%2F1/request?scope=x%20y" || got[0].body != "" ||
		got[0].header.Get("User-Agent") != "vendgate" {
		t.Fatalf("the provider got %+v", got)
	}
	header := regexp.MustCompile(
		`^OAuth oauth_callback="([^"]+)", oauth_consumer_key="client%3Aid", oauth_nonce="[A-Z2-7]{20,30}", ` +
			`oauth_signature="[^"]+", ` +
			`oauth_signature_method="HMAC-SHA1", oauth_timestamp="\d+", oauth_version="1.0"$`).FindStringSubmatch(
		got[0].authorization)
	if header == nil {
		t.Fatalf("Authorization %s", got[0].authorization)
	}
	if callback, err := url.PathUnescape(header[1]); err != nil || callback != redirectURI+"&state="+r.State {
		t.Errorf("callback %s, %v", callback, err)
	}
	plain, err := s.Begin(t.Context(), tenant, s.signs(), "https://gate.example.com/connect/callback",
		fields("site", "acme"))
	if got := s.calls(); err != nil ||
		!strings.Contains(got[0].authorization, "connect%2Fcallback%3Fstate%3D"+plain.State) {
		t.Errorf("%v: a callback without a query: %+v", err, got)
	}
}

func TestOAuth1Finish(t *testing.T) {
	s := newStage(t, answer{201, "oauth_token_secret=canary%26secret&user_id=1&oauth_token=canary%3Daccess\n", nil})
	grant, err := s.Finish(t.Context(), tenant, s.signs(), redirectURI, temporaryState, callbackQuery(),
		fields("site", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	v := grant.Reveal()
	if v.AccessToken != "canary=access" || v.RefreshToken != "" || !v.Expiry.IsZero() || len(v.Fields) != 2 ||
		v.Fields[0] != fields("site", "acme")[0] || v.Fields[1] != fields("oauth_token_secret", "canary&secret")[0] {
		t.Error("another grant than was granted")
	}
	got := s.calls()
	if len(got) != 1 || got[0].line != "POST /acme/access" ||
		!strings.Contains(got[0].authorization, `oauth_token="temp%2Bt", oauth_verifier="canary%20verifier"`) {
		t.Errorf("the provider got %+v", got)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("the log spills a canary")
	}
}

// TestOAuth1Callback judges callbacks. Only one that is whole and ours reaches the provider.
func TestOAuth1Callback(t *testing.T) {
	long := strings.Repeat("x", maxAuthorizationCode+1)
	for name, c := range map[string]struct {
		query url.Values
		kind  Kind
		code  string
	}{
		"declined, as Twitter says": {callbackQuery("oauth_token", "", "oauth_verifier", "", "denied", "temp+t"), Declined,
			""},
		"declined, by the extension": {callbackQuery("oauth_verifier", "", "oauth_problem", "user_refused"), Declined, ""},
		"declined, without a word":   {callbackQuery("oauth_verifier", ""), Declined, ""},
		"another problem":            {callbackQuery("oauth_problem", "Token_Expired<b>"), ProviderError, "token_expiredb"},
		"another token":              {callbackQuery("oauth_token", "canary other"), InvalidCallback, ""},
		"no token":                   {callbackQuery("oauth_token", ""), InvalidCallback, ""},
		"two verifiers": {url.Values{"oauth_token": {"temp+t"}, "oauth_verifier": {"canary", "canary"}},
			InvalidCallback, ""},
		"a verifier beyond bounds":     {callbackQuery("oauth_verifier", long), InvalidCallback, ""},
		"a code, as OAuth 2 has it":    {url.Values{"code": {"canary"}, "state": {"x"}}, InvalidCallback, ""},
		"a callback with nothing else": {url.Values{"state": {"x"}}, InvalidCallback, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, temporary)
			_, err := s.Finish(t.Context(), tenant, s.signs(), redirectURI, temporaryState, c.query, fields("site", "acme"))
			if p := s.mustBe(t, err, c.kind); p.Code != c.code || len(s.calls()) != 0 {
				t.Errorf("code %q, or the provider was called", p.Code)
			}
		})
	}
	s := newStage(t, temporary)
	for _, held := range []string{"", "canary-pkce-verifier", "%zz"} { // the app was one of OAuth 2 when the end user left
		_, err := s.Finish(t.Context(), tenant, s.signs(), redirectURI, vending.NewSecret(held), callbackQuery(),
			fields("site", "acme"))
		s.mustBe(t, err, InvalidCallback)
	}
}

// TestOAuth1Answers has what endpoints answer, at the first step and at the last.
func TestOAuth1Answers(t *testing.T) {
	const both = "oauth_token=canary-t&oauth_token_secret=canary-s"
	for name, c := range map[string]struct {
		answer      http.Handler
		first, last Kind // empty is success
	}{
		"401":      {answer{401, "canary", nil}, NotConfigured, ProviderError},
		"403":      {answer{403, "canary", nil}, NotConfigured, ProviderError},
		"429":      {answer{429, "canary", nil}, Unreachable, Unreachable},
		"500":      {answer{500, "canary", nil}, Unreachable, Unreachable},
		"redirect": {answer{302, "", map[string]string{"Location": "/canary"}}, Malformed, Malformed},
		"204":      {answer{204, "", nil}, Malformed, Malformed},
		"HTML":     {answer{200, "<html>canary</html>", nil}, Malformed, Malformed},
		"JSON":     {answer{200, `{"oauth_token":"canary"}`, nil}, Malformed, Malformed},
		"no form":  {answer{200, both + "&oauth_callback_confirmed=true&%zz", nil}, Malformed, Malformed},
		"no secret": {answer{200, "oauth_token=canary-t&oauth_callback_confirmed=true", nil}, Malformed,
			Malformed},
		"not confirmed":       {answer{200, both, nil}, Malformed, ""},
		"confirmed otherwise": {answer{200, both + "&oauth_callback_confirmed=false", nil}, Malformed, ""},
		"a line break in a token": {answer{200, "oauth_token=a%0Ab&oauth_token_secret=s&oauth_callback_confirmed=true", nil},
			Malformed, Malformed},
		"a space at an end": {answer{200, "oauth_token=a&oauth_token_secret=s%20&oauth_callback_confirmed=true", nil},
			Malformed, Malformed},
		"too large": {answer{200,
			both + "&oauth_callback_confirmed=true&x=" + strings.Repeat("x", maxOAuth1Answer), nil}, Malformed, Malformed},
		"cut off": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(both))
		}), Unreachable, Unreachable},
		"never answers": {hanging(never), Unreachable, Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			app := s.signs()
			check := func(err error, kind Kind, calls int) {
				t.Helper()
				if got := len(s.calls()); got != calls {
					t.Errorf("%d calls", got)
				}
				if kind != "" {
					s.mustBe(t, err, kind)
				} else if err != nil {
					t.Error(err)
				}
			}
			_, err := s.Begin(t.Context(), tenant, app, redirectURI, fields("site", "acme"))
			check(err, c.first, 1)
			_, err = s.Finish(t.Context(), tenant, app, redirectURI, temporaryState, callbackQuery(), fields("site", "acme"))
			check(err, c.last, 1)
		})
	}
}

// TestOAuth1Unasked: without a client that can sign, what was entered, or a way to the provider, it
// is not called.
func TestOAuth1Unasked(t *testing.T) {
	public := func(o *Options) {
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "public"}, nil
		}
	}
	for name, c := range map[string]struct {
		options func(*Options)
		fields  []vending.Field
		kind    Kind
	}{
		"no client":       {clientError(connect.ErrNoOAuthClient), fields("site", "acme"), NotConfigured},
		"a public client": {public, fields("site", "acme"), NotConfigured},
		"nothing entered": {func(*Options) {}, nil, MissingField},
		"a way out":       {func(*Options) {}, fields("site", ".."), InvalidField},
		"no transport":    {func(o *Options) { o.Transport = nil }, fields("site", "acme"), Unreachable},
		"nobody listening": {func(o *Options) {
			o.Transport = func(*catalog.App) http.RoundTripper { return deadEnd{} }
		}, fields("site", "acme"), Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, temporary, c.options)
			_, err := s.Begin(t.Context(), tenant, s.signs(), redirectURI, c.fields)
			s.mustBe(t, err, c.kind)
			_, err = s.Finish(t.Context(), tenant, s.signs(), redirectURI, temporaryState, callbackQuery(), c.fields)
			s.mustBe(t, err, c.kind)
			if len(s.calls()) != 0 {
				t.Error("the provider was called")
			}
		})
	}
	s := newStage(t, temporary, func(o *Options) {
		o.Transport = func(*catalog.App) http.RoundTripper { return deadEnd{} }
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Begin(ctx, tenant, s.signs(), redirectURI, fields("site", "acme"))
	var p *Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &p) {
		t.Errorf("the end user left: %v", err)
	}
}

// deadEnd fails as a network may.
type deadEnd struct{}

func (deadEnd) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("canary of the network")
}
