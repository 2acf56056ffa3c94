package policy

import (
	"fmt"
	"strings"
	"testing"
)

const someKey = KeyPrefix + "0123456789abcdefghijkLMNOPQRSTUVWXYZ"

func TestDigest(t *testing.T) {
	// echo -n pk_live_test | sha256sum
	const text = "be76de3c5531b7da43429cce587c76c5d82f9026add3558e2636922a4181120a"
	d := DigestOf("pk_live_test")
	if fmt.Sprintf("%x", d[:]) != text || DigestOf("pk_live_test ") == d || DigestOf("PK_live_test") == d {
		t.Errorf("digest %x", d)
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"lower case":       {text, true},
		"upper case":       {strings.ToUpper(text), true},
		"spaces around":    {" " + text + "\n", true},
		"empty":            {"", false},
		"short":            {text[:62], false},
		"odd":              {text[:63], false},
		"odd and long":     {text + "a", false},
		"long":             {text + "ab", false},
		"very long":        {strings.Repeat(text, 100), false},
		"not hexadecimal":  {"g" + text[1:], false},
		"a key":            {someKey, false},
		"with a prefix":    {"sha256:" + text, false},
		"spaces inside":    {text[:32] + " " + text[32:], false},
		"not hex and long": {strings.Repeat("z", 100), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseDigest(c.text)
			if (err == nil) != c.ok || c.ok && got != d || !c.ok && got != (Digest{}) {
				t.Errorf("%x, %v", got, err)
			}
			if err != nil && c.text != "" && strings.Contains(err.Error(), c.text) {
				t.Errorf("the error repeats what may be a key: %v", err)
			}
		})
	}
}

func TestCheckKey(t *testing.T) {
	random := strings.Repeat("aZ9", 8)[:minKeyRandom]
	for name, c := range map[string]struct {
		key  string
		want string // part of the error; empty for none
	}{
		"shortest":       {KeyPrefix + random, ""},
		"minted":         {KeyPrefix + strings.Repeat("b", 43), ""},
		"too short":      {KeyPrefix + random[1:], "at least 22"},
		"empty":          {"", "at least 22"},
		"prefix alone":   {KeyPrefix, "at least 22"},
		"no prefix":      {strings.Repeat("b", 43), "at least 22"},
		"test prefix":    {"pk_test_" + strings.Repeat("b", 43), "at least 22"},
		"other case":     {"PK_LIVE_" + strings.Repeat("b", 43), "at least 22"},
		"line break":     {KeyPrefix + random + "\n", "letters and digits"},
		"trailing space": {KeyPrefix + random + " ", "letters and digits"},
		"leading space":  {" " + KeyPrefix + random, "at least 22"},
		"dash":           {KeyPrefix + random + "-", "letters and digits"},
		"not ASCII":      {KeyPrefix + random + "é", "letters and digits"},
		"a placeholder":  {"{env.KEY}", "at least 22"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckKey(c.key)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), random) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}
