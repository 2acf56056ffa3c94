package vending

import "net/http"

// Relay sends a request that lacks its credential to the service that holds it, and returns the
// upstream's answer. It does not change the request, and closes its body in every case. Errors that
// the caller can act on are *[Error].
//
// It is a function for the reason that a credential's values are in one: it leads to secrets, and
// prints as an address.
type Relay func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (r Relay) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

var _ http.RoundTripper = Relay(nil)

// relaySecret is the field that holds the relay's own secret. No placement can name it: no field's
// name has a space.
const relaySecret = "relay secret"

// NewRelayed makes a credential that its source does not hand out: requests go through relay, which
// adds it where it is kept. secret opens the relay. It is never placed; it is a
// value of the credential so that it is scrubbed from answers, and two relays opened by different
// secrets are different credentials.
func NewRelayed(app string, authType AuthType, secret string, relay Relay) Credential {
	c := NewFields(app, authType, []Field{{relaySecret, secret}})
	c.relay = relay
	return c
}

// Relay returns what sends the requests of c, or nil where c itself is placed in them.
func (c Credential) Relay() Relay { return c.relay }

// ToAccountHost returns c, whose relay finds the host of each request by the account: what the
// request's URL says of it does not count.
func (c Credential) ToAccountHost() Credential {
	c.ownHost = true
	return c
}

// FindsHost reports whether c's relay decides on the host of a request, and not its URL.
func (c Credential) FindsHost() bool { return c.relay != nil && c.ownHost }
