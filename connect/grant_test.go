package connect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

var grantCases = map[string]GrantValues{
	"empty": {},
	"oauth": {AccessToken: "ya29.a", RefreshToken: "1//r", TokenType: "bearer", Scope: "a b",
		Expiry: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	"fields": {Fields: []vending.Field{{Name: "api_key", Value: "sk-1"}, {Name: "site", Value: "é\x00\n"}}},
	"site names": {Fields: []vending.Field{{Name: "host", Value: "a.example"}},
		SiteNames: []string{"www.a.example", "b.example:8080/blog"}},
	"before 1970": {AccessToken: "x", Expiry: time.Unix(-5, 0).UTC()},
	"long":        {AccessToken: strings.Repeat("a", 20000), RefreshToken: strings.Repeat("b", 300)},
}

func TestGrantCodec(t *testing.T) {
	for name, want := range grantCases {
		t.Run(name, func(t *testing.T) {
			plain, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			g, err := DecodeGrant(plain)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Reveal(); !reflect.DeepEqual(got, want) {
				t.Errorf("decoded another grant than encoded")
			}
			if !bytes.Equal(plain, make([]byte, len(plain))) {
				t.Error("the plain text was not wiped")
			}
		})
	}
}

func TestGrantTooLarge(t *testing.T) {
	_, err := GrantValues{AccessToken: strings.Repeat("a", MaxGrant)}.Encode()
	if vending.AsError(err).Code != vending.InvalidRequest {
		t.Errorf("error %v, want invalid_request", err)
	}
}

// FuzzDecodeGrant looks for input that makes the decoder panic, or allocate without bound.
func FuzzDecodeGrant(f *testing.F) {
	for _, v := range grantCases {
		plain, err := v.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
		f.Add(plain[:len(plain)-1])
	}
	f.Add([]byte{grantFormat, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := DecodeGrant(bytes.Clone(data))
		if err != nil {
			return
		}
		again, err := g.Reveal().Encode()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := DecodeGrant(again); err != nil || !reflect.DeepEqual(g, h) {
			t.Errorf("a decoded grant does not survive: %v", err)
		}
	})
}

func TestGrantNeverPrints(t *testing.T) {
	v := GrantValues{AccessToken: "ya29.canary", RefreshToken: "1//canary",
		Fields: []vending.Field{{Name: "k", Value: "sk-canary"}}}
	g := NewGrant(v)
	nested := struct{ g Grant }{g}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "grant", g, "values", v, "nested", nested)
	encoded, err := json.Marshal(map[string]any{"grant": g, "values": v})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v %v", g, v), "%+v": fmt.Sprintf("%+v %+v", g, v), "%#v": fmt.Sprintf("%#v %#v", g, v),
		"%s": fmt.Sprintf("%s %s", g, v), "%q": fmt.Sprintf("%q %q", g, v), "%x": fmt.Sprintf("%x %x", g, v),
		"nested": fmt.Sprintf("%v %+v %#v", nested, nested, nested), "log": log.String(), "json": string(encoded),
	} {
		if strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("%s prints the grant", name)
		}
	}
}

// TestGrantFormats: a grant from before there were names of sites opens, and what is not exactly
// one of either format is refused.
func TestGrantFormats(t *testing.T) {
	old := []byte("\x01\x00" + "\x01a" + "\x00" + "\x06bearer" + "\x00" + "\x01" + "\x04host" + "\x09a.example")
	want := GrantValues{AccessToken: "a", TokenType: "bearer", Fields: []vending.Field{{Name: "host", Value: "a.example"}}}
	if g, err := DecodeGrant(bytes.Clone(old)); err != nil || !reflect.DeepEqual(g.Reveal(), want) {
		t.Fatalf("the old format: %v", err)
	}
	if plain, err := want.Encode(); err != nil || !bytes.Equal(plain, old) {
		t.Errorf("a grant without names is not in the old format: %q, %v", plain, err)
	}
	named := want
	named.SiteNames = []string{"www.a.example", "b.example/git"}
	plain, err := named.Encode()
	if err != nil {
		t.Fatal(err)
	}
	altered := map[string][]byte{
		"as the old format": append([]byte{grantFormat}, plain[1:]...),
		"as a later one":    append([]byte{grantNamed + 1}, plain[1:]...),
		"old, as named":     append([]byte{grantNamed}, old[1:]...),
		"more after it":     append(bytes.Clone(plain), 0),
		"no names":          append(append([]byte{grantNamed}, old[1:]...), 0),
		"blank names":       append(append([]byte{grantNamed}, old[1:]...), 2, ' ', ' '),
	}
	for n := range plain {
		altered[fmt.Sprint("cut to ", n)] = bytes.Clone(plain[:n])
	}
	for name, data := range altered {
		if g, err := DecodeGrant(data); err == nil || !g.IsZero() {
			t.Errorf("%s: it opened", name)
		}
	}
}
