package vending

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// retries is how often a vend is tried again after `upstream_unavailable`.
	retries = 2
	// firstBackoff is the mean wait before the first of them; it doubles.
	firstBackoff = 100 * time.Millisecond
)

// WithRetry returns a source that asks s again, at most twice and with jittered backoff, while
// s answers an `upstream_unavailable` that is not Final and the request's deadline allows another
// try. No other error is retried: each of them says that the next try ends the same way.
//
// The optional interfaces of a source answer as s does: [KeyTaker], [ExternalUsers], [TenantBound]
// and [Noter].
func WithRetry(s Source) Retrying { return Retrying{s} }

// Retrying is a source with the retries of [WithRetry].
type Retrying struct{ source Source }

// TakesCallerKey implements [KeyTaker].
func (r Retrying) TakesCallerKey() bool {
	s, ok := r.source.(KeyTaker)
	return ok && s.TakesCallerKey()
}

// NamesUsersByExternalID implements [ExternalUsers].
func (r Retrying) NamesUsersByExternalID() bool {
	s, ok := r.source.(ExternalUsers)
	return ok && s.NamesUsersByExternalID()
}

// Tenants implements [TenantBound].
func (r Retrying) Tenants() []string {
	if s, ok := r.source.(TenantBound); ok {
		return s.Tenants()
	}
	return nil
}

// Accepted implements [Noter].
func (r Retrying) Accepted(ctx context.Context, req Request, c Credential) {
	if s, ok := r.source.(Noter); ok {
		s.Accepted(ctx, req, c)
	}
}

var (
	_ KeyTaker      = Retrying{}
	_ ExternalUsers = Retrying{}
	_ TenantBound   = Retrying{}
	_ Noter         = Retrying{}
)

// Vend implements [Source].
func (r Retrying) Vend(ctx context.Context, req Request) (Credential, error) {
	backoff := firstBackoff
	for try := 0; ; try++ {
		cred, err := r.source.Vend(ctx, req)
		if err == nil || try == retries || !unavailable(err) {
			return cred, err
		}
		wait := backoff/2 + rand.N(backoff) //nolint:gosec // jitter is no secret
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return Credential{}, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return Credential{}, err
		case <-timer.C:
		}
		backoff *= 2
	}
}

func unavailable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == UpstreamUnavailable && !e.Final
}
