package demoprovider

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// refusal is an error answer of the token and revocation endpoints (RFC 6749, section 5.2).
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e refusal) write(w http.ResponseWriter) {
	status := http.StatusBadRequest
	if e.Code == "invalid_client" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
	}
	writeJSON(w, status, e)
}

// tokenAnswer is the success answer of the token endpoint (RFC 6749, section 5.1).
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
}

// token is the token endpoint.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	form, refused := p.clientForm(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	var grant Grant
	var ok bool
	switch form.Get("grant_type") {
	case "refresh_token":
		grant, ok = p.memory.rotate(form.Get("refresh_token"))
	case "authorization_code":
		grant, ok = p.memory.redeem(form.Get("code"), func(asked request) bool {
			return asked.redirectURI == form.Get("redirect_uri") && proves(form.Get("code_verifier"), asked.challenge)
		})
	default:
		refusal{"unsupported_grant_type", "use authorization_code or refresh_token"}.write(w)
		return
	}
	if !ok {
		refusal{"invalid_grant", "it is unknown, expired, revoked, used before, or not of this request"}.write(w)
		return
	}
	seconds := math.Ceil(time.Until(grant.Expiry).Seconds())
	writeJSON(w, http.StatusOK, tokenAnswer{
		AccessToken: grant.AccessToken, TokenType: "Bearer", RefreshToken: grant.RefreshToken,
		// Clients read 0 as "does not expire".
		ExpiresIn: int64(max(seconds, 1)),
	})
}

// proves reports whether verifier is what challenge was made from by S256 (RFC 7636, section 4.6).
func proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && subtle.ConstantTimeCompare([]byte(made), []byte(challenge)) == 1
}

// revoke is the revocation endpoint (RFC 7009): unknown tokens are fine, and the whole family ends.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	form, refused := p.clientForm(w, r)
	switch {
	case refused != nil:
		refused.write(w)
	case form.Get("token") == "":
		refusal{"invalid_request", "token is missing"}.write(w)
	default:
		p.memory.end(form.Get("token"))
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
	}
}

// clientForm reads the form of an authenticated client. Only the body counts: queries end up in
// logs (RFC 6749, section 2.3.1).
func (p *Provider) clientForm(w http.ResponseWriter, r *http.Request) (url.Values, *refusal) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, &refusal{"invalid_request", "send a form"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, &refusal{"invalid_request", "the form cannot be read"}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, &refusal{"invalid_request", name + " occurs more than once"}
		}
	}
	return r.PostForm, p.authenticate(r)
}

// authenticate takes the client's id and secret from the body or, encoded as a form is, from HTTP
// Basic.
func (p *Provider) authenticate(r *http.Request) *refusal {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" {
			return &refusal{"invalid_request", "authenticate in one way only"}
		}
		var idErr, secretErr error
		id, idErr = url.QueryUnescape(user)
		secret, secretErr = url.QueryUnescape(password)
		if idErr != nil || secretErr != nil {
			return &refusal{"invalid_request", "the client's id and secret are not encoded as a form"}
		}
	}
	sameID := subtle.ConstantTimeCompare([]byte(id), []byte(p.clientID))
	sameSecret := subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret))
	if sameID&sameSecret != 1 {
		return &refusal{"invalid_client", "unknown client or wrong secret"}
	}
	return nil
}

// writeJSON answers status with v. Nothing here may be stored: half of it is tokens.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone; no one is left to tell
}
