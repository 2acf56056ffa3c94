package lenient

import (
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "%41b%63": "Abc", "%4a%4A": "JJ", "%": "%", "%4": "%4", "%zz%41": "%zzA", "a%2": "a%2",
		"%2541": "%41", "a+b": "a+b",
		"%%41": "%A", "%c3%a9": "é", "%00": "\x00", "%4g": "%4g", "%@1": "%@1",
	} {
		if got := Decode(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	for name, want := range map[string]string{
		"X-Api-Key": "x-api-key", "x_API_key": "x-api-key", "X.Api!Key": "x-api-key", "-X-Api-Key_": "x-api-key", "É": "É",
		"": "", "__": "",
	} {
		if got := Header(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestDecodeAll(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""}, {"plain", "plain"}, {"%", "%"}, {"%4", "%4"}, {"%zz%41", "%zzA"}, {"a%20b", "a b"}, {"%2541", "A"},
		{"%25252541x", "Ax"},
		{"%2%35", "%"}, {"%%36%31", "a"}, {"%25", "%"}, {"%2525", "%"}, {"100%", "100%"},
	} {
		if got := DecodeAll(c[0]); got != c[1] {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
	}
	// As many layers as the text has room for take no longer than one.
	if got := DecodeAll("%" + strings.Repeat("25", 1<<20) + "41"); got != "A" {
		t.Errorf("a deep one became %.20q", got)
	}
}
