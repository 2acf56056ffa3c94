package inject

import (
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestMayCallGateway(t *testing.T) {
	cred := vending.NewFields("app", vending.APIKey, []vending.Field{{Name: "api_key", Value: "k"}})
	isApp := func(slug string) bool { return slug == "mail" }
	for _, c := range []struct {
		upstream, path string
		want           bool
	}{
		{"https://a.example", "", false},
		{"https://a.example/base", "/v1/users", false},
		{"https://a.example", "/mail", false},
		{"https://a.example", "/proxyed/x", false},
		{"https://a.example", "/proxy/c/other/x", true},
		{"https://a.example/proxy/c/other", "/x", true},
		{"https://a.example/proxy/c", "/other", true},
		{"https://a.example/gw", "/c/mail/x", true},
		{"https://a.example/gw/c/mail", "", true},
		{"https://a.example", "//c//mail", true},
		{"https://a.example", "/c/MAIL", true},
		{"https://a.example", "/c/m%61il", true},
		{"https://a.example", "/%2570roxy/c/other", true},
		{"https://a.example", "%2Fproxy%2Fc%2Fother", true},
	} {
		p, err := NewPlacement(keyApp(c.upstream, headers("X-Key", "{api_key}")))
		if err != nil {
			t.Fatal(err)
		}
		inj, err := NewInjection(p, cred, c.path, "", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := inj.MayCallGateway(isApp); got != c.want {
			t.Errorf("%s%s: %v", c.upstream, c.path, got)
		}
	}
}
