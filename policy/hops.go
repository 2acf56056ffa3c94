package policy

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
)

// HopsHeader says on requests to upstreams that may lead to a gateway through how many of them they
// have come, and which was the last: `2 5f0c3a9e71b2d468`. `Via` (RFC 9110, section 7.6.3) says the
// same, but has common servers switch compression off.
const HopsHeader = "Vendgate-Hops"

// maxHops is how many gateways a request may pass. A chain of three is unusual already.
const maxHops = 3

// idLen is the length of an id in hexadecimal digits.
const idLen = 16

// Hops counts the gateways on a request's way. It is immutable and safe for parallel use.
type Hops struct {
	id string
	// after are the header's values for a request that came through as many gateways as the index
	// says.
	after [maxHops][]string
}

// NewHops returns the counter of one gateway, under an id of its own.
func NewHops() *Hops {
	id := make([]byte, idLen/2)
	_, _ = rand.Read(id) // never fails; see crypto/rand
	h := &Hops{id: hex.EncodeToString(id)}
	for n := range h.after {
		h.after[n] = []string{string(rune('1'+n)) + " " + h.id}
	}
	return h
}

// Next checks the header's values on a request that came in, and returns those that an upstream
// gets, which must not be changed. It is `invalid_request` where the last gateway was this one,
// where there were too many, and for what no gateway sends: a value that cannot be read must not
// count as none. The upstream never gets a byte of the caller's values.
//
// A loop over one gateway ends at its second call, one over several at the fourth. It is no 503,
// which would invite every one of them to retry.
func (h *Hops) Next(values []string) ([]string, error) {
	if len(values) == 0 {
		return h.after[0], nil
	}
	n, last, ok := parseHops(values)
	switch {
	case !ok:
		return nil, refuse("the header " + HopsHeader + " is invalid: leave it out, because only gateways send it")
	case last == h.id:
		return nil, refuse("the request has passed this gateway already: correct the app's upstream, which leads back to it")
	case n >= maxHops:
		return nil, refuse("the request has passed too many gateways: find the app whose upstream leads back to one of them")
	}
	return h.after[n], nil
}

// parseHops reads the number of gateways, from 1 on, and the id of the last.
func parseHops(values []string) (n int, last string, ok bool) {
	if len(values) != 1 || len(values[0]) != len("1 ")+idLen {
		return 0, "", false
	}
	v := values[0]
	hexadecimal := !slices.ContainsFunc([]byte(v[2:]), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f')
	})
	return int(v[0] - '0'), v[2:], '1' <= v[0] && v[0] <= '9' && v[1] == ' ' && hexadecimal
}
