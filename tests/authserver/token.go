package main

import (
	"net/http"
	"time"

	"github.com/ory/fosite"
)

// token is the token endpoint (RFC 6749, section 3.2). Its answer waits for the configured delay;
// what it says has happened by then.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	s.tokenCalls.Add(1)
	answer := s.failures.next()
	if answer == nil {
		answer = s.exchangeToken(r)
	}
	if s.delay > 0 {
		timer := time.NewTimer(s.delay)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
		}
	}
	answer(w)
}

// exchangeToken does what r asks for and returns the answer to it.
func (s *server) exchangeToken(r *http.Request) func(http.ResponseWriter) {
	ctx := r.Context()
	s.mu.Lock()
	defer s.mu.Unlock()
	refresh := r.PostForm.Get("grant_type") == "refresh_token"
	reused := refresh && s.reused(ctx, r.PostForm.Get("refresh_token"))
	request, response, err := s.exchange(ctx, r)
	if err != nil {
		if reused {
			s.refreshReuse.Add(1)
		}
		s.refused(r, err)
		return func(w http.ResponseWriter) { s.oauth.WriteAccessError(ctx, w, request, err) }
	}
	if refresh {
		s.refreshOK.Add(1)
	}
	return func(w http.ResponseWriter) { s.oauth.WriteAccessResponse(ctx, w, request, response) }
}

// revoke is the revocation endpoint (RFC 7009). Either token of a grant ends both.
func (s *server) revoke(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.oauth.NewRevocationRequest(ctx, r)
	if err != nil {
		s.refused(r, err)
	}
	s.oauth.WriteRevocationResponse(ctx, w, err)
}

// introspect is the introspection endpoint (RFC 7662).
func (s *server) introspect(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	s.mu.Lock()
	defer s.mu.Unlock()
	response, err := s.oauth.NewIntrospectionRequest(ctx, r, &fosite.DefaultSession{})
	if err != nil {
		s.refused(r, err)
		s.oauth.WriteIntrospectionError(ctx, w, err)
		return
	}
	s.oauth.WriteIntrospectionResponse(ctx, w, response)
}
