package connect

import (
	"crypto/rand"
	"math/big"
	"net/mail"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// The digits it takes to write so many random bits in base62: 62^22 > 2^128, 62^43 > 2^256.
const (
	connectionIDDigits = 22
	tenantKeyDigits    = 43
)

func newConnectionID() string { return "conn_" + randomBase62(16, connectionIDDigits) }

// randomBase62 writes n random bytes in exactly width digits of 0-9a-zA-Z.
func randomBase62(n, width int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails; it ends the process rather than that
	digits := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", width-len(digits)) + digits
}

// maxEmailLen is the longest address that SMTP can carry (RFC 5321, section 4.5.3.1.3, less the
// angle brackets), in bytes.
const maxEmailLen = 254

// parseEmail reads one bare address (RFC 5322 addr-spec), trims and lower-cases it. Only ASCII passes:
// Unicode lower-casing folds distinct characters, and two end users must never become one.
func parseEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	ok := s != "" && len(s) <= maxEmailLen && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	if ok {
		a, err := mail.ParseAddress(s)
		ok = err == nil && a.Name == "" && a.Address == s
	}
	if !ok {
		return "", vending.Refuse(vending.InvalidUserEmail, "an email address must be one bare ASCII address of at most 254 bytes")
	}
	return strings.ToLower(s), nil
}
