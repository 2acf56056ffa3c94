package authorize

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vendgate/vendgate/vending"
)

// TestSaid: the provider's own words come along with its code, on one line and without anything
// that shows as something else.
func TestSaid(t *testing.T) {
	long := strings.Repeat("é", maxDescription)
	for _, c := range []struct{ query, want string }{
		// Gitea, routers/web/auth/oauth2_provider.go: a grant that was made for other scopes is
		// never widened.
		{"error=server_error&error_description=a+grant+exists+with+different+scope", "a grant exists with different scope"},
		{"error=access_denied", ""},
		{"error=x&error_description=", ""},
		{"error=x&error_description=a&error_message=b&error_reason=c", "a"},
		{"error=x&error_message=b&error_reason=c", "b"},
		{"error_code=1&error_reason=user_denied", "user_denied"},
		{"error=x&error_description=" + url.QueryEscape(" two\r\n\tlines\u2028and\u00a0more "), "two lines and more"},
		{"error=x&error_description=" + url.QueryEscape("<script>alert(1)</script>"), "scriptalert(1)/script"},
		{"error=x&error_description=" + url.QueryEscape("\u202eevil\u202c\u2066\u200b\u200d\ufeff\x00\x1b[31m\u0085"),
			"evil[31m"},
		{"error=x&error_description=" + "%ff%fea", "a"},
		{"error=x&error_description=" + url.QueryEscape(long), long},
		{"error=x&error_description=" + url.QueryEscape(long+"x"), long + "…"},
		{"error=x&error_description=" + url.QueryEscape(long[:2*(maxDescription-1)]+" x"), long[:2*(maxDescription-1)] + "…"},
		{"error=x&error_description=" + strings.Repeat("a+", 1<<16), strings.Repeat("a ", maxDescription/2-1) + "a…"},
	} {
		s := newStage(t, granted)
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Finish(t.Context(), tenant, s.consents(), redirectURI, vending.NewSecret("canary-verifier"), query, nil)
		var p *Error
		if !errors.As(err, &p) {
			t.Fatal(err)
		}
		if p.Description != c.want || utf8.RuneCountInString(p.Description) > maxDescription+1 {
			t.Errorf("%.80q: %q, want %q", c.query, p.Description, c.want)
		}
		if strings.Contains(p.Message()+p.Title(), "evil") || p.Description != "" &&
			!strings.Contains(s.log.String(), "provider_description") {
			t.Errorf("%.80q: %q, log %s", c.query, p.Message(), s.log)
		}
	}
}
