package page

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// words of the main element of a view's page.
func mainText(t *testing.T, v View) string {
	t.Helper()
	root, _ := document(t, v)
	for _, n := range elements(root) {
		if n.Data == "main" {
			return text(n)
		}
	}
	return text(root) // a part of a page
}

func TestHostedWords(t *testing.T) {
	v := people["plain"].views()
	tests := []struct {
		page        string
		has, hasNot []string
	}{
		{"invitation",
			[]string{"Connect Gmail to Northwind Studio", "ops@northwind.example", "Work Gmail", "3 Aug 2026, 08:40 UTC",
				"47 hours left", "Your password is never shared", "Accept & Connect", "Reject"}, []string{"renew"}},
		{"invitation-key", []string{"stored encrypted, if they are accepted there.", "30 minutes left"},
			[]string{"password"}},
		{"invitation-renewal", []string{"Renew your Gmail connection to Northwind Studio",
			"The current credentials stay in use until you finish."}, nil},
		{"invitation-lost", []string{"Gmail no longer accepts the current credentials."}, []string{"stay in use"}},
		{"invitation-incorporated", []string{"Connect Gmail to Acme Inc."}, nil},
		{"invitation-untried", []string{"You enter Stripe credentials next. They are stored encrypted."},
			[]string{"accepted"}},
		{"form", []string{
			"Connect Stripe to Northwind Studio", "checked with Stripe before anything is saved", "Grant Access", "Reject",
		}, []string{"Nothing was saved", "as you enter them"}},
		{"form-untried", []string{"saved as you enter them, so please check them first", "Grant Access"}, []string{"tried"}},
		{"form-problem", []string{"Stripe did not accept these credentials.", "Nothing was saved",
			"Account must be letters and digits"}, nil},
		{"form-oauth",
			[]string{"Zendesk subdomain", "For example, the “acme” in acme.zendesk.com. You can also paste the whole address.",
				"Continue to Gmail"}, []string{"Grant Access"}},
		{"redirect", []string{"Taking you to Gmail", "accounts.example.com", "Sign in with Gmail"}, nil},
		{"redirect-nowhere", []string{"Nothing was stored"}, []string{"Sign in with"}},
		{"invitation-doubtful", []string{"They are checked there and stored encrypted."}, []string{"accepted"}},
		{"form-help",
			[]string{"Where to find this in Stripe (opens in a new tab)", "In your profile, below “API”: Secret key"}, nil},
		{"form-misled", nil, []string{"Where to find"}},
		{"unconfirmed",
			[]string{"Stripe did not confirm this", "Northwind Studio then sees that Stripe did not confirm them.",
				"Enter them again", "Save anyway", "Reject"}, []string{"current ones"}},
		{"unconfirmed-renewal", []string{"They replace the current ones."}, nil},
		{"success-unverified", []string{"Connection created successfully",
			"Stripe did not confirm the credentials, and Northwind Studio can see that."}, nil},
		{"success", []string{"Connection created successfully"}, []string{"updated"}},
		{"success-incorporated", []string{"connected to Acme Inc. You can close", "ask Acme Inc. to delete"}, nil},
		{"refusal-incorporated", []string{"shared with Acme Inc. The connection"}, nil},
		{"provider-incorporated", []string{"please contact Acme Inc."}, nil},
		{"success-renewal", []string{"Credentials updated successfully"}, []string{"created"}},
		{"refusal", []string{"You declined", "no connection to Gmail was made"}, nil},
		{"refusal-renewal", []string{"You declined", "stays as it is"}, []string{"no connection"}},
		{"invalid",
			[]string{"This connection link is invalid, has already been used, or has expired. Please contact your requester " +
				"to get a new link."}, []string{"Northwind"}},
		{"provider-problem", []string{"It said access_denied.", "Nothing was stored.", "can still be used", "Try again",
			"Reject"}, nil},
		{"provider-unexplained", []string{"Gmail could not complete the request", "keeps its current credentials"}, nil},
		{"provider-lost", []string{"Nothing was stored."}, []string{"keeps its current credentials"}},
		{"browser-problem", []string{"cookie", "Open the link again"}, nil},
		{"problem", []string{"Something went wrong here", "0b8e2a6c-1d4f"}, nil},
		{"sign-in-problem", []string{"Tenant key", "This key is not known, or was retired."}, nil},
	}
	for _, test := range tests {
		t.Run(test.page, func(t *testing.T) {
			got := mainText(t, v[test.page])
			for _, want := range test.has {
				if !strings.Contains(got, want) {
					t.Errorf("the page does not say %q:\n%s", want, got)
				}
			}
			for _, not := range test.hasNot {
				if strings.Contains(got, not) {
					t.Errorf("the page says %q:\n%s", not, got)
				}
			}
			if strings.Contains(got, "..") {
				t.Errorf("the page doubles a full stop:\n%s", got)
			}
		})
	}
}

// TestWhose: every page of a link says for whom it was made, if the tenant wants it; a page without
// a link never does.
func TestWhose(t *testing.T) {
	p := people["plain"]
	silent := p
	silent.hint = nil
	unhinted := silent.views()
	for name, v := range p.views() {
		_, ofLink := v.(interface {
			hosted(name, title string) frame
		})
		got := mainText(t, v)
		if says := strings.Contains(got, "This link was made for a…e@example.com."); says != (ofLink &&
			name != "redirect-nowhere") {
			t.Errorf("%s: of a link is %t, and says for whom is %t:\n%s", name, ofLink, says, got)
		}
		if got := mainText(t, unhinted[name]); strings.Contains(got, "made for") {
			t.Errorf("%s says without a hint:\n%s", name, got)
		}
	}
}

func TestFormKeepsAllButSecrets(t *testing.T) {
	_, source := document(t, people["plain"].views()["form-problem"])
	for _, want := range []string{
		`name="field.account" type="text" value="alice@example.com"`,
		`name="field.api_key" type="password" required autocomplete="off"`,
		`aria-invalid="true" aria-describedby="problem-0"`,
		`<title>Error: Connect Stripe to Northwind Studio</title>`,
	} {
		if !strings.Contains(source, want) {
			t.Errorf("the form does not have %s:\n%s", want, source)
		}
	}
	if strings.Contains(source, "never-shown") {
		t.Error("the form shows a secret value")
	}
}

// TestFormBeforeSignIn has what a form keeps, and what explains each field to a screen reader.
func TestFormBeforeSignIn(t *testing.T) {
	_, source := document(t, people["plain"].views()["form-oauth-problem"])
	for _, want := range []string{
		`<select id="field-0" name="field.region" required autocomplete="off">`,
		`<option value="">Please choose</option>`, `<option>eu</option>`, `<option selected>us</option>`,
		`name="field.host" type="text" value="crm" required autocomplete="off" autocapitalize="none" spellcheck="false" ` +
			`inputmode="url" placeholder="host.example.com" aria-invalid="true" aria-describedby="problem-1">`,
		`aria-invalid="true" aria-describedby="hint-2 problem-2">`, `id="hint-2"`, `id="problem-2"`,
	} {
		if !strings.Contains(source, want) {
			t.Errorf("the form does not have %s:\n%s", want, source)
		}
	}
}

func TestRedirectTargets(t *testing.T) {
	link := people["plain"].link(people["plain"].app, false)
	tests := []struct{ url, target string }{
		{"https://as.example/authorize?scope=a%20b&state=x", "https://as.example/authorize?scope=a%20b&state=x"},
		{"http://127.0.0.1:9000/authorize?a=1;url=https://evil.example",
			"http://127.0.0.1:9000/authorize?a=1;url=https://evil.example"},
		{"javascript:alert(1)", ""},
		{"data:text/html,x", ""},
		{"ftp://evil.example/", ""},
		{"intent://evil.example/", ""},
		{"//evil.example/", ""},
		{"/local", ""},
		{"", ""},
		{"https://", ""},
	}
	for _, test := range tests {
		v := Redirect{Link: link, URL: test.url}
		if got := v.Target(); got != test.target {
			t.Errorf("the target of %q is %q; want %q", test.url, got, test.target)
		}
		root, _ := document(t, v)
		var refresh string
		for _, n := range elements(root) {
			if _, ok := attr(n, "http-equiv"); ok {
				refresh, _ = attr(n, "content")
			}
		}
		if want := "0;url=" + test.target; test.target != "" && refresh != want {
			t.Errorf("the page refreshes with %q; want %q", refresh, want)
		} else if test.target == "" && refresh != "" {
			t.Errorf("the page refreshes with %q; want nothing", refresh)
		}
	}
}

func TestLogos(t *testing.T) {
	for _, logo := range []string{"http://a.example/l.png", "javascript:alert(1)", "data:image/png;base64,x",
		"//a.example/l.png", "https://u:p@a.example/l", "https://a.example; script-src *", "https://", ""} {
		if got := (Brand{LogoURL: logo}).Logo(); got != "" {
			t.Errorf("the logo %q is shown as %q", logo, got)
		}
	}
	if got := (Brand{LogoURL: "https://a.example/l.png"}).Logo(); got == "" {
		t.Error("an https logo is not shown")
	}
}

func TestLeft(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Hour: "", 0: "", time.Minute: "less than 2 minutes left", 90 * time.Minute: "90 minutes left",
		48 * time.Hour: "48 hours left", 48*time.Hour - time.Second: "48 hours left",
		29*time.Minute + 59*time.Second: "30 minutes left", 3*time.Hour + 20*time.Minute: "3 hours left",
	} {
		if got := (Invitation{Now: testNow, ExpiresAt: testNow.Add(left)}).Left(); got != want {
			t.Errorf("%v before the end it says %q; want %q", left, got, want)
		}
	}
	if got := (Invitation{ExpiresAt: testNow}).Left(); got != "" {
		t.Errorf("without the time it says %q", got)
	}
}

// TestTitles: a title says what with whom, since a browser has many tabs.
func TestTitles(t *testing.T) {
	views := people["plain"].views()
	for name, want := range map[string]string{
		"invitation": "Connect Gmail to Northwind Studio", "form": "Connect Stripe to Northwind Studio",
		"invitation-renewal": "Renew your Gmail connection to Northwind Studio",
		"form-bound":         "Renew your Stripe connection to Northwind Studio",
		"redirect":           "Taking you to Gmail · Connect Gmail to Northwind Studio",
		"success":            "Connection created successfully · Connect Gmail to Northwind Studio",
	} {
		if got := views[name].frame().title; got != want {
			t.Errorf("%s has the title %q; want %q", name, got, want)
		}
	}
}

func TestViewsPrintNoSecret(t *testing.T) {
	for name, v := range people["plain"].views() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if printed := fmt.Sprintf(verb, v); strings.Contains(printed, "canary") {
				t.Errorf("%s prints a secret with %s", name, verb)
			}
		}
	}
}

func TestServe(t *testing.T) {
	w := httptest.NewRecorder()
	if err := New("/connect").Serve(w, 404, Invalid{}); err != nil {
		t.Fatal(err)
	}
	if w.Code != 404 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
		w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("answered %d with %v", w.Code, w.Header())
	}
}

func TestPathsAreEscaped(t *testing.T) {
	const odd, escaped = `a/../b"?c`, `a%2F..%2Fb%22%3Fc`
	_, invitation := document(t, Invitation{Link: Link{Token: vending.NewSecret(odd)}})
	_, again := document(t, BrowserProblem{Token: vending.NewSecret(odd)})
	_, confirm := document(t, Delete{Row: Row{ID: odd}})
	for want, source := range map[string]string{
		`action="/connect/` + escaped + `/accept"`:                       invitation,
		`href="/connect/` + escaped + `"`:                                again,
		`action="/connect/dashboard/connections/` + escaped + `/delete"`: confirm,
	} {
		if !strings.Contains(source, want) {
			t.Errorf("the page does not have %s:\n%s", want, source)
		}
	}
}
