package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flowParams are the parameters of the authorization request that the flow itself sets (RFC 6749,
// section 4.1.1; RFC 7636, section 4.3). An app that set one could undo the state's protection.
var flowParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state",
}

func (c checker) oauth2() error {
	o := c.OAuth2
	switch {
	case o == nil && c.AuthType == oAuth:
		return errors.New("auth_type o_auth needs oauth2: write at least its token_url")
	case o == nil:
		return nil
	case c.AuthType != oAuth:
		return fmt.Errorf("auth_type %s has no use for oauth2: take it out, or write auth_type o_auth", c.AuthType)
	case o.TokenURL == "":
		return errors.New("oauth2.token_url is missing: write it like https://auth.example.com/token")
	case o.ClientAuth != "" && o.ClientAuth != "body" && o.ClientAuth != "header":
		return fmt.Errorf("oauth2.client_auth %q is unknown: write body or header", o.ClientAuth)
	case o.TokenLifetime < 0:
		return errors.New("oauth2.token_lifetime is negative: write seconds, or leave it out if tokens do not expire")
	}
	for _, e := range [][2]string{
		{"oauth2.authorize_url", o.AuthorizeURL}, {"oauth2.token_url", o.TokenURL}, {"oauth2.revoke_url", o.RevokeURL},
	} {
		if e[1] == "" {
			continue
		}
		// Nothing fills OAuth URLs: with a slot, the client secret would go to a host of that very name.
		if strings.ContainsAny(e[1], "{}") {
			return fmt.Errorf("%s holds a placeholder, which only upstreams may: write a fixed URL", e[0])
		}
		if _, err := c.endpoint(e[0], e[1]); err != nil {
			return err
		}
	}
	return o.check()
}

// check checks the parameters of the authorization request.
func (o *OAuth2) check() error {
	separator := o.ScopeSeparator
	if separator == "" {
		separator = " "
	}
	if strings.ContainsFunc(separator, isControl) {
		return errors.New("oauth2.scope_separator holds a control character: write a comma, or leave it out for a space")
	}
	for _, scope := range o.Scopes {
		if scope == "" || strings.Contains(scope, separator) || strings.ContainsFunc(scope, isControl) {
			return fmt.Errorf("oauth2.scopes: %q is not one scope: write each as a string of its own", scope)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.AuthorizeParams)) {
		if name == "" || slices.Contains(flowParams, name) {
			return fmt.Errorf("oauth2.authorize_params: %q is set by the flow itself: take it out", name)
		}
	}
	return nil
}
