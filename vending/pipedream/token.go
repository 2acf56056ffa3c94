package pipedream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts" // net/http's own rule for what a header value may hold

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// oauthClient is where and as whom an access token is fetched.
type oauthClient struct {
	url, id string
	secret  vending.Secret
}

// tokenAnswer is what the token endpoint answers (RFC 6749, section 5.1).
type tokenAnswer struct {
	AccessToken string          `json:"access_token"`
	TokenType   string          `json:"token_type"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
}

var (
	errNoBearer  = errors.New("the access_token is missing, or has characters that a header cannot have")
	errTokenType = errors.New("the token_type is not Bearer")
	errLifetime  = errors.New("the expires_in is not a positive number")
)

// fetchToken fetches an access token by the client credentials grant.
func (s *Source) fetchToken(ctx context.Context, client oauthClient) (projectToken, error) {
	request, err := json.Marshal(map[string]string{
		"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret.Reveal(),
	})
	if err != nil {
		return projectToken{},
			vending.Errorf(vending.InternalError, errors.New("the request for an access token cannot be made"))
	}
	// The lifetime counts from before the call: an end too early costs a fetch, one too late a refused
	// call.
	asked := time.Now()
	status, header, body, err := s.do(ctx, httpx.Fresh(s.transport), http.MethodPost, client.url, http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {userAgent},
		// Not sent, as it has no value: it tells net/http that asking twice does no harm, so that a POST
		// which met a keep-alive connection in the moment of its closing is repeated on another.
		"X-Idempotency-Key": {},
	}, request)
	if err != nil {
		return projectToken{}, err
	}
	if status != http.StatusOK {
		return projectToken{}, s.tokenRefused(ctx, status, header)
	}
	var answer tokenAnswer
	if !isObject(body) || json.Unmarshal(body, &answer) != nil {
		return projectToken{}, unreadable("reading the access token", errShape)
	}
	p, err := answer.projectToken(asked)
	if err != nil {
		return projectToken{}, unreadable("reading the access token", err)
	}
	return p, nil
}

func (t *tokenAnswer) projectToken(asked time.Time) (projectToken, error) {
	if strings.TrimSpace(t.AccessToken) == "" || !httpguts.ValidHeaderFieldValue(t.AccessToken) {
		return projectToken{}, errNoBearer
	}
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "bearer") {
		return projectToken{}, errTokenType
	}
	lifetime, err := parseLifetime(t.ExpiresIn)
	if err != nil {
		return projectToken{}, err
	}
	return projectToken{vending.NewSecret(t.AccessToken), asked.Add(lifetime - margin)}, nil
}

const (
	// documentedLifetime applies where the answer names none. Were it too long, the account endpoint's
	// 401 would tell.
	documentedLifetime = time.Hour
	// maxLifetime bounds what is believed, so that it fits a time.Duration.
	maxLifetime = 24 * time.Hour
)

// parseLifetime reads `expires_in`, in seconds: a number or its text.
func parseLifetime(raw json.RawMessage) (time.Duration, error) {
	if !present(raw) {
		return documentedLifetime, nil
	}
	seconds, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(seconds > 0) { // NaN too
		return 0, errLifetime
	}
	return time.Duration(min(seconds, maxLifetime.Seconds()) * float64(time.Second)), nil
}
