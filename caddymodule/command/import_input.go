package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/internal/strictjson"
	"github.com/vendgate/vendgate/vending"
)

var errNoObject = errors.New("the credential must be one JSON object, like {\"api_key\":\"…\"}")

// readObject reads an object and nothing after it. Of a duplicate key nothing says which value was
// meant.
func readObject(raw []byte) (map[string]json.RawMessage, error) {
	values, err := strictjson.Map(raw)
	var duplicate *strictjson.DuplicateError
	switch {
	case errors.As(err, &duplicate):
		return nil, fmt.Errorf("the credential holds %q twice", duplicate.Name)
	case err != nil:
		return nil, errNoObject
	}
	return values, nil
}

// readTokens takes what a token endpoint answers (RFC 6749, section 5.1), or the same with
// expires_at.
func readTokens(values map[string]json.RawMessage, g *connect.GrantValues, now time.Time) (err error) {
	for name, into := range map[string]*string{"access_token": &g.AccessToken, "refresh_token": &g.RefreshToken,
		"token_type": &g.TokenType, "scope": &g.Scope} {
		if *into, err = takeText(values, name); err != nil {
			return err
		}
	}
	at, err := takeText(values, "expires_at")
	if err != nil {
		return err
	}
	if at != "" {
		if g.Expiry, err = time.Parse(time.RFC3339, at); err != nil {
			return errors.New(`"expires_at" must be a time like 2026-01-02T15:04:05Z`)
		}
	}
	if raw, ok := values["expires_in"]; ok {
		var seconds int64
		if err := json.Unmarshal(raw, &seconds); err != nil || seconds <= 0 || seconds > 1<<32 {
			return errors.New(`"expires_in" must be a positive number of seconds`)
		}
		delete(values, "expires_in")
		g.Expiry = now.Add(time.Duration(seconds) * time.Second)
	}
	return nil
}

// readOAuth1 takes what RFC 5849, section 2.3, calls token credentials, and the client that
// obtained them if it is stated.
func readOAuth1(values map[string]json.RawMessage, g *connect.GrantValues) (err error) {
	if g.AccessToken, err = takeText(values, catalog.OAuthToken); err != nil {
		return err
	}
	for _, name := range []string{catalog.OAuthTokenSecret, catalog.ConsumerKey, catalog.ConsumerSecret} {
		value, err := takeText(values, name)
		if err != nil {
			return err
		}
		if value != "" {
			g.Fields = append(g.Fields, vending.Field{Name: name, Value: value})
		}
	}
	switch n := len(g.Fields); {
	case g.AccessToken == "" || n == 0 || g.Fields[0].Name != catalog.OAuthTokenSecret:
		return errors.New(`the credential needs "oauth_token" and "oauth_token_secret"`)
	case n == 2:
		return errors.New(`"consumer_key" and "consumer_secret" belong together: write both, or neither for the tenant's ` +
			`OAuth client`)
	}
	return nil
}

// takeText takes a text value out of values; "" if it is not there.
func takeText(values map[string]json.RawMessage, name string) (text string, err error) {
	raw, ok := values[name]
	if !ok {
		return "", nil
	}
	delete(values, name)
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("%q must be a string", name)
	}
	return text, nil
}
