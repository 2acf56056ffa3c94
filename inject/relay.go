package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// carrying returns the placement for a request with cred: p itself or, where cred's relay places
// the credential, what is left of p without it. That keeps the app's host, base path, and the
// headers and parameters that every request of the app has; hygiene is the same.
//
// An app whose requests cannot be made without the credential is an `internal_error`: only an
// operator can have the source vend it instead, so that neither another call nor a new connection
// would end otherwise.
func (p *Placement) carrying(cred vending.Credential) (*Placement, error) {
	if cred.Relay() == nil {
		return p, nil
	}
	if why := p.unrelayable(cred); why != "" {
		return nil, &vending.Error{
			Code: vending.InternalError, Origin: vending.FromGateway,
			Message: "this app cannot be called through the source's own proxy, and the source does not vend its credential",
			Err:     fmt.Errorf("app %s cannot be relayed: %s; have the source vend the account's credential", p.app.Slug, why),
		}
	}
	bare := *p
	bare.headers, bare.query = literals(p.headers), literals(p.query)
	bare.basic, bare.signer = nil, nil
	if bare.upstream.host.holdsField() {
		bare.upstream.fixed = relayedHost
	}
	return &bare, nil
}

// relayedHost is in URLs where the relay finds the host. No host has it (RFC 6761, section
// 6.4), so that a request that did not go by the relay would end there.
const relayedHost = "relayed.invalid"

// mayServe reports whether host may be the one to which the relay took the request: it is of the
// upstream's pattern. A link to it leads back to the gateway, which calls the account's own host
// whatever the link says. Where the whole host is a field, it may be anybody's.
func (inj *Injection) mayServe(host string) bool {
	parts := inj.placement.upstream.host
	slot := slices.IndexFunc(parts, func(p part) bool { return p.field })
	if inj.host != relayedHost || slot < 0 || len(parts) == 1 {
		return false
	}
	value := strings.TrimSuffix(strings.ToLower(host), ":443")
	for i, p := range parts {
		ok := true
		switch {
		case i < slot:
			value, ok = strings.CutPrefix(value, p.text)
		case i > slot:
			value, ok = strings.CutSuffix(value, p.text)
		}
		if !ok {
			return false // or there is a second slot, whose border would be a guess
		}
	}
	_, err := inj.placement.upstream.slots.escape(parts[slot].text, value)
	return err == nil
}

// unrelayable says why a request cannot be made without the credential, or "".
func (p *Placement) unrelayable(cred vending.Credential) string {
	switch {
	case p.apart:
		return "the paths outside of its API take the credential in another place"
	case p.signer != nil:
		return "its requests are signed with the credential"
	case p.prefix.holdsField(), len(p.otherPrefixes) > 0:
		return "its path holds a part of the credential"
	case p.upstream.host.holdsField() && !cred.FindsHost():
		return "its host name is a part of the connection"
	}
	return ""
}

// literals returns those of list that have the same value in every request.
func literals(list []named) (kept []named) {
	for _, n := range list {
		if !n.value.holdsField() {
			kept = append(kept, n)
		}
	}
	return kept
}
