package gateway

import (
	"net/http"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// errorsHeader asks for provider errors as they are, for one call.
const errorsHeader = "Vendgate-Errors"

// authenticate finds tenant and caller by the key of a call, takes the key out of what goes on, and
// refuses a call that would carry it to the provider.
func (c *call) authenticate() error {
	placement := c.gateway.Placement(c.target.App)
	k, err := findKey(c.request.Header, &c.target, placement)
	if err != nil {
		return err
	}
	if err := c.admit(k); err != nil {
		return err
	}
	if err := k.checkSingle(); err != nil {
		return err
	}
	c.keyIn, c.accepted = k.in, inject.NewKey(k.text)
	if placement == nil {
		return nil // there is no upstream that the key could reach
	}
	asked := c.target
	c.target.Path, c.target.RawQuery = placement.WithoutKey(k.text, asked.Path, asked.RawQuery)
	c.target.HasQuery = asked.HasQuery && (asked.RawQuery == "" || c.target.RawQuery != "")
	c.cut = len(asked.Path) - len(c.target.Path)
	if where := placement.Elsewhere(c.accepted, c.request.Header, c.request.Trailer, c.target.Path,
		c.target.RawQuery); where != "" {
		return inject.RefuseKey(where)
	}
	return nil
}

// admit finds the tenant of a key and, for a caller key, that key.
func (c *call) admit(k foundKey) (err error) {
	ctx := c.request.Context()
	switch {
	case policy.IsCallerKey(k.text):
		if c.caller, c.tenant, err = c.gateway.Caller(ctx, k.text); err == nil {
			c.event.CallerKey = c.caller.ID
			// For its holder, the operator alone may want that.
			c.passthrough = c.passthrough || c.caller.Passthrough
		}
	case !k.usual && !c.options.TenantKeysInPlacement:
		return vending.Refuse(vending.InvalidTenantKey, unusualTenantKey)
	default:
		if c.tenant, c.key, err = c.gateway.tenantOf(ctx, k.text); err == nil {
			c.passthrough = c.passthrough || passesErrors(c.request.Header)
		}
	}
	if err == nil {
		c.event.Tenant, c.event.Unverified = c.tenant.ID, c.tenant.Unverified
	}
	return err
}

func passesErrors(h http.Header) bool {
	asked := h[errorsHeader]
	return len(asked) > 0 && asked[0] == policy.Passthrough
}

const unusualTenantKey = "a tenant key is read from X-Vendgate-Key, Authorization: Bearer and " +
	"the user name of Authorization: Basic only: send it there, give the SDK a caller key, or " +
	"have the operator write tenant_keys_in_placement in the block vendgate_proxy"

// identify finds the end user: the one that the header names or, where it may be left out, the
// caller key's.
func (c *call) identify() (err error) {
	if err := c.nameConnection(); err != nil {
		return err
	}
	c.event.Connection = c.target.Connection
	header, parse := "X-User-Email", policy.ParseUser
	if c.gateway.source(c.tenant).externalIDs {
		header, parse = "X-External-User-Id", policy.ParseExternalUser
	}
	if named := c.request.Header[header]; c.caller == nil || len(named) > 0 {
		if c.user, err = parse(named); err != nil {
			return err
		}
	}
	if c.caller != nil {
		c.user, err = c.caller.Identify(c.user, c.target.Connection)
	}
	c.event.User = c.user
	return err
}
