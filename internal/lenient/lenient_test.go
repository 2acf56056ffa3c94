package lenient

import "testing"

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "%41b%63": "Abc", "%4a%4A": "JJ", "%": "%", "%4": "%4", "%zz%41": "%zzA", "a%2": "a%2", "%2541": "%41", "a+b": "a+b",
		"%%41": "%A", "%c3%a9": "é", "%00": "\x00", "%4g": "%4g", "%@1": "%@1",
	} {
		if got := Decode(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	for name, want := range map[string]string{
		"X-Api-Key": "x-api-key", "x_API_key": "x-api-key", "X.Api!Key": "x-api-key", "-X-Api-Key_": "x-api-key", "É": "É", "": "", "__": "",
	} {
		if got := Header(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
