package pipedream

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxTokenRequest is far above what a request for a token needs.
const maxTokenRequest = 64 << 10

// checkClient holds a request for a token to its form, and knows the client (OpenAPI,
// createOauthToken: JSON with grant_type, client_id, client_secret; a scope may be added, and is
// not by our client). A wrong client is 401 (docs, "Troubleshooting").
func (s *StandIn) checkClient(c *call) *refusal {
	if media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return outside("the content type is not JSON")
	}
	got, err := readStrings(io.LimitReader(c.Body, maxTokenRequest))
	if err != nil {
		return outside("the body: %v", err)
	}
	for _, key := range []string{"grant_type", "client_id", "client_secret"} {
		if _, ok := got[key]; !ok || len(got) != 3 {
			return outside("the body does not have exactly grant_type, client_id and client_secret")
		}
	}
	if got["grant_type"] != "client_credentials" {
		return outside("grant_type is not client_credentials")
	}
	o := s.now()
	if got["client_id"] != o.ClientID || got["client_secret"] != o.ClientSecret {
		return &refusal{status: http.StatusUnauthorized, text: "invalid_client"}
	}
	return nil
}

// issue answers with a new token (OpenAPI, CreateOAuthTokenResponse: all three members are
// required, and expires_in is whole seconds; docs, "Authentication": an hour).
func (s *StandIn) issue(w http.ResponseWriter) {
	seconds := int(s.now().ExpiresIn / time.Second)
	answer(w, http.StatusOK, map[string]any{"access_token": s.Grant(), "token_type": "Bearer", "expires_in": seconds})
}

// Grant issues a token, as an answer of the test's own may want to hold.
func (s *StandIn) Grant() string {
	token := "pd_at_" + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = time.Now().Add(s.options.ExpiresIn)
	s.secrets = append(s.secrets, token)
	return token
}

// Revoke ends all tokens before their time.
func (s *StandIn) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

func (s *StandIn) authenticate(c *call) *refusal {
	token, ok := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return &refusal{status: http.StatusUnauthorized, text: "Authorization is not a bearer", outside: true}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.tokens[token]) {
		return &refusal{status: http.StatusUnauthorized, text: "invalid token"}
	}
	return nil
}

// readStrings reads one JSON object whose values are strings, no key twice. Its errors name no
// value.
func readStrings(r io.Reader) (map[string]string, error) {
	dec := json.NewDecoder(r)
	var words []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.New("not JSON")
		}
		switch v := token.(type) {
		case string:
			words = append(words, v)
		case json.Delim:
			words = append(words, v.String())
		default:
			return nil, fmt.Errorf("a %T where a string is expected", v)
		}
	}
	if len(words) < 2 || len(words)%2 != 0 || words[0] != "{" || words[len(words)-1] != "}" {
		return nil, errors.New("not one object of strings")
	}
	got := make(map[string]string)
	for pair := range slices.Chunk(words[1:len(words)-1], 2) {
		if _, twice := got[pair[0]]; twice {
			return nil, fmt.Errorf("the key %q twice", pair[0])
		}
		got[pair[0]] = pair[1]
	}
	return got, nil
}
