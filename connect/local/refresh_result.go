package local

import (
	"errors"

	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// RefreshResult is what became of a refresh: RefreshOK, what the token endpoint refused it by, or
// what kept it from being made or stored.
type RefreshResult string

// The results of a refresh.
const (
	// RefreshOK brought a token, and it is stored.
	RefreshOK RefreshResult = "ok"
	// RefreshInvalidGrant ended the grant: the end user has to connect again.
	RefreshInvalidGrant RefreshResult = "invalid_grant"
	// RefreshRejected was refused for another reason, such as the OAuth client or a scope.
	RefreshRejected RefreshResult = "rejected"
	// RefreshRateLimited and RefreshUnavailable may succeed later.
	RefreshRateLimited RefreshResult = "rate_limited"
	RefreshUnavailable RefreshResult = "unavailable"
	// RefreshMalformed got a response that was not one of a token endpoint.
	RefreshMalformed RefreshResult = "malformed"
	// RefreshNotConfigured was not made: there is no usable OAuth client or address for it.
	RefreshNotConfigured RefreshResult = "not_configured"
	// RefreshLease was not made, or not finished: another process did not finish its own in time, or
	// took over.
	RefreshLease RefreshResult = "lease"
	// RefreshUnsaved brought a token that the store would not take. It is in memory alone.
	RefreshUnsaved RefreshResult = "unsaved"
	// RefreshFailed failed within this process.
	RefreshFailed RefreshResult = "failed"
)

// RefreshResults are all of them.
func RefreshResults() []RefreshResult {
	return []RefreshResult{
		RefreshOK, RefreshInvalidGrant, RefreshRejected, RefreshRateLimited, RefreshUnavailable, RefreshMalformed,
		RefreshNotConfigured, RefreshLease, RefreshUnsaved, RefreshFailed,
	}
}

// endpointResults are the results of calls that token endpoints did not answer with a token.
var endpointResults = map[tokenendpoint.Class]RefreshResult{
	tokenendpoint.InvalidGrant: RefreshInvalidGrant,
	tokenendpoint.Rejected:     RefreshRejected,
	tokenendpoint.RateLimited:  RefreshRateLimited,
	tokenendpoint.Unavailable:  RefreshUnavailable,
	tokenendpoint.Malformed:    RefreshMalformed,
}

// report tells the operator's metrics of a refresh of h. Callers that shared it count once.
func (s *Source) report(h connectionGrant, result RefreshResult) {
	if s.o.Refreshed != nil {
		s.o.Refreshed(h.App, result)
	}
}

// reportFailure reports a refresh that brought no token. A connection that was deleted meanwhile is
// no failure.
func (s *Source) reportFailure(h connectionGrant, err error) {
	if vending.AsError(err).Code != vending.ConnectionDeleted {
		s.report(h, resultOf(err))
	}
}

// reportSaved reports a refresh that brought a token, by what storing it returned.
func (s *Source) reportSaved(h connectionGrant, err error) {
	switch {
	case err == nil:
		s.report(h, RefreshOK)
	case vending.AsError(err).Code != vending.ConnectionDeleted:
		s.report(h, RefreshUnsaved)
	}
}

// resultOf is the result of a refresh that brought no token.
func resultOf(err error) RefreshResult {
	var r *tokenendpoint.Refusal
	switch {
	case errors.As(err, &r):
		return endpointResults[r.Class]
	case errors.Is(err, errLeaseHeld), errors.Is(err, errLeaseExpired), errors.Is(err, errLeaseTaken):
		return RefreshLease
	}
	return RefreshFailed
}
