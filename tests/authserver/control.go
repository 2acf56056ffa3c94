package main

import "net/http"

// grant mints a grant for the form value `subject` with the scopes of `scope`, which may be absent,
// and answers with the token response. It is not counted.
func (s *server) grant(w http.ResponseWriter, r *http.Request) {
	subject := r.Form.Get("subject")
	if subject == "" {
		http.Error(w, "name a subject", http.StatusBadRequest)
		return
	}
	tokens, err := s.mint(r.Context(), subject, r.Form.Get("scope"))
	if err != nil {
		s.refused(r, err)
		http.Error(w, "this grant is refused", http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusOK, tokens)
}

// expireToken ends the access token in the form value `token`. Its refresh token stays good.
func (s *server) expireToken(w http.ResponseWriter, r *http.Request) {
	switch found, err := s.expire(r.Context(), r.Form.Get("token")); {
	case err != nil:
		http.Error(w, "the token cannot be ended", http.StatusInternalServerError)
	case !found:
		http.Error(w, "no such access token", http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// tally is what happened since the start.
type tally struct {
	// TokenCalls counts every call of the token endpoint, the refused and the failed too.
	TokenCalls int64 `json:"token_calls"`
	// RefreshOK counts rotations.
	RefreshOK int64 `json:"refresh_ok"`
	// RefreshReuse counts refresh tokens that came after they were rotated away. A real provider ends
	// the grant at the first.
	RefreshReuse int64 `json:"refresh_reuse"`
	// APICalls counts calls of the API, the refused too.
	APICalls int64 `json:"api_calls"`
}

func (s *server) counters(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, tally{
		TokenCalls: s.tokenCalls.Load(), RefreshOK: s.refreshOK.Load(),
		RefreshReuse: s.refreshReuse.Load(), APICalls: s.apiCalls.Load(),
	})
}
