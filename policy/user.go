package policy

import (
	"net/mail"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// maxUserLen is the longest address that SMTP can carry (RFC 5321, section 4.5.3.1.3, less the
// angle brackets), in bytes.
const maxUserLen = 254

// ParseUser reads the end user from the values of `x-user-email`: exactly one bare address
// (RFC 5322 addr-spec), at most 254 bytes, trimmed and lower-cased. Anything else is
// `invalid_user_email`.
//
// Only ASCII passes: Unicode lower-casing folds distinct characters (U+212A becomes "k"), and two
// end users must never become one.
func ParseUser(values []string) (string, error) {
	if len(values) != 1 {
		return "", vending.Refuse(vending.InvalidUserEmail, "")
	}
	user := strings.Trim(values[0], " \t")
	if len(user) > maxUserLen || !isAddrSpec(user) {
		return "", vending.Refuse(vending.InvalidUserEmail, "")
	}
	return strings.ToLower(user), nil
}

// ParseExternalUser reads the end user from the values of `x-external-user-id`: exactly one id of 1
// to 254 printable ASCII characters, which means nothing to the gateway. Anything else is
// `invalid_user_email`.
func ParseExternalUser(values []string) (string, error) {
	refusal := vending.Refuse(vending.InvalidUserEmail,
		"x-external-user-id must hold exactly one id of at most 254 printable ASCII characters")
	if len(values) != 1 {
		return "", refusal
	}
	user := strings.Trim(values[0], " \t")
	if user == "" || len(user) > maxUserLen {
		return "", refusal
	}
	for i := range len(user) {
		if user[i] < ' ' || user[i] >= 0x7f {
			return "", refusal
		}
	}
	return user, nil
}

// isAddrSpec takes the common dot-atom form without allocating and leaves quoted local parts and
// domain literals to net/mail. Of a quoted local part only the shortest spelling passes:
// `"alice"@…` and `alice@…` are one mailbox, and one mailbox must not become two end users.
func isAddrSpec(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	at := strings.LastIndexByte(s, '@')
	if at > 0 && isDotAtom(s[:at]) && isDotAtom(s[at+1:]) {
		return true
	}
	addr, err := mail.ParseAddress(s)
	return err == nil && addr.Name == "" && addr.String() == "<"+s+">"
}

// isDotAtom follows RFC 5322 section 3.2.3.
func isDotAtom(s string) bool {
	dot := true // a dot may not come first, nor after another
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if dot {
				return false
			}
			dot = true
			continue
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0:
		default:
			return false
		}
		dot = false
	}
	return !dot
}
