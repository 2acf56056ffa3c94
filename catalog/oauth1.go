package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// OAuth1 is what it takes to obtain a token by RFC 5849, section 2. URLs are https; they may hold
// slots, as an upstream may. Requests are signed by HMAC-SHA1, with the signature in
// `Authorization`.
type OAuth1 struct {
	// RequestTokenURL is where a request token is obtained.
	RequestTokenURL string `json:"request_token_url"`
	// AuthorizeURL is the provider's page on which end users consent.
	AuthorizeURL string `json:"authorize_url"`
	// AccessTokenURL is where the request token is traded for an access token.
	AccessTokenURL string `json:"access_token_url"`
	// AuthorizeParams are added to the address of the provider's page.
	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
}

// The fields that sign the requests of an OAuth 1 app. No app declares them.
const (
	ConsumerKey      = "consumer_key"
	ConsumerSecret   = "consumer_secret"
	OAuthToken       = "oauth_token"        //nolint:gosec // names, not values
	OAuthTokenSecret = "oauth_token_secret" //nolint:gosec // names, not values
)

var oauth1Names = []string{ConsumerKey, ConsumerSecret, OAuthToken, OAuthTokenSecret}

// oauth1Fields are what an app that signs by OAuth 1 has besides the fields it declares.
var oauth1Fields = []Field{{Name: ConsumerKey}, {Name: ConsumerSecret, Secret: true},
	{Name: OAuthTokenSecret, Secret: true}}

func (c checker) oauth1() error {
	o := c.OAuth1
	switch {
	case o == nil:
		return nil
	case c.AuthType != oAuth || c.OAuth2 != nil:
		return errors.New("oauth1 needs auth_type o_auth and takes the place of oauth2: keep one of them")
	case c.Sign != nil || c.Placement != nil &&
		(c.Placement.Basic != nil || setsHeader(c.Placement.Header, "Authorization")):
		return errors.New("oauth1 puts its signature into Authorization: take the sign or the placement out")
	}
	for _, e := range [][2]string{
		{"oauth1.request_token_url", o.RequestTokenURL}, {"oauth1.authorize_url", o.AuthorizeURL},
		{"oauth1.access_token_url", o.AccessTokenURL},
	} {
		if e[1] == "" {
			return fmt.Errorf("%s is missing: write it like https://api.example.com/oauth/token", e[0])
		}
		if err := c.slotted(e[0], e[1]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.AuthorizeParams)) {
		if name == "" || strings.HasPrefix(name, "oauth_") {
			return fmt.Errorf("oauth1.authorize_params: %q is set by the flow itself: take it out", name)
		}
	}
	return nil
}
