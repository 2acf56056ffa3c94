package inject

import (
	"net/http"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
)

// filesApp has its files below another path prefix, as Telegram's Bot API does
// (https://core.telegram.org/bots/api#getfile).
func filesApp() *catalog.App {
	return keyApp("https://api.example.com/v1",
		&catalog.Placement{PathPrefix: "/bot{api_key}", OtherPrefixes: []string{"/file/bot{api_key}"}})
}

func TestOtherPrefix(t *testing.T) {
	p := mustPlace(t, filesApp())
	for path, want := range map[string]string{
		"":                   "/v1/bott:k",
		"/getMe":             "/v1/bott:k/getMe",
		"/file/photos/1.jpg": "/v1/file/bott:k/photos/1.jpg",
		"/file":              "/v1/file/bott:k",
		"/files/1":           "/v1/bott:k/files/1",
		"/%66ile/1":          "/v1/bott:k/%66ile/1",
		"/x/file/1":          "/v1/bott:k/x/file/1",
	} {
		inj, err := NewInjection(p, testCredential("api_key", "t:k"), path, "", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest(http.MethodGet, "https://gw.example/", http.NoBody)
		out, err := inj.request(r, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := out.URL.EscapedPath(); got != want {
			t.Errorf("%q went out as %q, want %q", path, got, want)
		}
	}
}

func TestLinksOfOtherPrefix(t *testing.T) {
	p := mustPlace(t, filesApp())
	const own = "https://gw.example/proxy/c/app"
	for _, called := range []string{"/x", "/file/photos/1.jpg"} {
		inj, err := NewInjection(p, testCredential("api_key", "t:k"), called, "", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		for raw, want := range map[string]string{
			"https://api.example.com/v1/bott:k/getMe":             own + "/getMe",
			"https://api.example.com/v1/file/bott:k/photos/2.jpg": own + "/file/photos/2.jpg",
			"/v1/file/bott:k/photos/2.jpg":                        "/proxy/c/app/file/photos/2.jpg",
			// The gateway would take it for a path below the other prefix.
			"https://api.example.com/v1/bott:k/file/2": "https://api.example.com/v1/bott:k/file/2",
			"https://api.example.com/v1/file/2":        "https://api.example.com/v1/file/2",
		} {
			if got := inj.rewriteURL(raw, testGateway); got != want {
				t.Errorf("in an answer to %s, %q became %q, want %q", called, raw, got, want)
			}
		}
	}
}

// TestKeyInOtherPrefix: bot libraries put their token, here a key of ours, below either prefix.
func TestKeyInOtherPrefix(t *testing.T) {
	p := mustPlace(t, filesApp())
	for path, want := range map[string]string{
		"/bot" + ckA + "/getMe":             "/getMe",
		"/file/bot" + ckA + "/photos/1.jpg": "/file/photos/1.jpg",
	} {
		found := ""
		p.Keys(http.Header{}, path, "", func(s string) bool { return s == ckA }, func(key, _ string) { found = key })
		if rest, _ := p.WithoutKey(ckA, path, ""); found != ckA || rest != want {
			t.Errorf("%s: found %q, goes on as %q, want %q", path, found, rest, want)
		}
	}
}
