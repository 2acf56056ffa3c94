package policy

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// CallerKeyPrefix begins every caller key. No tenant key begins so, and CheckKey refuses it as one.
const CallerKeyPrefix = "ck_"

// IsCallerKey tells a caller key from a tenant key. It says nothing of whether the key is live.
func IsCallerKey(key string) bool { return strings.HasPrefix(key, CallerKeyPrefix) }

// callerKeyDigits is how many digits of base62 follow the prefix of a caller key: 256 random bits.
const callerKeyDigits = 43

// IsKey reports whether text has the form of a caller key or of a tenant key. Keys of providers
// that begin so as well, such as `ck_` and 40 digits of WooCommerce's, do not.
func IsKey(text string) bool {
	random, ok := strings.CutPrefix(text, CallerKeyPrefix)
	if !ok {
		return strings.HasPrefix(text, KeyPrefix) && CheckKey(text) == nil
	}
	for i := range len(random) {
		if c := random[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(random) == callerKeyDigits
}

// Passthrough is the value of the options `errors` by which providers' errors are left as they are.
const Passthrough = "passthrough"

// CallerKey stands for one tenant, end user and connection at once, for callers that can send one
// header only or may never reach more than one connection. What binds the tenant binds it too;
// Apps, Rules and Budget come on top.
type CallerKey struct {
	// ID is its public name.
	ID string
	// Tenant and User are whom it acts for; Connection is the only one it reaches.
	Tenant, User, Connection string
	// Apps are the slugs it may call; none means those of the tenant.
	Apps []string
	// Rules narrow that by method and path, as a tenant's do.
	Rules Rules
	// Budget bounds its vends; 0 means that only the tenant's budgets do.
	Budget Budget
	// Passthrough says that its calls get providers' errors as they are, scrubbed.
	Passthrough bool
	// Expires is when it ends; the zero time means never.
	Expires time.Time
}

// RulesFor returns the rules that permit methods, none meaning every one, on paths that one of
// patterns matches, none meaning every path.
func RulesFor(methods, patterns []string) Rules {
	if len(patterns) == 0 && len(methods) == 0 {
		return nil
	}
	if len(patterns) == 0 {
		patterns = []string{""}
	}
	rules := make(Rules, 0, len(patterns))
	for _, p := range patterns {
		rules = append(rules, Rule{App: "*", Methods: methods, Path: p})
	}
	return rules
}

// MayCall reports whether the key may call app at all.
func (k *CallerKey) MayCall(app string) bool { return len(k.Apps) == 0 || slices.Contains(k.Apps, app) }

// Identify returns the end user that a call of connection is for; named is whom the call itself
// names, empty if it names none. Another one, and any other connection, are the same
// `connection_deleted` whether they exist or not.
func (k *CallerKey) Identify(named, connection string) (user string, err error) {
	if connection != k.Connection || named != "" && named != k.User {
		return "", vending.Refuse(vending.ConnectionDeleted, "")
	}
	return k.User, nil
}

// live reports whether the key has not ended by itself.
func (k *CallerKey) live(now time.Time) bool { return k.Expires.IsZero() || now.Before(k.Expires) }

// Caller returns the caller key of digest d and its tenant. Without them it is
// `invalid_tenant_key`: there is no such key, it has expired, or no key of the tenant is live. A
// tenant that is disabled, or was taken out of the configuration, takes its caller keys along. That
// a key has expired is said of those that lived when the store was last read. Other errors are
// those of [Keyring.Lookup].
func (k *Keyring) Caller(ctx context.Context, d Digest) (*CallerKey, *Tenant, error) {
	s := k.snapshot.Load()
	if !k.holds(s.callers[d] != nil) {
		var err error
		if s, err = k.askFor(ctx, func(s *snapshot) bool { return s.callers[d] != nil }); err != nil {
			return nil, nil, err
		}
	}
	key := s.callers[d]
	if key == nil || s.byID[key.Tenant] == nil {
		return nil, nil, vending.Refuse(vending.InvalidTenantKey, "")
	}
	if !key.live(time.Now()) {
		return nil, nil, vending.Refuse(vending.InvalidTenantKey, "this caller key has expired: use a new one")
	}
	return key, s.byID[key.Tenant], nil
}
