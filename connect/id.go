package connect

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// The digits it takes to write so many random bits in base62: 62^11 > 2^64, 62^22 > 2^128, 62^33 >
// 2^192, 62^43 > 2^256.
const (
	connectionIDDigits = 22
	tenantKeyDigits    = 43
	requestTokenDigits = 33
	callerKeyIDDigits  = 11
)

// connectionIDPrefix is how every connection's id begins.
const connectionIDPrefix = "conn_"

func newConnectionID() string { return connectionIDPrefix + randomBase62(16, connectionIDDigits) }

// randomBase62 writes n random bytes in exactly width digits of 0-9a-zA-Z.
func randomBase62(n, width int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails; it ends the process rather than that
	digits := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", width-len(digits)) + digits
}

// parseEmail reads one bare address as [policy.ParseUser] does; the header that it names does not
// exist here.
func parseEmail(s string) (string, error) {
	email, err := policy.ParseUser([]string{s})
	if err != nil {
		return "",
			vending.Refuse(vending.InvalidUserEmail, "an email address must be one bare ASCII address of at most 254 bytes")
	}
	return email, nil
}
