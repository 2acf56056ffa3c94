package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// kekLen is the length of a key-encryption key: AES-256.
const kekLen = 32

// Why a text is not taken for a key-encryption key. None repeats it.
var (
	ErrKEKForm = errors.New("a key-encryption key is 32 random bytes in base64: " +
		"create one with `vendgate keyset kek create`")
	ErrKEKService = errors.New("this build has no key management service for it: " +
		"build in the module that registers the service with Tink, or use a key of `vendgate keyset kek create`")
)

// KEK is a key-encryption key. It seals a keyset that is kept in the database, and nothing else. No
// method shows its value.
type KEK struct {
	aead        tink.AEAD
	fingerprint string
}

// CreateKEK returns a new key as text, which is secret, and its fingerprint, which is not.
func CreateKEK() (text, fingerprint string) {
	var key [kekLen]byte
	_, _ = rand.Read(key[:]) // it never fails; see its documentation
	defer clear(key[:])
	return base64.StdEncoding.EncodeToString(key[:]), fingerprintOf(key[:])
}

// scheme is how the address of a key in a key management service begins.
var scheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]{0,31}://`)

// ParseKEK reads what CreateKEK made; white space around it is ignored. It also takes the address
// of a key in a key management service, such as gcp-kms://projects/…, if a client for that is
// registered with Tink (registry.RegisterKMSClient): a build that imports one of Tink's modules,
// such as tink-go-gcpkms, registers it in an init of its own. Errors never repeat text.
func ParseKEK(text string) (KEK, error) {
	text = strings.TrimSpace(text)
	if s := scheme.FindString(text); s != "" {
		return serviceKEK(s, text)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	defer clear(key)
	if err != nil || text == "" {
		return KEK{}, ErrKEKForm
	}
	if len(key) != kekLen {
		return KEK{}, fmt.Errorf("%w; this one has %d bytes", ErrKEKForm, len(key))
	}
	if [kekLen]byte(key) == [kekLen]byte{} {
		return KEK{}, fmt.Errorf("%w; this one is zeros", ErrKEKForm)
	}
	a, err := subtle.NewAESGCM(key)
	if err != nil {
		return KEK{}, ErrKEKForm
	}
	return KEK{a, fingerprintOf(key)}, nil
}

// serviceKEK returns the key of a key management service. What the service says goes into the
// error, which names no key; the scheme alone is repeated, because a password may have been pasted
// here.
func serviceKEK(scheme, address string) (KEK, error) {
	client, err := registry.GetKMSClient(address)
	if err != nil {
		return KEK{}, fmt.Errorf("key-encryption key %s…: %w", scheme, ErrKEKService)
	}
	a, err := client.GetAEAD(address)
	if err != nil {
		return KEK{}, fmt.Errorf("key-encryption key %s…: the service refuses it: %w", scheme, err)
	}
	return KEK{a, fingerprintOf([]byte(address))}, nil
}

// fingerprintOf is the first 8 hexadecimal digits of the SHA-256 hash of a key.
func fingerprintOf(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:4])
}

// Fingerprint tells which key it is, by 8 hexadecimal digits. It is not secret.
func (k KEK) Fingerprint() string { return k.fingerprint }

// String implements fmt.Stringer; it shows the fingerprint.
func (k KEK) String() string { return "KEK(" + k.fingerprint + ")" }

// GoString implements fmt.GoStringer.
func (k KEK) GoString() string { return k.String() }

// Format implements fmt.Formatter, so that no verb looks into the key.
func (k KEK) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue implements slog.LogValuer.
func (k KEK) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler.
func (k KEK) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// KEKError says that a keyset is sealed by a key-encryption key that was not given.
type KEKError struct {
	// Expected is the fingerprint of the key that is needed.
	Expected string
	// Given are the fingerprints of those that were given.
	Given []string
}

// Error implements error.
func (e *KEKError) Error() string {
	given := "none is given"
	if len(e.Given) > 0 {
		given = "the key given has the fingerprint " + strings.Join(e.Given, ", ")
	}
	return "the keyset in the database is sealed by the key-encryption key with the fingerprint " + e.Expected + ", and " +
		given + "; nothing was changed, name the right one as key_encryption_key in the store block of the configuration"
}
