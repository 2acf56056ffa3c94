package inject

import (
	"net/http"
	"strings"
	"testing"
)

// BenchmarkElsewhere is what the search for the caller's key costs a call: the header of an SDK, a
// path, a query with escapes; and bodies that are held.
func BenchmarkElsewhere(b *testing.B) {
	p := mustPlace(b, keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}")))
	key := NewKey("ck_" + strings.Repeat("aZ0", 14) + "x")
	h := http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"},
		"Authorization":    {"Bearer ck_" + strings.Repeat("aZ0", 14) + "x"},
		"User-Agent":       {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0"},
		"X-Stainless-Lang": {"js"}, "Accept-Encoding": {"gzip, deflate, br"},
		"X-Amz-Content-Sha256": {strings.Repeat("0123456789abcdef", 4)},
		"Idempotency-Key":      {"550e8400-e29b-41d4-a716-446655440000"},
	}
	for name, query := range map[string]string{"plain": "",
		"query": "q=in%3Ainbox%20after%3A2024%2F01%2F01&fields=a%2Cb&filter%5Bname%5D=x&pageToken=09876543210987654321"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p.Elsewhere(key, h, nil, "/gmail/v1/users/me/messages", query) != "" {
					b.Fatal("found")
				}
			}
		})
	}
	for name, body := range map[string]string{
		"json":   `{"model":"m","messages":[{"role":"user","content":"say \"hello\"\nand goodbye \u00e9"}],`,
		"base64": strings.Repeat("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ", 2),
		"text":   "all work and no play makes Jack a dull boy. ",
		"binary": "\x00\x01%\xff\x80ABCDEFG\\\n", "form": "name=a%20b%2Fc&",
	} {
		text := []byte(strings.Repeat(body, 64<<10/len(body)))
		b.Run("body "+name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if key.In(string(text)) {
					b.Fatal("found")
				}
			}
		})
	}
}

// BenchmarkKeys is what reading the places of an app costs a call that has its key in
// Authorization.
func BenchmarkKeys(b *testing.B) {
	p := mustPlace(b, keyApp("https://api.example.com", headers("X-Api-Key", "{api_key}")))
	h := http.Header{"Authorization": {"Bearer x"}, "Accept": {"application/json"}}
	b.ReportAllocs()
	for b.Loop() {
		p.Keys(h, "/gmail/v1/users/me/messages", "q=x", func(string) bool { return false }, func(string, string) {})
		if p.Fills(h, "/gmail/v1/users/me/messages", "q=x") {
			b.Fatal("filled")
		}
	}
}
