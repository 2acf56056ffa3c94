package caddymodule

import (
	"fmt"
	"strings"
)

// The bounds of an OAuth client's scopes, in numbers and in bytes; those in the store have the
// same.
const (
	maxScopes = 100
	maxScope  = 200
)

// checkScopes reports a scope that no authorization request could carry (RFC 6749, section 3.3). It
// does not repeat it: it may be a secret on the wrong line.
func (c *OAuthClient) checkScopes() error {
	if len(c.Scopes) > maxScopes {
		return fmt.Errorf("oauth_client %s: scopes: there are more than %d", c.App, maxScopes)
	}
	for _, scope := range c.Scopes {
		if scope == "" || len(scope) > maxScope || strings.ContainsFunc(scope, notScope) {
			return fmt.Errorf("oauth_client %s: scopes: write each by itself, 1 to %d bytes of visible ASCII without spaces, "+
				"quotes and backslashes", c.App, maxScope)
		}
	}
	return nil
}

func notScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// checkScopes is checkScopes of every OAuth client.
func (a *App) checkScopes() error {
	for i := range a.OAuthClients {
		if err := a.OAuthClients[i].checkScopes(); err != nil {
			return at(a.OAuthClients[i].DefinedAt, err)
		}
	}
	return nil
}
