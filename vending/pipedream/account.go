package pipedream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/vendgate/vendgate/vending"
)

// account is what is read of `GET /accounts/{id}`. Whatever of it is absent or null is zero.
type account struct {
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Healthy    *bool  `json:"healthy"`
	Dead       bool   `json:"dead"`
	App        struct {
		NameSlug string `json:"name_slug"`
	} `json:"app"`
	Error       json.RawMessage `json:"error"`
	ExpiresAt   json.RawMessage `json:"expires_at"`
	Credentials properties      `json:"credentials"`
}

var errOtherAccount = errors.New("the answer does not say that it is about the account asked for")

// account asks for the account with its credentials, and returns the access token that the answer came for.
func (s *Source) account(ctx context.Context, id string) (*account, vending.Secret, error) {
	for again := false; ; again = true {
		bearer, err := s.passes.get(ctx)
		if err != nil {
			return nil, bearer, err
		}
		asked := s.header(bearer)
		asked["Accept"] = []string{"application/json"}
		status, header, body, err := s.do(ctx, http.MethodGet, s.connect+"/accounts/"+id+"?include_credentials=true", asked, nil)
		if err != nil {
			return nil, bearer, err
		}
		if status == http.StatusUnauthorized && !again {
			s.passes.drop(bearer) // revoked, or ended before its time
			continue
		}
		if status != http.StatusOK {
			return nil, bearer, s.accountRefused(ctx, status, header)
		}
		a, err := decodeAccount(body)
		if err != nil {
			return nil, bearer, unavailable("reading the account", err)
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

// decodeAccount reads the account, bare or under `data`. Its errors are constant: those of encoding/json repeat what they
// stumbled over, and that may be a credential.
func decodeAccount(body []byte) (*account, error) {
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	if !isObject(body) || json.Unmarshal(body, &envelope) != nil {
		return nil, errShape
	}
	if present(envelope.Data) {
		body = envelope.Data
	}
	a := new(account)
	if !isObject(body) || json.Unmarshal(body, a) != nil {
		return nil, errShape
	}
	return a, nil
}

// failing reports whether Pipedream says that the account has an error. It may be one that has passed, so that alone it
// does not count.
func (a *account) failing() bool {
	return a.Healthy != nil && !*a.Healthy && present(a.Error) && string(a.Error) != `""`
}

// expiry reads `expires_at`, a time of RFC 3339 or a number of seconds since 1970. Anything else is unknown, which is zero:
// it is a hint, and the upstream judges the token.
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

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// isObject reports whether raw may be an object, in UTF-8: encoding/json would replace what is not, and so change a credential
// in silence.
func isObject(raw []byte) bool {
	return utf8.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}
