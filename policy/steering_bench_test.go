package policy

import (
	"net/http"
	"testing"
)

// BenchmarkPermit is what rules cost a call: none, a plain one, and one with an odd path and a
// query.
func BenchmarkPermit(b *testing.B) {
	rules := Rules{allow("app", "/v1/**", "GET"), deny("*", "/v1/admin/**"), deny("*", "", "DELETE")}
	header := http.Header{"Accept": {"*/*"}, "User-Agent": {"x"}, "Content-Type": {"application/json"},
		"X-Request-Id": {"1"}}
	for name, c := range map[string]struct {
		rules       Rules
		path, query string
	}{
		"none":  {nil, "/v1/models", ""},
		"plain": {rules, "/v1/models/x", "limit=10&after=abc"},
		"odd":   {rules, "/v1/models/a%20b%2Fc;v=1/x.json", "limit=10&after=abc"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s := new(Steering)
			for b.Loop() {
				if err := s.Permit(Call{App: "app", Method: "GET", Path: c.path, RawQuery: c.query, Header: header},
					c.rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
