package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/ory/fosite"
)

// maxForm bounds what is read of a request, in bytes.
const maxForm = 1 << 20

// server is the authorization server, the API behind it and the controls of both.
type server struct {
	url string
	options
	*provider
	log      *slog.Logger
	failures failures

	tokenCalls, refreshOK, refreshReuse, apiCalls atomic.Int64
}

func newServer(ctx context.Context, url string, o options, log *slog.Logger) (*server, error) {
	p, err := newProvider(ctx, o)
	if err != nil {
		return nil, err
	}
	return &server{url: url, options: o, provider: p, log: log}, nil
}

func (s *server) announcement() announcement {
	return announcement{URL: s.url, ClientID: s.clientID, ClientSecret: s.clientSecret}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/auth", s.authorize)
	mux.HandleFunc("POST /oauth2/token", s.token)
	mux.HandleFunc("POST /oauth2/revoke", s.revoke)
	mux.HandleFunc("POST /oauth2/introspect", s.introspect)
	mux.HandleFunc("GET /api/me", s.me)
	mux.HandleFunc("POST /control/grant", s.grant)
	mux.HandleFunc("POST /control/expire", s.expireToken)
	mux.HandleFunc("POST /control/fail", s.fail)
	mux.HandleFunc("GET /control/counters", s.counters)
	return readForms(mux)
}

// readForms reads each form before a handler takes the provider's lock: a slow client then holds up
// nobody else.
func readForms(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// registered reports whether uri is a redirect URI of the client, byte by byte (RFC 9700, section
// 2.1). fosite alone would let a loopback URI have any port (RFC 8252, section 7.3).
func (s *server) registered(uri string) bool { return slices.Contains(s.redirects, uri) }

// refused logs what fosite refused. Its hints name parameters, never a code or a token.
func (s *server) refused(r *http.Request, err error) {
	e := fosite.ErrorToRFC6749Error(err)
	s.log.InfoContext(r.Context(), "request refused", "path", r.URL.Path, "error", e.ErrorField, "hint", e.HintField)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nobody is left to tell
}
