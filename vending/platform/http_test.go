package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// TestTransportErrors: a failing transport is unavailable, and what it says is told only where it
// cannot hold what was sent.
func TestTransportErrors(t *testing.T) {
	tests := map[string]struct {
		err  error
		told string
	}{
		"refused by the guard": {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("not a public address")},
			"dial tcp: not a public address"},
		"unexpected end": {fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), "the connection was cut"},
		"plain HTTP":     {http.ErrSchemeMismatch, "http: server gave HTTP response to HTTPS client"},
		"an echo": {errors.New("malformed response " + tenantKey),
			"the response was unusable (*errors.errorString)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), says(200, gmailToken))
			for doing, transport := range map[string]http.RoundTripper{
				"calling the platform": failing{tt.err}, "reading the platform's response": breaking{tt.err},
			} {
				source := newSource(t, s, func(o *platform.Options) { o.Transport = transport })
				cred, err := vend(source, request())
				e := refusal(t, cred, err, vending.UpstreamUnavailable)
				if want := "upstream_unavailable: " + doing + ": " + tt.told; e.Error() != want {
					t.Errorf("error = %s, want %s", e, want)
				}
			}
		})
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// breaking answers with a body that fails.
type breaking struct{ err error }

func (b breaking) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: b}, nil
}

func (b breaking) Read([]byte) (int, error) { return 0, b.err }

func (breaking) Close() error { return nil }

// TestUnreachable: nobody listens.
func TestUnreachable(t *testing.T) {
	s := serve(t, hang, hang)
	source := newSource(t, s)
	s.Close()
	cred, err := vend(source, request())
	refused(t, cred, err, vending.UpstreamUnavailable)
}

// TestCallerGone: the caller's end is the vend's end, and is told as such.
func TestCallerGone(t *testing.T) {
	asked := make(chan struct{})
	hanging := func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		hang(w, r)
	}
	for call, handlers := range map[string][2]http.HandlerFunc{
		"metadata": {hanging, says(200, gmailToken)}, "token": {says(200, activeGmail), hanging},
	} {
		t.Run(call, func(t *testing.T) {
			source := newSource(t, serve(t, handlers[0], handlers[1]))
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-asked
				cancel()
			}()
			cred, err := source.Vend(ctx, request())
			if !errors.Is(err, context.Canceled) || !cred.IsZero() {
				t.Errorf("Vend = %t, %v", cred.IsZero(), err)
			}
			if want := "vending from the platform: context canceled"; err.Error() != want {
				t.Errorf("error = %q, want %q", err, want)
			}
		})
	}
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_, err := newSource(t, serve(t, hang, hang)).Vend(ctx, request())
		if !errors.Is(err, context.DeadlineExceeded) || vending.AsError(err).Code != vending.UpstreamUnavailable {
			t.Errorf("error = %v", err)
		}
	})
}

// TestConnectionsAreReused: success and refusal alike leave the socket fit for the next vend.
func TestConnectionsAreReused(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"success": says(200, gmailToken), "refusal": refuses(401, "needs_reconnection"),
		"misshapen": says(200, "<html>"+strings.Repeat(" ", 100<<10)),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), answer)
			var c *counting
			source := newSource(t, s, func(o *platform.Options) {
				c = &counting{RoundTripper: o.Transport}
				o.Transport = c
			})
			for range 10 {
				_, _ = vend(source, request())
			}
			if got := len(s.sockets); got != 1 {
				t.Errorf("%d sockets for 10 vends", got)
			}
			if got := c.closed.Load(); got != 11 {
				t.Errorf("%d of 11 bodies closed", got)
			}
		})
	}
}

// TestStaleConnection: a server that hangs up on a kept-alive socket as the next vend begins costs
// no error.
func TestStaleConnection(t *testing.T) {
	tokens := 0
	s := serve(t, says(200, activeGmail), func(w http.ResponseWriter, r *http.Request) {
		if tokens++; tokens == 2 {
			raw("")(w, r)
			return
		}
		if r.Header.Values("X-Idempotency-Key") != nil {
			t.Error("the idempotency key was sent")
		}
		says(200, gmailToken)(w, r)
	})
	source := newSource(t, s)
	for range 2 {
		cred, err := vend(source, request())
		vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
	}
	if tokens != 3 {
		t.Errorf("%d token calls", tokens)
	}
}
