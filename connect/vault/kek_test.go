package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// newKEK returns a new key-encryption key and its text.
func newKEK(t *testing.T) (KEK, string) {
	t.Helper()
	text, fingerprint := CreateKEK()
	k, err := ParseKEK(text + "\n")
	if err != nil || k.Fingerprint() != fingerprint {
		t.Fatalf("fingerprint %s, %v; want %s", k.Fingerprint(), err, fingerprint)
	}
	return k, text
}

func TestCreateKEK(t *testing.T) {
	first, text := newKEK(t)
	second, _ := newKEK(t)
	if first.Fingerprint() == second.Fingerprint() || len(first.Fingerprint()) != 8 {
		t.Errorf("fingerprints %s and %s", first.Fingerprint(), second.Fingerprint())
	}
	if key, err := base64.StdEncoding.DecodeString(text); err != nil || len(key) != 32 {
		t.Errorf("%d bytes, %v; want 32", len(key), err)
	}
}

// TestKEKIsNotShown prints a key in every way that a log or an error may.
func TestKEKIsNotShown(t *testing.T) {
	k, text := newKEK(t)
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	options := struct{ Keys []KEK }{[]KEK{k}}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		fmt.Fprintf(&shown, verb+verb+verb, k, &k, options)
	}
	for _, value := range []any{k, options} {
		if err := json.NewEncoder(&shown).Encode(value); err != nil {
			t.Fatal(err)
		}
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("opened", "key", k, "options", options)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("opened", "key", k, "options", options)
	for _, form := range []string{text, fmt.Sprintf("%x", key), fmt.Sprintf("%X", key),
		fmt.Sprintf("%v", key), string(key)} {
		if strings.Contains(shown.String(), form) {
			t.Errorf("the key is shown: %q", shown.String())
		}
	}
	if !strings.Contains(shown.String(), k.Fingerprint()) {
		t.Error("the fingerprint is not shown")
	}
}

func TestParseKEKRefuses(t *testing.T) {
	secret := strings.Repeat("NEVERSHOWN", 4)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":              {"", ErrKEKForm},
		"blank":              {" \n", ErrKEKForm},
		"not base64":         {secret + "!", ErrKEKForm},
		"too short":          {base64.StdEncoding.EncodeToString([]byte(secret[:31])), ErrKEKForm},
		"too long":           {base64.StdEncoding.EncodeToString([]byte(secret[:33])), ErrKEKForm},
		"hexadecimal":        {strings.Repeat("0f", 32), ErrKEKForm},
		"zeros":              {base64.StdEncoding.EncodeToString(make([]byte, 32)), ErrKEKForm},
		"two lines":          {base64.StdEncoding.EncodeToString([]byte(secret[:32])) + "\nx", ErrKEKForm},
		"an unknown service": {"gcp-kms://" + secret, ErrKEKService},
		"a database":         {"postgres://user:" + secret + "@host/db", ErrKEKService},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseKEK(c.text)
			if !errors.Is(err, c.want) || k != (KEK{}) {
				t.Errorf("%v, %v; want %v", k, err, c.want)
			}
			if strings.Contains(err.Error(), "NEVER") || c.text != "" &&
				strings.Contains(err.Error(), strings.TrimSpace(c.text)) &&
				len(c.text) > 3 {
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
}

// service is a key management service of one key, as a build may register.
type service struct{ KEK }

func (s service) Supported(uri string) bool { return strings.HasPrefix(uri, "test-kms://") }

func (s service) GetAEAD(uri string) (tink.AEAD, error) {
	if uri != "test-kms://ring/key" {
		return nil, errors.New("there is no such key")
	}
	return s.aead, nil
}

func TestKeyManagementService(t *testing.T) {
	inside, _ := newKEK(t)
	registry.RegisterKMSClient(service{inside})
	t.Cleanup(registry.ClearKMSClients)
	if _, err := ParseKEK("test-kms://ring/other"); err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("an unknown key: %v", err)
	}
	k, err := ParseKEK("test-kms://ring/key")
	if err != nil {
		t.Fatal(err)
	}
	if k.Fingerprint() == inside.Fingerprint() || len(k.Fingerprint()) != 8 {
		t.Errorf("fingerprint %q", k.Fingerprint())
	}
	in := Sealed(new(row), []KEK{k})
	v := New(at(in))
	if err := v.Create(in); err != nil {
		t.Fatal(err)
	}
	ad := []byte("ad")
	sealed := seal(t, v, "secret", ad)
	other := New(at(in))
	if err := other.Load(in, sealed, ad); err != nil {
		t.Fatal(err)
	}
	wantPlain(t, other, sealed, ad, "secret")
}
