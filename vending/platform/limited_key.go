package platform

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/vendgate/vendgate/vending"
)

const (
	// limitedFor is how long a key that may not read connections is not tried again: the calls that
	// the server refuses it would draw on a budget of 120 a minute, a fifth of that for tokens
	// (guide, section 12).
	limitedFor = 5 * time.Minute
	// maxLimited bounds how many such keys are remembered.
	maxLimited = 1024
)

// limitedKeys remembers the keys without the capability `connections`, and until when they count as
// limited.
type limitedKeys struct {
	until *lru.Cache[keyID, time.Time]
}

// keyID is a tenant's configured key, or one that was passed through.
type keyID struct {
	tenant string
	key    [sha256.Size]byte
}

func newLimitedKeys() (limitedKeys, error) {
	until, err := lru.New[keyID, time.Time](maxLimited)
	return limitedKeys{until}, err
}

func (k limitedKeys) has(c *call) bool {
	until, ok := k.until.Get(keyID{c.tenant, c.key})
	return ok && time.Now().Before(until)
}

// noteLimited keeps in mind that the key may not read connections, and tells the operator what
// follows.
func (s *Source) noteLimited(ctx context.Context, c *call) {
	s.limited.until.Add(keyID{strings.Clone(c.tenant), c.key}, time.Now().Add(limitedFor))
	if s.ownKey == nil {
		return // a caller's own key, by which it could fill the log
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn,
		"the tenant key may not read connections, so the path says which app each belongs to: grant it the "+
			"capability connections",
		slog.String("tenant", c.tenant))
}

// What contradicts the path's app where the key may not read connections.
var (
	errOtherApp  = errors.New("the token response names another app")
	errOtherForm = errors.New(
		"the credential does not have the form of the path's app, and the key may not read connections")
)

// vendByPath vends where the key may not read connections. The path's app is taken for the
// connection's. The token call tells the kind of a credential (`auth_type`) and the names of its
// fields, and nothing else by which apps differ: what contradicts the app's entry is refused, but
// of two apps with the same kind and fields a connection of one passes for the other's.
func (s *Source) vendByPath(ctx context.Context, c *call, want string) (vending.Credential, error) {
	app := s.entry(want)
	if app == nil {
		return vending.Credential{}, s.keyRefused(ctx, c, vending.CapabilityDisabled, http.StatusForbidden)
	}
	t, asked, err := s.token(ctx, c)
	if err != nil {
		return vending.Credential{}, err
	}
	naming := t.naming()
	other := s.slug(naming)
	switch {
	case other == "" && naming.stated():
		return vending.Credential{}, foreign(theCredential, errNoApp)
	case other != "" && other != want:
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, errOtherApp)
	case t.AuthType.Valid() && string(t.AuthType) != app.AuthType:
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, errOtherForm)
	}
	cred, err := t.credential(want, app, asked)
	if err == nil && !holds(cred, app) {
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, errOtherForm)
	}
	return cred, err
}
