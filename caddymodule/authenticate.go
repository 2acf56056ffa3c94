package caddymodule

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// keyHeader takes the key where an SDK fills Authorization itself.
const keyHeader = "X-Vendgate-Key"

// authenticate finds the tenant by the request's tenant key. No caller key will do: they are for the gateway's
// own calls alone.
func (g *gateway) authenticate(ctx context.Context, h http.Header) (*policy.Tenant, vending.Secret, error) {
	key, err := keyOf(h)
	if err != nil {
		return nil, vending.Secret{}, err
	}
	return g.tenantOf(ctx, key)
}

// caller finds the caller key and its tenant. A source that wants the tenant's own key can be given none, and
// must never be given the caller key in its place.
func (g *gateway) caller(ctx context.Context, key string) (*policy.CallerKey, *policy.Tenant, error) {
	k, t := g.keyring.Caller(ctx, policy.DigestOf(key))
	if k == nil || g.sources[t.Source].takesKey {
		return nil, nil, vending.Refuse(vending.InvalidTenantKey, "")
	}
	return k, t, nil
}

// tenantOf finds the tenant of a key. One that no one here knows may still belong to a stranger, if a source
// wants to judge for itself.
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

// keyOf reads the key from the one place that holds it. Two values, of which another hop might read the
// other, are none.
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
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "token"): // the latter by GitHub's SDKs
		return rest, nil
	case strings.EqualFold(scheme, "Basic"):
		if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil {
			key, _, _ := strings.Cut(string(decoded), ":")
			return key, nil
		}
	}
	return "", vending.Refuse(vending.InvalidTenantKey, "")
}
