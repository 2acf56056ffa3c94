package inject

import (
	"fmt"

	"github.com/vendgate/vendgate/vending"
)

// carrying returns the placement for a request with cred: p itself or, where cred's relay places the credential, what is left
// of p without it. That keeps the app's host, base path, and the headers and parameters that every request of the app has;
// hygiene is the same.
//
// An app whose requests cannot be made without the credential is an `internal_error`: only an operator can have the source
// vend it instead, so that neither another call nor a new connection would end otherwise.
func (p *Placement) carrying(cred vending.Credential) (*Placement, error) {
	if cred.Relay() == nil {
		return p, nil
	}
	if why := p.unrelayable(); why != "" {
		return nil, &vending.Error{
			Code: vending.InternalError, Origin: vending.FromGateway,
			Message: "this app cannot be called through the source's own proxy, and the source does not vend its credential",
			Err:     fmt.Errorf("app %s cannot be relayed: %s; have the source vend the account's credential", p.app.Slug, why),
		}
	}
	bare := *p
	bare.headers, bare.query = literals(p.headers), literals(p.query)
	bare.basic, bare.signer = nil, nil
	return &bare, nil
}

// unrelayable says why a request cannot be made without the credential, or "".
func (p *Placement) unrelayable() string {
	switch {
	case p.apart:
		return "what lies beside its API takes the credential in another place"
	case p.signer != nil:
		return "its requests are signed with the credential"
	case p.prefix.holdsField():
		return "its path holds a part of the credential"
	case p.upstream.host.holdsField():
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

func (t template) holdsField() bool {
	for range t.names {
		return true
	}
	return false
}
