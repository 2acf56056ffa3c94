package vending_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// script is a source that answers each vend with the next of its errors, and with a credential
// when they are used up. It keeps when it was asked, since start.
type script struct {
	errs  []error
	start time.Time
	asked []time.Duration
	seen  vending.Request
}

func (s *script) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	s.asked, s.seen = append(s.asked, time.Since(s.start)), r
	if n := len(s.asked); n <= len(s.errs) && s.errs[n-1] != nil {
		return vending.Credential{}, s.errs[n-1]
	}
	return vending.NewOAuth("gmail", "token", "", time.Time{}), nil
}

var (
	unavailable = vending.Errorf(vending.UpstreamUnavailable, errors.New("down"))
	final       = &vending.Error{Code: vending.UpstreamUnavailable, Final: true, Err: errors.New("misread")}
)

func TestWithRetry(t *testing.T) {
	plain := errors.New("plain")
	tests := map[string]struct {
		errs  []error
		tries int
		want  error
	}{
		"success":                 {nil, 1, nil},
		"success at the second":   {[]error{unavailable}, 2, nil},
		"success at the third":    {[]error{unavailable, unavailable}, 3, nil},
		"never a fourth":          {[]error{unavailable, unavailable, unavailable}, 3, unavailable},
		"wrapped":                 {[]error{fmt.Errorf("vending: %w", unavailable)}, 2, nil},
		"plain error":             {[]error{plain}, 1, plain},
		"its own time-out":        {[]error{context.DeadlineExceeded}, 1, context.DeadlineExceeded},
		"another after the first": {[]error{unavailable, plain}, 2, plain},
		"final":                   {[]error{final}, 1, final},
		"final after the first":   {[]error{unavailable, final}, 2, final},
	}
	for _, code := range []vending.Code{
		vending.InvalidUserEmail, vending.InvalidRequest, vending.AppMismatch, vending.InvalidTenantKey,
		vending.NeedsReconnection,
		vending.CapabilityDisabled, vending.PolicyDenied, vending.ConnectionDeleted, vending.UnknownApp,
		vending.ConnectionInUse,
		vending.ConnectionNotActive, vending.RequestTooLarge, vending.RateLimited, vending.InternalError,
	} {
		err := vending.Errorf(code, nil)
		row := tests[string(code)]
		row.errs, row.tries, row.want = []error{err}, 1, err
		tests[string(code)] = row
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{errs: tt.errs, start: time.Now()}
				cred, err := vending.WithRetry(s).Vend(t.Context(), vending.Request{Connection: "c1"})
				if !errors.Is(err, tt.want) || cred.IsZero() != (tt.want != nil) {
					t.Errorf("Vend = %t, %v; want %v", cred.IsZero(), err, tt.want)
				}
				if len(s.asked) != tt.tries || s.seen.Connection != "c1" {
					t.Errorf("%d tries for %q, want %d", len(s.asked), s.seen.Connection, tt.tries)
				}
			})
		})
	}
}

// TestBackoff: the waits are jittered within 50…150 ms and 100…300 ms, and not always the same.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := map[time.Duration]bool{}
		for range 200 {
			s := &script{errs: []error{unavailable, unavailable, unavailable}, start: time.Now()}
			if _, err := vending.WithRetry(s).Vend(t.Context(), vending.Request{}); !errors.Is(err, unavailable) {
				t.Fatalf("Vend: %v", err)
			}
			a, b := s.asked[1]-s.asked[0], s.asked[2]-s.asked[1]
			if a < 50*time.Millisecond || a >= 150*time.Millisecond || b < 100*time.Millisecond || b >= 300*time.Millisecond {
				t.Errorf("waited %v and %v", a, b)
			}
			if end := time.Since(s.start); end != s.asked[2] {
				t.Errorf("waited %v after the last try", end-s.asked[2])
			}
			first[a] = true
		}
		if len(first) < 2 {
			t.Error("no jitter: a crowd of callers would come back together")
		}
	})
}

// TestRetryWithinDeadline: what cannot be tried again in time is answered at once and not when the
// time is up.
func TestRetryWithinDeadline(t *testing.T) {
	tests := map[string]struct {
		deadline    time.Duration
		least, most int // tries
	}{
		"no room":          {50 * time.Millisecond, 1, 1},
		"room for one":     {200 * time.Millisecond, 2, 3},
		"room for all":     {450 * time.Millisecond, 3, 3},
		"already too late": {0, 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
					s := &script{errs: []error{unavailable, unavailable, unavailable}, start: time.Now()}
					_, err := vending.WithRetry(s).Vend(ctx, vending.Request{})
					took := time.Since(s.start)
					cancel()
					if n := len(s.asked); !errors.Is(err, unavailable) || n < tt.least || n > tt.most {
						t.Errorf("Vend = %v after %d tries", err, n)
					}
					if last := s.asked[len(s.asked)-1]; took != last || last > tt.deadline {
						t.Errorf("last try after %v, answer after %v, deadline %v", last, took, tt.deadline)
					}
				}
			})
		})
	}
}

// TestRetryCancelled: a caller that goes away ends the wait.
func TestRetryCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{errs: []error{unavailable, unavailable, unavailable}, start: time.Now()}
		stop := time.AfterFunc(20*time.Millisecond, cancel)
		defer stop.Stop()
		_, err := vending.WithRetry(s).Vend(ctx, vending.Request{})
		if took := time.Since(s.start); !errors.Is(err, unavailable) || len(s.asked) != 1 || took != 20*time.Millisecond {
			t.Errorf("Vend = %v after %d tries and %v", err, len(s.asked), took)
		}
	})
}

// told is a source with all optional interfaces.
type told struct {
	script
	accepted vending.Request
}

func (*told) TakesCallerKey() bool         { return true }
func (*told) NamesUsersByExternalID() bool { return true }
func (*told) Tenants() []string            { return []string{"acme"} }

func (s *told) Accepted(_ context.Context, r vending.Request, _ vending.Credential) { s.accepted = r }

// TestWithRetryHidesNothing: the optional interfaces answer as those of the source.
func TestWithRetryHidesNothing(t *testing.T) {
	s := new(told)
	for name, tt := range map[string]struct {
		source  vending.Source
		says    bool
		tenants []string
	}{"with them": {s, true, []string{"acme"}}, "without them": {new(script), false, nil}} {
		var wrapped vending.Source = vending.WithRetry(tt.source)
		if got := wrapped.(vending.KeyTaker).TakesCallerKey(); got != tt.says {
			t.Errorf("%s: TakesCallerKey is %t", name, got)
		}
		if got := wrapped.(vending.ExternalUsers).NamesUsersByExternalID(); got != tt.says {
			t.Errorf("%s: NamesUsersByExternalID is %t", name, got)
		}
		if got := wrapped.(vending.TenantBound).Tenants(); !slices.Equal(got, tt.tenants) || (got == nil) != !tt.says {
			t.Errorf("%s: Tenants are %q", name, got)
		}
		wrapped.(vending.Noter).Accepted(t.Context(), vending.Request{Connection: "c1"}, vending.Credential{})
	}
	if s.accepted.Connection != "c1" {
		t.Errorf("the source was told of %+v", s.accepted)
	}
}
