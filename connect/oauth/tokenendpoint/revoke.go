package tokenendpoint

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// The token type hints (RFC 7009, section 2.1).
const (
	RefreshToken = "refresh_token"
	AccessToken  = "access_token"
)

var errNoRevocation = errors.New("the catalog has no revocation endpoint for the app")

// Revoke ends token at the revocation endpoint (RFC 7009); hint is [RefreshToken] or [AccessToken].
// A token that the provider does not know or no longer takes is ended, too.
func (e *Endpoint) Revoke(ctx context.Context, token vending.Secret, hint string) error {
	if e.oauth.RevokeURL == "" {
		return errNoRevocation
	}
	r, err := e.revocation(ctx, token, hint)
	if err != nil {
		return err
	}
	resp, err := httpx.Do(e.transport, r, maxAnswer)
	if resp == nil {
		return &Refusal{Class: Unavailable, cause: callError("revocation", err)}
	}
	if resp.Status >= 200 && resp.Status < 300 {
		return nil // section 2.2: the body means nothing
	}
	code := errorCode(resp.Body) // none where the body could not be read
	if resp.Status == http.StatusBadRequest && slices.Contains(endedCodes, strings.ToLower(code)) {
		return nil
	}
	return e.classify("revocation", resp.Status, resp.Header, &tokenResponse{code: code},
		[]string{token.Reveal(), e.client.Secret.Reveal()})
}

// revocation makes the request, with the client's authentication as golang.org/x/oauth2 sends it to
// the token endpoint.
func (e *Endpoint) revocation(ctx context.Context, token vending.Secret, hint string) (*http.Request, error) {
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}}
	inHeader := authStyle(e.oauth) == oauth2.AuthStyleInHeader
	if !inHeader {
		form.Set(cmp.Or(e.oauth.ClientIDParam, "client_id"), e.client.ID)
		if !e.client.Secret.IsZero() {
			form.Set("client_secret", e.client.Secret.Reveal())
		}
	}
	body, contentType := []byte(form.Encode()), formType
	if e.oauth.TokenEncoding == catalog.EncodingJSON {
		body, contentType = encodeJSON(form), jsonType
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.oauth.RevokeURL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the revocation request: %w", err)
	}
	r.Header.Set("Content-Type", contentType)
	if inHeader {
		e.authenticate(r.Header)
	}
	return r, nil
}

// errorCode reads the error of an answer in JSON (RFC 7009, section 2.2.1); what cannot be read has
// none.
func errorCode(body []byte) string {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&answer); err != nil {
		return ""
	}
	return answer.Error
}
