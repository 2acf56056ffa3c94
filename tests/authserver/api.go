package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// identity is what the API answers. The digest shows which token arrived without repeating it.
type identity struct {
	Subject     string `json:"subject"`
	TokenSHA256 string `json:"token_sha256"`
}

// me is the API: it says whom the bearer token stands for (RFC 6750).
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	s.apiCalls.Add(1)
	token, ok := bearer(r.Header)
	if !ok {
		// Without a token no error either (RFC 6750, section 3.1).
		unauthorized(w, `Bearer realm="authserver"`)
		return
	}
	subject, err := s.subject(r.Context(), token)
	if err != nil {
		unauthorized(w, `Bearer realm="authserver", error="invalid_token"`)
		return
	}
	digest := sha256.Sum256([]byte(token))
	writeJSON(w, http.StatusOK, identity{subject, hex.EncodeToString(digest[:])})
}

// bearer takes the token from the one Authorization header. fosite's own reader would also look
// into the query and the body, where a gateway must never put one, and pick the first of two
// headers.
func bearer(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

func unauthorized(w http.ResponseWriter, challenge string) {
	w.Header().Set("WWW-Authenticate", challenge)
	writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
}
