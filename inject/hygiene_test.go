package inject

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

func TestRemoves(t *testing.T) {
	p := mustPlace(t, keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}", "X_Odd_", "{sub}")))
	for names, want := range map[string]bool{
		"Authorization authorization AUTHORIZATION Authorization_ -Authorization":                                   true,
		"X-Api-Key x-api-key X_Api_Key X_API-KEY X-Api-Key- _X-Api-Key X-Odd x_odd":                                 true,
		"Cookie Forwarded Via X-Real-Ip X_Real_Ip X-User-Email X_User_Email X-Vendgate-Key":                         true,
		"Proxy Proxy-Authorization Proxy-Connection Proxy_Anything Vendgate-Errors VENDGATE_CODE":                   true,
		"X-Forwarded-For X_Forwarded_Host X-Forwarded-Anything Keep-Alive Transfer-Encoding Http2-Settings":         true,
		"X-Original-Url X_Rewrite_Url X.Original.Url X!Rewrite~Url X.Api.Key Proxy.X Vendgate.Code":                 true,
		"Content_Type Content.Type content-type- Content_Length Content_Encoding Host_ Expect_":                     true,
		"Accept Content-Type User-Agent X-Api-Keys My-X-Api-Key X-Forwarded Forwarded-For Viable Range Traceparent": false,
		"Set-Cookie Authorization-Info Cookie2x Proxied Vendgate Idempotency-Key":                                   false,
	} {
		for name := range strings.FieldsSeq(names) {
			if got := p.removes(name); got != want {
				t.Errorf("%s: removed %v, want %v", name, got, want)
			}
			if p.MayCarry(name) == want {
				t.Errorf("%s: a trailer would be judged differently", name)
			}
		}
	}
}

func TestCleanQuery(t *testing.T) {
	p := mustPlace(t,
		keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"api_key": "{api_key}", "t.k": "x"}}))
	for _, c := range []struct{ name, raw, want string }{
		{"nothing", "", ""},
		{"nothing of ours", "a=1&b=%zz&;;c", "a=1&b=%zz&;;c"},
		{"alone", "api_key=1", ""},
		{"first", "api_key=1&a=2", "a=2"},
		{"last", "a=2&api_key=1", "a=2"},
		{"between, order and spelling kept", "b=%2F&api_key=1&a=+", "b=%2F&a=+"},
		{"every one",
			"api_key&API_KEY=2&api-key=3&api.key=4&api_key[]=5&api_key%5B0%5D=6&%61pi%5fkey=7&+api_key+=8&api_key%00x=9", ""},
		{"key of PHP's spelling", "t_k=1&t-k=2&t%20k=3&t.k=4&tk=5", "tk=5"},
		{"semicolons", "a;api_key=1;b", "a;b"},
		{"broken encoding at the end", "a=1&api_key%", "a=1&api_key%"},
		{"in a value", "q=api_key=1", "q=api_key=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.cleanQuery(c.raw); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

func FuzzCleanQuery(f *testing.F) {
	p := mustPlace(f,
		keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"api_key": "{api_key}"}}))
	for _, seed := range []string{"", "a=1&api_key=2", "api%5Fkey;x", "&&;;=", "%", "[api_key"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		clean := p.cleanQuery(raw)
		if again := p.cleanQuery(clean); again != clean {
			t.Errorf("%q became %q, and that %q", raw, clean, again)
		}
		for pair := range strings.SplitSeq(strings.ReplaceAll(clean, ";", "&"), "&") {
			if key, _, _ := strings.Cut(pair, "="); p.setsKey(key) {
				t.Errorf("%q kept %q", raw, pair)
			}
		}
	})
}

// TestManyParameters: the names of a long query are read, for callers known or not, without a heap
// that grows with it.
func TestManyParameters(t *testing.T) {
	for name, app := range map[string]*catalog.App{"query": keyApp("https://api.example.com",
		&catalog.Placement{Query: map[string]string{"api_key": "{api_key}"}}), "signature": awsApp()} {
		p := mustPlace(t, app)
		raw := strings.Repeat("api.key_=&a&Filter-by=x&", 1000)
		allocs := testing.AllocsPerRun(5, func() {
			p.Keys(nil, "/x", raw, isTestKey, func(string, string) { t.Error("found") })
			for pair := range parameters(raw) {
				name, _, _ := strings.Cut(pair, "=")
				p.readsParameter(name)
				p.setsKey(name)
			}
		})
		if allocs > 10 {
			t.Errorf("%s: %.0f allocations for 3000 parameters", name, allocs)
		}
	}
	for _, name := range []string{"", "-", "api_key", "API.Key", "__api-key__", "x" + strings.Repeat("y", 63), "a b"} {
		if folded, plain := foldPlain(nil, name); plain && string(folded) != foldKey(name) {
			t.Errorf("%q is %q, and otherwise %q", name, folded, foldKey(name))
		}
	}
}
