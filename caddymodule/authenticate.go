package caddymodule

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// keyHeader takes the key where an SDK fills Authorization itself.
const keyHeader = "X-Vendgate-Key"

// authenticate finds tenant and caller by the key of a call, takes the key out of what goes on, and
// refuses a call that would carry it to the provider.
func (c *call) authenticate() error {
	placement := c.gateway.placement(c.target.App)
	k, err := findKey(c.request.Header, &c.target, placement)
	if err != nil {
		return err
	}
	if err := c.admit(k); err != nil {
		return err
	}
	if err := k.single(); err != nil {
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

// admit finds whom a key stands for.
func (c *call) admit(k foundKey) (err error) {
	ctx := c.request.Context()
	switch {
	case policy.IsCallerKey(k.text):
		if c.caller, c.tenant, err = c.gateway.caller(ctx, k.text); err == nil {
			c.facts.callerKey = c.caller.ID
			// For its holder, the operator alone may want that.
			c.passthrough = c.passthrough || c.caller.Passthrough
		}
	case !k.usual && !c.tenantKeys:
		return vending.Refuse(vending.InvalidTenantKey, unusualTenantKey)
	default:
		if c.tenant, c.key, err = c.gateway.tenantOf(ctx, k.text); err == nil {
			c.passthrough = c.passthrough || c.request.Header.Get(errorsHeader) == policy.Passthrough
		}
	}
	if err == nil {
		c.facts.tenant = c.tenant.ID
	}
	return err
}

const unusualTenantKey = "a tenant key is read from X-Vendgate-Key, Authorization: Bearer and " +
	"the user name of Authorization: Basic only: send it there, give the SDK a caller key, or " +
	"have the operator write tenant_keys_in_placement in the block vendgate_proxy"

// caller finds the caller key and its tenant. A source that wants the tenant's own key can be given
// none, and must never be given the caller key in its place.
func (g *gateway) caller(ctx context.Context, key string) (*policy.CallerKey, *policy.Tenant, error) {
	k, t := g.keyring.Caller(ctx, policy.DigestOf(key))
	if k == nil || g.sources[t.Source].takesKey {
		return nil, nil, vending.Refuse(vending.InvalidTenantKey, "")
	}
	return k, t, nil
}

// tenantOf finds the tenant of a key. One that no one here knows may still belong to a stranger, if
// a source wants to judge for itself.
func (g *gateway) tenantOf(ctx context.Context, key string) (*policy.Tenant, vending.Secret, error) {
	digest := policy.DigestOf(key)
	if t := g.keyring.Lookup(ctx, digest); t != nil {
		return t, vending.NewSecret(key), nil
	}
	if g.stranger != nil && policy.CheckKey(key) == nil {
		t := *g.stranger
		t.ID = "key-" + hex.EncodeToString(digest[:12])
		return &t, vending.NewSecret(key), nil
	}
	return nil, vending.Secret{}, vending.Refuse(vending.InvalidTenantKey, "")
}

// keyOf reads the key from the one place that holds it. Two values, of which another hop might read
// the other, are none.
func keyOf(h http.Header) (string, error) {
	values, bare := h[keyHeader], true
	if len(values) == 0 {
		values, bare = h["Authorization"], false
	}
	switch {
	case len(values) == 0:
		return "", vending.Refuse(vending.InvalidTenantKey, "")
	case len(values) > 1:
		return "", vending.Refuse(vending.InvalidRequest, "the header with the tenant key occurs more than once")
	case bare:
		return values[0], nil
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	switch {
	case bearer(scheme):
		return rest, nil
	case strings.EqualFold(scheme, "Basic"):
		if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil {
			key, _, _ := strings.Cut(string(decoded), ":")
			return key, nil
		}
	}
	return "", vending.Refuse(vending.InvalidTenantKey, "")
}
