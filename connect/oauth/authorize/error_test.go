package authorize

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
)

var kinds = []Kind{
	Declined, ProviderError, Malformed, Unreachable, WrongCredential, MissingField, InvalidField, UnknownField,
	WrongIssuer,
	InvalidCallback, NotConfigured, NoAccount,
	UnsupportedAccount, HostUnreachable, WrongHost, Unconfirmed,
	ConsentNeeded, ProviderServerError, ScopeRefused,
}

// TestTexts: every kind says one sentence, with nothing left to fill in, whether little is known or
// much.
func TestTexts(t *testing.T) {
	if len(texts) != len(kinds) {
		t.Errorf("%d texts for %d kinds", len(texts), len(kinds))
	}
	cause := errors.New("canary-cause")
	for _, kind := range kinds {
		for _, p := range []*Error{
			{Kind: kind, Err: cause},
			{Kind: kind, App: "Acme", Code: "some_code", Status: 499, Field: "X-Api-Key", Err: cause},
		} {
			title, message := p.Title(), p.Message()
			for _, text := range []string{title, message} {
				if text == "" || strings.ContainsAny(text, "{}%\n") || strings.Contains(text, "canary") ||
					strings.ToUpper(text[:1]) != text[:1] {
					t.Errorf("%s: %q", kind, text)
				}
			}
			if !strings.HasSuffix(message, ".") || strings.Count(message, ".") != 1 || strings.HasSuffix(title, ".") {
				t.Errorf("%s: %q, %q", kind, title, message)
			}
			if p.HTTPStatus() < 400 || http.StatusText(p.HTTPStatus()) == "" {
				t.Errorf("%s: status %d", kind, p.HTTPStatus())
			}
			if !errors.Is(p, cause) || !strings.Contains(p.Error(), "canary-cause") ||
				!strings.HasPrefix(p.Error(), string(kind)) {
				t.Errorf("%s: the log would get %q", kind, p.Error())
			}
		}
	}
}

func TestMessages(t *testing.T) {
	app := &catalog.App{Slug: "mail", Name: "Acme Mail", Fields: []catalog.Field{{Name: "api_key", Label: "API key"}}}
	for _, c := range []struct {
		p    Error
		want string
	}{
		{Error{Kind: Declined, Code: "access_denied"}, "Access was declined at Acme Mail, so nothing was saved."},
		{Error{Kind: WrongCredential, Status: 401},
			"Acme Mail does not accept what you entered (HTTP 401); please check it and try again."},
		{Error{Kind: WrongCredential, Status: 401, Code: "invalid_client"},
			"Acme Mail does not accept what you entered (invalid_client); please check it and try again."},
		{Error{Kind: MissingField, Field: "api_key"}, "API key is missing; please enter it."},
		{Error{Kind: UnsupportedAccount, Field: "api_key"},
			"You connected an account of Acme Mail, but its API key has another format than those of the accounts that " +
				"can be used here, so nothing was saved; please connect another account, or tell the " +
				"person who sent you the link."},
		{Error{Kind: UnknownField, Field: "{app}"}, "Acme Mail has no field called {app}."},
	} {
		if got := newError(app, c.p).Message(); got != c.want {
			t.Errorf("it says %q, want %q", got, c.want)
		}
	}
	if got := newError(&catalog.App{Slug: "mail"}, Error{Kind: Declined}).App; got != "mail" {
		t.Errorf("an app without a name is called %q", got)
	}
}

func TestCleanCode(t *testing.T) {
	for code, want := range map[string]string{
		"":                       "",
		"invalid_scope":          "invalid_scope",
		"AADSTS50011":            "aadsts50011",
		"<script>x</script>":     "scriptxscript",
		"a\r\nb\x00c é":          "abc",
		strings.Repeat("a", 100): strings.Repeat("a", 64),
		tokenendpoint.Withheld:   "",
	} {
		if got := cleanCode(code); got != want {
			t.Errorf("%q became %q, want %q", code, got, want)
		}
	}
}

// TestDefaults has an authorizer that was told the least.
func TestDefaults(t *testing.T) {
	a := New(Options{})
	if a.o.Timeout != defaultTimeout || a.o.Logger == nil || a.o.Now == nil {
		t.Errorf("defaults %+v", a.o)
	}
}
