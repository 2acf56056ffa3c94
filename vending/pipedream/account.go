package pipedream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// account is what is read of `GET /accounts/{id}`, the schema Account of Pipedream's OpenAPI.
// Whatever of it is absent or null is zero.
type account struct {
	ID, ExternalID, NameSlug string
	// AuthType is `oauth`, `keys` or `none`; empty where the answer does not say.
	AuthType         string
	Healthy          *bool
	Dead             bool
	Error, ExpiresAt json.RawMessage
	// Connect is what the proxy does for the app; see [decodeConnect].
	Connect     json.RawMessage
	Credentials properties
	// inTarget are the properties in the proxy's own target URL.
	inTarget []string
}

var errOtherAccount = errors.New("the response is not about the requested account")

// account asks for the account with its credentials, and returns the access token that the answer
// came for.
func (s *Source) account(ctx context.Context, id string) (*account, vending.Secret, error) {
	for again := false; ; again = true {
		bearer, err := s.tokens.get(ctx)
		if err != nil {
			return nil, bearer, err
		}
		asked := s.header(bearer)
		asked["Accept"] = []string{"application/json"}
		status, header, body, err := s.do(ctx, s.transport, http.MethodGet,
			s.connect+"/accounts/"+id+"?include_credentials=true", asked, nil)
		if err != nil {
			return nil, bearer, err
		}
		if status == http.StatusUnauthorized && !again {
			s.tokens.drop(bearer) // revoked, or ended before its time
			continue
		}
		if status != http.StatusOK {
			return nil, bearer, s.accountRefused(ctx, status, header)
		}
		a, err := decodeAccount(body)
		if err != nil {
			return nil, bearer, unreadable("reading the account", err)
		}
		return a, bearer, nil
	}
}

// header is what each call of the project has, the proxy's too.
func (s *Source) header(bearer vending.Secret) http.Header {
	return http.Header{
		"Authorization":    {"Bearer " + bearer.Reveal()},
		"X-Pd-Environment": {s.environment},
		"User-Agent":       {userAgent},
	}
}

// decodeAccount reads the account, bare or under `data`. Its errors are constant: those of
// encoding/json repeat what they stumbled over, and that may be a credential.
func decodeAccount(body []byte) (*account, error) {
	envelope, err := members(body, "data")
	if err != nil {
		return nil, err
	}
	if present(envelope["data"]) {
		body = envelope["data"]
	}
	all, err := members(body, "id", "external_id", "healthy", "dead", "app", "error", "expires_at", "credentials")
	if err != nil {
		return nil, err
	}
	a := &account{Error: all["error"], ExpiresAt: all["expires_at"]}
	app := map[string]json.RawMessage{}
	if present(all["app"]) {
		if app, err = members(all["app"], "name_slug", "auth_type", "connect"); err != nil {
			return nil, err
		}
	}
	a.Connect = app["connect"]
	if bytes.Contains(a.Connect, []byte("{{")) {
		c, _ := decodeConnect(a.Connect) // what cannot be read is an error of the calls that need it
		a.inTarget = c.placeholders()
	}
	_ = json.Unmarshal(app["auth_type"], &a.AuthType) // it is a hint: of any other type it is absent
	if present(all["credentials"]) {
		if a.Credentials, err = members(all["credentials"], theirs...); err != nil {
			return nil, err
		}
		maps.DeleteFunc(a.Credentials, func(_ string, value json.RawMessage) bool { return !present(value) })
	}
	for _, m := range []struct {
		value json.RawMessage
		into  any
	}{
		{all["id"], &a.ID}, {all["external_id"], &a.ExternalID}, {all["healthy"], &a.Healthy}, {all["dead"], &a.Dead},
		{app["name_slug"], &a.NameSlug},
	} {
		if present(m.value) && json.Unmarshal(m.value, m.into) != nil {
			return nil, errShape
		}
	}
	return a, nil
}

// failing reports whether Pipedream says that the account has an error. It may be one that has
// passed, so that alone it does not count.
func (a *account) failing() bool {
	return a.Healthy != nil && !*a.Healthy && present(a.Error) && string(a.Error) != `""`
}

// expiry reads `expires_at`, a time of RFC 3339 or a number of seconds since 1970. Anything else is
// unknown, which is zero: it is a hint, and the upstream judges the token.
func (a *account) expiry() time.Time {
	var t time.Time
	if json.Unmarshal(a.ExpiresAt, &t) == nil {
		return t
	}
	var seconds int64
	if json.Unmarshal(a.ExpiresAt, &seconds) == nil && seconds > 0 {
		return time.Unix(seconds, 0)
	}
	return time.Time{}
}
