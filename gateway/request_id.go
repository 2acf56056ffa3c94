package gateway

import "math/rand/v2"

// base32 is the alphabet of RFC 4648, section 6.
const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// NewRequestID returns an id for a request: 26 digits of base32, with 128 random bits in them. It
// names a request and gives no access, so that the generator of Go's runtime is enough: ChaCha8
// with a seed of the operating system. An id does not occur twice, and cannot be guessed from
// others. crypto/rand would cost ten times as much.
func NewRequestID() string {
	var id [26]byte
	for half := range 2 {
		bits := rand.Uint64() //nolint:gosec // no secret
		for i := range 13 {
			id[13*half+i] = base32[bits&31]
			bits >>= 5
		}
	}
	return string(id[:])
}
