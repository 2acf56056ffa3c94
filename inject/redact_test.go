package inject

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/secretscan"
	"github.com/vendgate/vendgate/vending"
)

func TestScrubBody(t *testing.T) {
	for _, c := range []struct{ name, value, body, want string }{
		{"plain", "secret-1", "a secret-1 b", "a [redacted] b"},
		{"query", "s+/= é&12", "k=s%2B%2F%3D+%C3%A9%2612;", "k=[redacted];"},
		{"query, lower case", "s+/= é&12", "k=s%2b%2f%3d+%c3%a9%2612;", "k=[redacted];"},
		{"encodeURIComponent", "s (1)*'!~2", "k=s%20(1)*'!~2;", "k=[redacted];"},
		{"path", "t:k/1234", "/bott:k%2F1234/x", "/bot[redacted]/x"},
		{"JSON", "s\"\\/<&1234", `{"k":"s\"\\/<&1234"}`, `{"k":"[redacted]"}`},
		{"JSON for HTML", "s\"\\/<&1234", `{"k":"s\"\\/\u003c\u00261234"}`, `{"k":"[redacted]"}`},
		{"JSON, slashes escaped", "s\"\\/<&1234", `{"k":"s\"\\\/<&1234"}`, `{"k":"[redacted]"}`},
		{"JSON, ASCII only", "s\u00e9\U0001f5111234", `{"k":"s\u00e9\ud83d\udd111234"}`, `{"k":"[redacted]"}`},
		{"HTML", "s<\"&'1234", "<b>s&lt;&#34;&amp;&#39;1234</b>", "<b>[redacted]</b>"},
		{"value that ends in a quote", `secret"`, `{"k":"secret\""}`, `{"k":"[redacted]"}`},
		{"short value, by chance", "abc", "abcdef", "abcdef"},
		{"short value, alone", "abc", "abc", "[redacted]"},
		{"not UTF-8", "secret-1", "\xffsecret-1\xff", "\uFFFD[redacted]\uFFFD"},
		{"an open field stays", "secret-1", "sub-domain", "sub-domain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inj := injectionWith(t,
				keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
				testCredential("api_key", c.value, "sub", "sub-domain"))
			if got := inj.ScrubBody([]byte(c.body), 1000, false); got != c.want {
				t.Errorf("%q became %q, want %q", c.body, got, c.want)
			}
		})
	}
}

func TestScrubBodyAtItsLimit(t *testing.T) {
	const secret, limit = "secret-value", 20
	inj := injectionWith(t, keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
		testCredential("api_key", secret))
	if inj.Overhang() != len(secret) {
		t.Fatalf("overhang %d", inj.Overhang())
	}
	for at := range limit + 1 {
		body := strings.Repeat("x", at) + secret + strings.Repeat("y", limit)
		got := inj.ScrubBody([]byte(body[:limit+inj.Overhang()]), limit, true)
		if len(got) > limit || strings.Contains(got, secret[:4]) {
			t.Errorf("at %d: %q", at, got)
		}
	}
}

func TestCleanResponse(t *testing.T) {
	app := &catalog.App{Slug: "app", AuthType: string(vending.Basic), Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "username"}, {Name: "password", Secret: true}}}
	inj := injectionWith(t, app, testCredential("username", "public-user", "password", "secret-pass"))
	if err := inj.use(testCredential("username", "public-user", "password", "second-pass")); err != nil {
		t.Fatal(err)
	}
	h := http.Header{
		"Set-Cookie": {"a=b"}, "Set-Cookie2": {"a=b"}, "Alt-Svc": {"x"}, "Clear-Site-Data": {"x"}, "Vendgate-Code": {"x"},
		"Vendgate-Origin": {"x"},
		"X-User":          {"public-user"}, "X-Echo": {"a secret-pass", "b second-pass"},
		"X-Pair": {"cHVibGljLXVzZXI6c2VjcmV0LXBhc3M="}, "Content-Type": {"text/plain"},
	}
	inj.CleanResponse(h)
	want := http.Header{"X-User": {"public-user"}, "X-Echo": {"a [redacted]", "b [redacted]"}, "X-Pair": {"[redacted]"},
		"Content-Type": {"text/plain"}}
	if len(h) != len(want) {
		t.Errorf("left %q, want %q", h, want)
	}
	for name, values := range want {
		if strings.Join(h[name], "|") != strings.Join(values, "|") {
			t.Errorf("%s is %q, want %q", name, h[name], values)
		}
	}
}

// TestScrubBrokenBody: a body that breaks off within the credential, or is cut there because
// scrubbing shortened what stands before it, does not end with a piece of it.
func TestScrubBrokenBody(t *testing.T) {
	const secret = "sk-canary-0123456789abcdef"
	inj := injectionWith(t,
		keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
		testCredential("api_key", secret, "sub", "s"))
	for n := 1; n < len(secret); n++ {
		if got := inj.ScrubBody([]byte("key "+secret+" and "+secret[:n]), 1000, true); got != "key [redacted] and " {
			t.Errorf("cut after %d: %q", n, got)
		}
	}
}

// TestLongHeaders: a provider cannot have all that a header may hold searched for the credential.
// What is searched keeps its text but for the credential; of the rest nothing but the mark is left.
func TestLongHeaders(t *testing.T) {
	app := keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}"))
	inj := injectionWith(t, app, testCredential("api_key", "sk-live/+AAAA"))
	filler := strings.Repeat(`%00\\\\`, 30)
	value, cleaned := filler+"sk-live%2F%2BAAAA", filler+secretscan.Mark
	h := make(http.Header)
	for i := range 4000 {
		h[fmt.Sprintf("X-%d", i)] = []string{value}
	}
	inj.CleanResponse(h)
	searched := 0
	for name, values := range h {
		switch values[0] {
		case cleaned:
			searched++
		case secretscan.Mark:
		default:
			t.Fatalf("%s: %q", name, values[0])
		}
	}
	if want := maxSearched / len(value); searched != want {
		t.Errorf("%d values of %d bytes were searched, want %d: those that fit into %d bytes", searched, len(value), want,
			maxSearched)
	}
}
