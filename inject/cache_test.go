package inject

import (
	"net/http"
	"slices"
	"testing"
)

func TestPrivate(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"none", nil, "private"},
		{"empty", []string{""}, "private"},
		{"public", []string{"public"}, "private"},
		{"public with an age", []string{"public, max-age=60"}, "max-age=60, private"},
		{"s-maxage", []string{"s-maxage=600,max-age=60"}, "max-age=60, private"},
		{"s-maxage alone", []string{"s-maxage=600"}, "private"},
		{"odd case and spacing", []string{"\tPuBlic ,, MAX-AGE = 60 ,S-MaxAge\t=\t9"}, "MAX-AGE=60, private"},
		{"a quoted age", []string{`s-maxage="600", max-age="60"`}, `max-age="60", private`},
		{"private for fields", []string{`private="x-a, x-b", max-age=60`}, "max-age=60, private"},
		{"private for fields, without quotes", []string{`private=x-a, max-age=60`}, "max-age=60, private"},
		{"private already", []string{"private, max-age=60"}, "private, max-age=60"},
		{"private already, odd case", []string{"Private,max-age=60"}, "Private,max-age=60"},
		{"private and public", []string{"private, public"}, "private"},
		{"private, and for fields", []string{`private, private="x"`}, "private"},
		{"no-store", []string{"no-store, max-age=0"}, "no-store, max-age=0"},
		{"no-store and public", []string{"public, no-store"}, "no-store"},
		{"no-store with a value is unknown", []string{"no-store=x"}, "no-store=x, private"},
		{"no-store within quotes", []string{`ext="no-store, private", public`}, `ext="no-store, private", private`},
		{"two lines", []string{"public", "max-age=60"}, "max-age=60, private"},
		{"two lines, one private", []string{"private", "public, s-maxage=9"}, "private"},
		{"two lines, one no-store", []string{"no-store", "max-age=60"}, "no-store, max-age=60"},
		{"must-revalidate", []string{"max-age=60, must-revalidate"}, "max-age=60, must-revalidate, private"},
		{"no-cache for fields", []string{`no-cache="x-a", public`}, `no-cache="x-a", private`},
		{"without commas", []string{"public max-age=60"}, "max-age=60, private"},
		{"private without commas", []string{"private; max-age=60"}, "max-age=60, private"},
		{"a quote without end", []string{`ext="a, private`}, "private"},
		{"a quote that a backslash keeps open", []string{`ext="a\", private", public`}, `ext="a\", private", private`},
		{"a quote that ends in a backslash", []string{`ext="a\`}, "private"},
		{"no directive", []string{`,;"public", =`}, "private"},
		{"of more than one word", []string{"publicly, s-maxage-x=1"}, "publicly, s-maxage-x=1, private"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			if c.lines != nil {
				h[cacheControl] = c.lines
			}
			Private(h)
			if got := h[cacheControl]; !slices.Equal(got, []string{c.want}) {
				t.Errorf("%q became %q, want %q", c.lines, got, c.want)
			}
		})
	}
}

func TestSteersCaches(t *testing.T) {
	for name, want := range map[string]bool{
		"Cdn-Cache-Control": true, "Cloudflare-Cdn-Cache-Control": true, "Vercel-Cdn-Cache-Control": true,
		"X-Litespeed-Cache-Control": true,
		"Surrogate-Control":         true, "Surrogate-Key": true, "Edge-Control": true, "Edge-Cache-Tag": true,
		"Cache-Tag":         true,
		"X-Accel-Expires":   true,
		"X-Accel-Buffering": false, "Cache-Control": false, "Etag": false, "Expires": false, "Age": false, "X-Cache": false,
		"Vary": false,
	} {
		if steersCaches(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
