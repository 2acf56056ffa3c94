package policy

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestDomainsSplit(t *testing.T) {
	d := Domains{"gw.example.com", "localhost"}
	for name, c := range map[string]struct {
		host, label, domain, port string
	}{
		"plain":                   {"stripe.gw.example.com", "stripe", "gw.example.com", ""},
		"another domain":          {"stripe.localhost:8443", "stripe", "localhost", ":8443"},
		"a port":                  {"stripe.gw.example.com:8443", "stripe", "gw.example.com", ":8443"},
		"an empty port":           {"stripe.gw.example.com:", "stripe", "gw.example.com", ""},
		"the dot of the root":     {"stripe.gw.example.com.", "stripe", "gw.example.com", ""},
		"dot and port":            {"stripe.gw.example.com.:1", "stripe", "gw.example.com", ":1"},
		"upper case":              {"Stripe--FILES.GW.Example.COM", "stripe--files", "gw.example.com", ""},
		"no app, but a label":     {"_x.gw.example.com", "_x", "gw.example.com", ""},
		"the domain alone":        {host: "gw.example.com"},
		"the other domain alone":  {host: "localhost"},
		"two labels":              {host: "a.b.gw.example.com"},
		"an empty label":          {host: ".gw.example.com"},
		"a name that ends alike":  {host: "stripe.xgw.example.com"},
		"another name":            {host: "stripe.example.com"},
		"two dots at the end":     {host: "stripe.gw.example.com.."},
		"a port that is no port":  {host: "stripe.gw.example.com:80evil"},
		"a port with six digits":  {host: "stripe.gw.example.com:123456"},
		"two ports":               {host: "stripe.gw.example.com:80:80"},
		"userinfo":                {host: "u@evil.example"},
		"an address":              {host: "127.0.0.1:80"},
		"an address of version 6": {host: "[::1]:80"},
		"empty":                   {host: ""},
		"a colon":                 {host: ":"},
	} {
		t.Run(name, func(t *testing.T) {
			label, domain, port, ok := d.Split(c.host)
			if label != c.label || domain != c.domain || port != c.port || ok != (c.label != "") {
				t.Errorf("%q is %q, %q, %q, %t", c.host, label, domain, port, ok)
			}
		})
	}
}

// TestDomainsSplitAllocates: every call pays for it where apps are addressed by host, too.
func TestDomainsSplitAllocates(t *testing.T) {
	for _, d := range []Domains{nil, {"gw.example.com"}} {
		for _, host := range []string{"gateway.example.com:8080", "stripe.gw.example.com"} {
			if n := testing.AllocsPerRun(100, func() { d.Split(host) }); n > 0 {
				t.Errorf("%v of %s: %v allocations", d, host, n)
			}
		}
	}
}

func TestDomainsHold(t *testing.T) {
	d := Domains{"gw.example.com"}
	for name, want := range map[string]bool{
		"gw.example.com": true, "stripe.gw.example.com": true, "a.b.GW.example.com": true,
		"example.com": false, "xgw.example.com": false, "gw.example.com.evil.example": false, "": false,
	} {
		if got := d.Hold(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

func TestDomainsCheck(t *testing.T) {
	long := strings.Repeat("a.", maxDomain/2+1)
	for name, c := range map[string]struct {
		domains Domains
		want    string
	}{
		"none":                {nil, ""},
		"one":                 {Domains{"gw.example.com"}, ""},
		"several":             {Domains{"gw.example.com", "gw.example.org", "xgw.example.com"}, ""},
		"one label":           {Domains{"localhost"}, ""},
		"the longest":         {Domains{long[:maxDomain]}, ""},
		"an international":    {Domains{"xn--bcher-kva.example"}, ""},
		"a duplicate":         {Domains{"gw.example.com", "gw.example.com"}, "duplicate"},
		"one below the other": {Domains{"gw.example.com", "eu.gw.example.com"}, "overlap"},
		"one above the other": {Domains{"eu.gw.example.com", "gw.example.com"}, "overlap"},
		"a wildcard":          {Domains{"*.gw.example.com"}, "write the domain alone, like gw.example.com"},
		"a port":              {Domains{"gw.example.com:8443"}, "port or a scheme"},
		"a URL":               {Domains{"https://gw.example.com"}, "port or a scheme"},
		"upper case":          {Domains{"GW.example.com"}, "write gw.example.com"},
		"too long":            {Domains{long + "a"}, "too long"},
		"empty":               {Domains{""}, "not a DNS name"},
		"a dot at the end":    {Domains{"gw.example.com."}, "not a DNS name"},
		"an underscore":       {Domains{"my_gw.example.com"}, "not a DNS name"},
		"a placeholder":       {Domains{"{env.GW}"}, "not a DNS name"},
		"a hyphen first":      {Domains{"-gw.example.com"}, "not a DNS name"},
		"a long label":        {Domains{strings.Repeat("a", 64) + ".example"}, "not a DNS name"},
		"an address":          {Domains{"127.0.0.1"}, "is an address"},
		"in Unicode":          {Domains{"bücher.example"}, "not a DNS name"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.domains.Check()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestParseHostTarget: all of the target is the app's, byte for byte, and what is refused by path
// is refused by host.
func TestParseHostTarget(t *testing.T) {
	for uri, want := range map[string]Target{
		"/":                      {App: "stripe", Path: "/"},
		"/v1/charges?limit=1&a=": {App: "stripe", Path: "/v1/charges", RawQuery: "limit=1&a=", HasQuery: true},
		"/proxy/c1/gmail/x":      {App: "stripe", Path: "/proxy/c1/gmail/x"},
		"/connect/api?":          {App: "stripe", Path: "/connect/api", HasQuery: true},
		"//a%2Fb":                {App: "stripe", Path: "//a%2Fb"},
	} {
		if got, err := ParseHostTarget("GET", uri, "stripe"); err != nil || got != want {
			t.Errorf("%s is %+v, %v", uri, got, err)
		}
	}
	for _, uri := range []string{
		"", "*", "http://stripe.gw.example.com/v1", "stripe.gw.example.com:443", "/a/../b", "/%2e%2e/b", "/a#b", "/a?b#c",
		"/a%00", `/a\b`,
	} {
		if got, err := ParseHostTarget("GET", uri, "stripe"); code(t, err) != vending.InvalidRequest ||
			got != (Target{App: "stripe"}) {
			t.Errorf("%q is %+v, %v", uri, got, err)
		}
	}
	for _, spelling := range dotSegments {
		if _, err := ParseHostTarget("GET", "/a/"+spelling+"/b", "stripe"); code(t, err) != vending.InvalidRequest {
			t.Errorf("%q passes: %v", spelling, err)
		}
	}
	if _, err := ParseHostTarget("TRACE", "/", "stripe"); code(t, err) != vending.InvalidRequest {
		t.Errorf("TRACE passes: %v", err)
	}
}
