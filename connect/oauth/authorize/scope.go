package authorize

import (
	"context"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
)

// impliedScopes are those that providers grant without repeating them in `scope`: Entra leaves out
// offline_access (https://learn.microsoft.com/entra/identity-platform/scopes-oidc), others those of
// OpenID Connect.
var impliedScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access", "offline",
	"refresh_token"}

// Ungranted returns the scopes that were asked for and, by the token's answer, not granted (RFC
// 6749, section 3.3). An answer without `scope` has granted all of them (section 5.1), as far as
// anybody can tell, and so has one that names another that includes them.
func (a *Authorizer) Ungranted(ctx context.Context, tenant string, app *catalog.App,
	g connect.Grant) (missing []string) {
	granted := listed(g.Reveal().Scope)
	if app.OAuth2 == nil || len(granted) == 0 {
		return nil
	}
	client := connect.OAuthClient{}
	if !app.ClientCredentials() {
		var err error
		if client, err = a.o.Clients(ctx, tenant, app.Slug); err != nil {
			return nil // it was there a moment ago
		}
	}
	for _, scope := range listed(tokenendpoint.Scope(app.OAuth2, client)) {
		if !slices.Contains(missing, scope) && !covered(scope, granted) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// listed splits scopes by any of the separators that are in use.
func listed(scopes string) []string {
	return strings.FieldsFunc(scopes, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;+", r) })
}

// covered reports whether a scope is granted, by its own name or by one that includes it.
func covered(scope string, granted []string) bool {
	name := scopeName(scope)
	if slices.Contains(impliedScopes, name) || strings.HasSuffix(name, ".default") {
		return true
	}
	names := []string{name}
	// `user` of GitHub includes `user:email`, and its answer has only the first
	// (https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps#normalized-scopes).
	for i := range len(name) {
		if name[i] == ':' {
			names = append(names, name[:i])
		}
	}
	// `write_products` of Shopify includes `read_products`, `admin:org` of GitHub `write:org` and
	// that `read:org`.
	for _, lesser := range []string{"read", "write"} {
		if rest, ok := strings.CutPrefix(name, lesser); ok && rest != "" {
			names = append(names, "write"+rest, "admin"+rest, "manage"+rest)
		}
	}
	return slices.ContainsFunc(granted, func(g string) bool { return slices.Contains(names, scopeName(g)) })
}

// scopeName is the last part of a scope that is a URL, as Google and Entra have them in one place
// and the name alone in another.
func scopeName(scope string) string {
	scope = strings.ToLower(scope)
	if _, rest, isURL := strings.Cut(scope, "://"); isURL {
		scope = rest[strings.LastIndexByte(rest, '/')+1:]
	}
	return strings.TrimPrefix(scope, "userinfo.")
}
