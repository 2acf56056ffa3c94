package inject

import (
	"slices"
	"testing"
)

func TestSteering(t *testing.T) {
	for query, want := range map[string]struct {
		methods  []string
		reroutes bool
	}{
		"":                                 {},
		"a=1&b=2":                          {},
		"_method=DELETE":                   {[]string{"DELETE"}, false},
		"a=1&method=put;_METHOD=%50atch+":  {[]string{"PUT", "PATCH"}, false},
		"%5Fmethod%5B%5D=delete":           {[]string{"DELETE"}, false},
		"method=flickr.photos.search":      {},
		"_method=GET":                      {},
		"rest_route=/wp/v2/users":          {nil, true},
		"x&rest.route[0]=":                 {nil, true},
		"restroute=1&xmethod=DELETE&_meth": {},
	} {
		methods, reroutes := Steering(query)
		if !slices.Equal(methods, want.methods) || reroutes != want.reroutes {
			t.Errorf("%q: %q, %v", query, methods, reroutes)
		}
	}
}
