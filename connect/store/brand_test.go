package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func TestBrand(t *testing.T) { storetest.DirectAtOnce(t, testBrand) }

func testBrand(t *testing.T) {
	long := "https://cdn.example/" + strings.Repeat("x", connect.MaxLogoURL-len("https://cdn.example/"))
	for name, c := range map[string]struct{ given, want connect.Brand }{
		"nothing": {connect.Brand{}, connect.Brand{}},
		"trimmed": {connect.Brand{Name: "  Acme, Inc. \t", Accent: " #0A66C2 "},
			connect.Brand{Name: "Acme, Inc.", Accent: "#0a66c2"}},
		"other words": {connect.Brand{Name: "Zażółć — 株式会社 عربى 👩‍💻"}, connect.Brand{Name: "Zażółć — 株式会社 عربى 👩‍💻"}},
		"full name": {connect.Brand{Name: strings.Repeat("x", connect.MaxBrandName)},
			connect.Brand{Name: strings.Repeat("x", connect.MaxBrandName)}},
		"logo": {connect.Brand{LogoURL: "https://cdn.example:8443/a/b.svg?v=1&w=2"},
			connect.Brand{LogoURL: "https://cdn.example:8443/a/b.svg?v=1&w=2"}},
		"long logo": {connect.Brand{LogoURL: long}, connect.Brand{LogoURL: long}},
		"frames": {connect.Brand{FrameAncestors: []string{"https://app.example", "https://b.example:444",
			"http://localhost:3000",
			"http://127.0.0.1"}},
			connect.Brand{FrameAncestors: []string{"https://app.example", "https://b.example:444", "http://localhost:3000",
				"http://127.0.0.1"}}},
		"no frame": {connect.Brand{FrameAncestors: []string{}}, connect.Brand{}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, other := openStore(t, dir), openStore(t, dir)
			must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
			must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "born", Email: "ops@born.example", Brand: c.given}))
			before := must[int64](t)(other.TenantsVersion(t.Context()))
			if err := s.SetBrand(t.Context(), "acme", c.given); err != nil {
				t.Fatal(err)
			}
			if after := must[int64](t)(other.TenantsVersion(t.Context())); after != before+1 {
				t.Errorf("the tenants' version went from %d to %d: other processes would not look", before, after)
			}
			for _, id := range []string{"acme", "born"} {
				if got := must[connect.Tenant](t)(other.Tenant(t.Context(), id)); got.ID != id ||
					!reflect.DeepEqual(got.Brand, c.want) ||
					len(got.Keys) != 1 {
					t.Errorf("%+v, want %+v", got, c.want)
				}
			}
			checked := c.given
			if err := checked.Normalize(); err != nil || checked.Name != c.want.Name ||
				checked.Accent != c.want.Accent {
				t.Errorf("normalized: %+v, %v; want %+v", checked, err, c.want)
			}
		})
	}
}

// TestBrandRefuses tries what would change a page, or its Content-Security-Policy, in which the
// origins land.
func TestBrandRefuses(t *testing.T) { storetest.EachAtOnce(t, testBrandRefuses) }

func testBrandRefuses(t *testing.T) {
	logo := func(url string) connect.Brand { return connect.Brand{LogoURL: url} }
	frame := func(origins ...string) connect.Brand { return connect.Brand{FrameAncestors: origins} }
	s := openStore(t, t.TempDir())
	must[string](t)(s.CreateTenant(t.Context(),
		connect.Tenant{ID: "acme", Email: "ops@acme.example", Brand: connect.Brand{Name: "Before"}}))
	for name, c := range map[string]struct {
		brand connect.Brand
		names string
	}{
		"name of two lines":         {connect.Brand{Name: "canary\nx"}, "name:"},
		"name that turns around":    {connect.Brand{Name: "canary \u202eknab"}, "name:"},
		"name in an isolate":        {connect.Brand{Name: "canary\u2066"}, "name:"},
		"name not UTF-8":            {connect.Brand{Name: "canary\xff"}, "name:"},
		"long name":                 {connect.Brand{Name: strings.Repeat("canary", 20)}, "name:"},
		"accent by name":            {connect.Brand{Accent: "canary"}, "accent:"},
		"short accent":              {connect.Brand{Accent: "#abc"}, "accent:"},
		"accent and more":           {connect.Brand{Accent: "#0a66c2;canary:x"}, "accent:"},
		"accent of a line":          {connect.Brand{Accent: "#0a66c2\n#0a66c2"}, "accent:"},
		"accent with alpha":         {connect.Brand{Accent: "#0a66c2ff"}, "accent:"},
		"logo without TLS":          {logo("http://cdn.example/canary"), "logo_url:"},
		"logo of data":              {logo("data:image/svg+xml,canary"), "logo_url:"},
		"logo of a script":          {logo("javascript:canary"), "logo_url:"},
		"logo of any scheme":        {logo("//cdn.example/canary"), "logo_url:"},
		"logo of no host":           {logo("https:///canary"), "logo_url:"},
		"opaque logo":               {logo("https:canary.example"), "logo_url:"},
		"logo with user info":       {logo("https://canary:pass@cdn.example/x"), "logo_url:"},
		"logo with empty user info": {logo("https://@cdn.example/canary"), "logo_url:"},
		"logo with a fragment":      {logo("https://cdn.example/x#canary"), "logo_url:"},
		"logo with a directive":     {logo("https://cdn.example/;script-src *canary"), "logo_url:"},
		"logo with a semicolon":     {logo("https://cdn.example;script-src/canary"), "logo_url:"},
		"logo with a comma":         {logo("https://cdn.example,canary/x"), "logo_url:"},
		"logo with a space":         {logo("https://cdn.example/x canary"), "logo_url:"},
		"logo with a space in host": {logo("https://cdn.example canary/x"), "logo_url:"},
		"logo with a tab":           {logo("https://cdn.example/\tcanary"), "logo_url:"},
		"logo with a line":          {logo("https://cdn.example/\ncanary"), "logo_url:"},
		"logo with a quote":         {logo(`https://cdn.example/"onerror=canary`), "logo_url:"},
		"logo with a single quote":  {logo(`https://'unsafe-inline'/canary`), "logo_url:"},
		"logo with a tag":           {logo("https://cdn.example/<canary>"), "logo_url:"},
		"logo of a wildcard":        {logo("https://*/canary"), "logo_url:"},
		"logo of a wild subdomain":  {logo("https://*.example/canary"), "logo_url:"},
		"logo of a slot":            {logo("https://{canary}.example/x"), "logo_url:"},
		"logo of an escaped host":   {logo("https://cdn%2eexample%3bcanary/x"), "logo_url:"},
		"logo of an empty port":     {logo("https://cdn.example:/canary"), "logo_url:"},
		"logo of no such port":      {logo("https://cdn.example:65536/canary"), "logo_url:"},
		"logo of IDN":               {logo("https://canaré.example/x"), "logo_url:"},
		"logo of IPv6":              {logo("https://[::1]/canary"), "logo_url:"},
		"long logo":                 {logo("https://cdn.example/" + strings.Repeat("canary", 200)), "logo_url:"},
		"eleven frames": {frame(strings.Fields(strings.Repeat("https://canary.example ", 11))...),
			"frame_ancestors:"},
		"empty frame":               {frame(""), "frame_ancestors:"},
		"any frame":                 {frame("*"), "frame_ancestors:"},
		"any subdomain":             {frame("https://*.canary.example"), "frame_ancestors:"},
		"keyword":                   {frame("'self'"), "frame_ancestors:"},
		"scheme alone":              {frame("https:"), "frame_ancestors:"},
		"scheme and slashes":        {frame("https://"), "frame_ancestors:"},
		"host alone":                {frame("canary.example"), "frame_ancestors:"},
		"without TLS":               {frame("http://canary.example"), "frame_ancestors:"},
		"without TLS, nearly local": {frame("http://localhost.canary.example"), "frame_ancestors:"},
		"with a slash":              {frame("https://canary.example/"), "frame_ancestors:"},
		"with a path":               {frame("https://canary.example/x"), "frame_ancestors:"},
		"with a query":              {frame("https://canary.example?x"), "frame_ancestors:"},
		"with an empty query":       {frame("https://canary.example?"), "frame_ancestors:"},
		"with a fragment":           {frame("https://canary.example#"), "frame_ancestors:"},
		"with user info":            {frame("https://x@canary.example"), "frame_ancestors:"},
		"two in one":                {frame("https://canary.example https://b.example"), "frame_ancestors:"},
		"with a directive":          {frame("https://canary.example; script-src *"), "frame_ancestors:"},
		"with a semicolon":          {frame("https://canary.example;"), "frame_ancestors:"},
		"with a comma":              {frame("https://canary.example,"), "frame_ancestors:"},
		"with a line":               {frame("https://canary.example\r\nSet-Cookie: x=y"), "frame_ancestors:"},
		"with space before":         {frame(" https://canary.example"), "frame_ancestors:"},
		"upper-case scheme":         {frame("HTTPS://canary.example"), "frame_ancestors:"},
		"no such port":              {frame("https://canary.example:99999"), "frame_ancestors:"},
		"the second of two":         {frame("https://ok.example", "canary"), "frame_ancestors:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, created := s.CreateTenant(t.Context(), connect.Tenant{ID: "other", Email: "ops@other.example", Brand: c.brand})
			for _, err := range []error{s.SetBrand(t.Context(), "acme", c.brand), created, c.brand.Normalize()} {
				e := new(vending.Error)
				if !errors.As(err, &e) || e.Code != vending.InvalidRequest || !strings.HasPrefix(e.Text(), c.names) {
					t.Fatalf("error %v, want one that begins with %s", err, c.names)
				}
				if b := new(connect.BrandError); !errors.As(err, &b) || b.Field+":" != c.names {
					t.Errorf("the error is about the field %q, want %s", b.Field, c.names)
				}
				if strings.Contains(err.Error(), "canar") {
					t.Error("the error repeats the value")
				}
			}
		})
	}
	tenants := must[[]connect.Tenant](t)(s.Tenants(t.Context()))
	if len(tenants) != 1 || tenants[0].Brand.Name != "Before" {
		t.Errorf("the tenants are now %+v", tenants)
	}
}

func TestBrandOfNobody(t *testing.T) { storetest.EachAtOnce(t, testBrandOfNobody) }

func testBrandOfNobody(t *testing.T) {
	s := openStore(t, t.TempDir())
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	for _, id := range []string{"nobody", ""} {
		if err := s.SetBrand(t.Context(), id, connect.Brand{}); !errors.Is(err, connect.ErrTenantUnknown) {
			t.Errorf("SetBrand: %v, want %v", err, connect.ErrTenantUnknown)
		}
		if _, err := s.Tenant(t.Context(), id); !errors.Is(err, connect.ErrTenantUnknown) {
			t.Errorf("Tenant: %v, want %v", err, connect.ErrTenantUnknown)
		}
	}
}
