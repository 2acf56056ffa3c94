package inject

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// answers are header sections as providers send them.
var answers = map[string]http.Header{
	"small": {
		"Content-Type": {"application/json; charset=utf-8"}, "Date": {"Tue, 15 Nov 1994 08:12:31 GMT"},
		"Content-Length": {"1234"}, "Server": {"nginx"},
		"Cache-Control": {"private, max-age=0"}, "X-Request-Id": {"550e8400-e29b-41d4-a716-446655440000"},
		"Vary": {"Origin, Accept-Encoding"},
	},
	"large": { // as api.github.com sends
		"Content-Type": {"application/json; charset=utf-8"}, "Date": {"Tue, 15 Nov 1994 08:12:31 GMT"},
		"Server": {"github.com"}, "Status": {"200 OK"},
		"Cache-Control": {"private, max-age=60, s-maxage=60"},
		"Vary": {
			"Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"},
		"Etag":                                   {`W/"f3c3ac7a3a5f4a3ebd1a7b1fdfb1e0e9a0f7a2cd8f6a1a1a5a5a8a9a0b1c2d3e"`},
		"X-Oauth-Scopes":                         {"repo, user"},
		"X-Accepted-Oauth-Scopes":                {"repo"},
		"Github-Authentication-Token-Expiration": {"2026-02-01 10:00:00 UTC"},
		"X-Github-Media-Type":                    {"github.v3; format=json"},
		"Link": {
			`<https://api.github.com/user/repos?per_page=30&page=2>; rel="next", ` +
				`<https://api.github.com/user/repos?per_page=30&page=50>; rel="last"`},
		"X-Ratelimit-Remaining": {"4999"}, "X-Ratelimit-Reset": {"1700000000"},
		"Access-Control-Expose-Headers": {"ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit"},
		"Strict-Transport-Security":     {"max-age=31536000; includeSubdomains; preload"}, "X-Frame-Options": {"deny"},
		"Content-Security-Policy": {"default-src 'none'"},
		"X-Github-Request-Id":     {"C0DE:1F2E:3A4B5C:4D5E6F:65A1B2C3"},
		"Referrer-Policy":         {"origin-when-cross-origin, strict-origin-when-cross-origin"},
	},
}

var benchSecrets = map[string]string{
	"token":   "gho_" + strings.Repeat("aB3dE6", 6),
	"escaped": "AQVN+/" + strings.Repeat("aB3dE6", 6) + "==",
}

func BenchmarkCleanResponse(b *testing.B) {
	for kind, secret := range benchSecrets {
		for size, h := range answers {
			b.Run(kind+"/"+size, func(b *testing.B) {
				inj := injectionWith(b, keyApp("https://api.example.com",
					&catalog.Placement{Query: map[string]string{"k": "{api_key}"}}), testCredential("api_key", secret, "sub", "s"))
				b.ReportAllocs()
				for b.Loop() {
					inj.CleanResponse(h)
				}
			})
		}
	}
}

func BenchmarkScrubBody(b *testing.B) {
	for name, body := range map[string]string{
		"short": `{"error":{"message":"Invalid \"key\" provided: sk-\u0026","type":"invalid_request_error"}}`,
		"16 KB": strings.Repeat(
			`{"error":{"message":"Invalid \"key\" provided & more","id":"550e8400-e29b-41d4-a716-446655440000"}}`, 160),
		"built": strings.Repeat("%25&amp;\\\\u0026", 800),
	} {
		b.Run(name, func(b *testing.B) {
			inj := injectionWith(b,
				keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
				testCredential("api_key", benchSecrets["escaped"], "sub", "s"))
			b.ReportAllocs()
			for b.Loop() {
				inj.ScrubBody([]byte(body), 16<<10, len(body) > 16<<10)
			}
		})
	}
}
