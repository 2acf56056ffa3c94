package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func TestMaskUser(t *testing.T) {
	for user, want := range map[string]string{
		"mary@example.com":             "m…y@example.com",
		"my@example.com":               "m…@example.com",
		"m@example.com":                "m…@example.com",
		"bob@example.com":              "b…b@example.com",
		"first.last+tag@example.com":   "f…g@example.com",
		`"odd@local"@example.com`:      `"…"@example.com`,
		"user@[192.0.2.1]":             "u…r@[192.0.2.1]",
		"customer-4711":                "c…1",
		"żółć@example.com":             "ż…ć@example.com",
		"@example.com":                 "…@example.com",
		"":                             "…",
		strings.Repeat("x", 64) + "@a": "x…x@a",
	} {
		if got := connect.MaskUser(user); got != want {
			t.Errorf("%q is masked as %q; want %q", user, got, want)
		}
	}
}

// TestUserHint keeps what a tenant says, and shows it to every reader of the store.
func TestUserHint(t *testing.T) { storetest.EachAtOnce(t, testUserHint) }

func testUserHint(t *testing.T) {
	s := openStore(t, t.TempDir())
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	for given, want := range map[string]string{
		"": "", "masked": "masked", "off": "off", "  off ": "off", "For {user}": "For {user}",
		"For {user}, {user}":       "For {user}, {user}",
		"To whoever runs the shop": "To whoever runs the shop", "株式会社のお客様": "株式会社のお客様",
		"<b>{user}</b>": "<b>{user}</b>", strings.Repeat("x y ", 49) + "full": strings.Repeat("x y ", 49) + "full",
	} {
		if err := s.SetBrand(t.Context(), "acme", connect.Brand{UserHint: given}); err != nil {
			t.Errorf("%q: %v", given, err)
		}
		if got := must[connect.Tenant](t)(s.Tenant(t.Context(), "acme")); got.Brand.UserHint != want {
			t.Errorf("%q is kept as %q; want %q", given, got.Brand.UserHint, want)
		}
	}
	must[string](t)(s.CreateTenant(t.Context(),
		connect.Tenant{ID: "born", Email: "ops@born.example", Brand: connect.Brand{UserHint: "off"}}))
	if got := must[connect.Tenant](t)(s.Tenant(t.Context(), "born")); got.Brand.UserHint != "off" {
		t.Errorf("of a new tenant it is %q", got.Brand.UserHint)
	}
}

func TestUserHintRefuses(t *testing.T) {
	for _, hint := range []string{
		"none", "Off", "OFF", "mask", "true", "of", "two\nlines canary", "tab\tcanary", "turned \u202eyranac", "canary \xff",
		"For {email} canary", "For {env.HOME} canary", "For {user canary", "For user} canary", "{} canary",
		strings.Repeat("canary ", 29),
	} {
		var e *vending.Error
		if err := (&connect.Brand{UserHint: hint}).Normalize(); !errors.As(err, &e) ||
			e.Code != vending.InvalidRequest ||
			!strings.HasPrefix(e.Text(), "user_hint: ") ||
			strings.Contains(e.Text(), "canary") {
			t.Errorf("%q: %v", hint, err)
		}
	}
}
