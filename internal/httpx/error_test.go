package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
)

func TestSafeError(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"dial": {dial, "dial tcp: connect: connection refused"},
		"dial, wrapped": {fmt.Errorf("canary: %w", &url.Error{Op: "Get", URL: "http://x/canary", Err: dial}),
			"dial tcp: connect: connection refused"},
		"proxy, dial": {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial},
			"proxyconnect: dial tcp: connect: connection refused"},
		"proxy, its words": {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("canary")},
			"proxyconnect: the response was unusable (*errors.errorString)"},
		"certificate": {&tls.CertificateVerificationError{Err: errors.New("x509: unknown")},
			"tls: failed to verify certificate: x509: unknown"},
		"deadline":           {fmt.Errorf("canary: %w", context.DeadlineExceeded), "context deadline exceeded"},
		"timeout":            {waited{}, "context deadline exceeded"},
		"canceled":           {&url.Error{Op: "Get", URL: "http://x/canary", Err: context.Canceled}, "context canceled"},
		"end":                {fmt.Errorf("canary: %w", io.EOF), "the connection was cut"},
		"unexpected end":     {fmt.Errorf("canary: %w", io.ErrUnexpectedEOF), "the connection was cut"},
		"plain HTTP":         {http.ErrSchemeMismatch, "http: server gave HTTP response to HTTPS client"},
		"too large":          {fmt.Errorf("%w: of 1 byte", ErrTooLarge), "the body is too large: of 1 byte"},
		"no transport":       {ErrNoTransport, "no transport to the host is configured"},
		"the server's words": {fmt.Errorf("canary: %w", http.ErrNotSupported), "the response was unusable (*fmt.wrapError)"},
		"safe": {fmt.Errorf("canary: %w", SafeError(errors.New("canary"))),
			"the response was unusable (*errors.errorString)"},
	} {
		t.Run(name, func(t *testing.T) {
			got := SafeError(c.err)
			if got.Error() != c.want || name != "safe" && !errors.Is(got, c.err) {
				t.Errorf("%q, want %q; it wraps the error: %t", got, c.want, errors.Is(got, c.err))
			}
		})
	}
	if SafeError(nil) != nil {
		t.Error("no error became one")
	}
}

// waited is like the error of net/http for a TLS handshake.
type waited struct{}

func (waited) Error() string   { return "canary" }
func (waited) Timeout() bool   { return true }
func (waited) Temporary() bool { return true }

// TestSafeStreamError names what HTTP/2 has to say.
func TestSafeStreamError(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	r := get(t, server.URL)
	_, err := Do(server.Client().Transport, r, 10)
	if err == nil || err.Error() != "the other side ended the HTTP/2 stream with error code 2" { // INTERNAL_ERROR
		t.Error(err)
	}
}

// TestUnreadable tells answers that cannot be read from calls that brought none.
func TestUnreadable(t *testing.T) {
	for name, tt := range map[string]struct {
		err                   error
		status                int
		unreadable, malformed bool
	}{
		"none":                      {nil, 200, false, false},
		"time-out":                  {context.DeadlineExceeded, 0, false, false},
		"too large":                 {SafeError(fmt.Errorf("%w: by one", ErrTooLarge)), 200, true, true},
		"too large with a 502":      {ErrTooLarge, 502, true, true},
		"unknown coding":            {SafeError(ErrCoding), 200, true, true},
		"unknown coding with a 502": {ErrCoding, 502, true, false},
	} {
		if got := Unreadable(tt.err); got != tt.unreadable {
			t.Errorf("%s: Unreadable is %t", name, got)
		}
		if got := (&Call{Status: tt.status, Err: tt.err}).Malformed(); got != tt.malformed {
			t.Errorf("%s: Malformed is %t", name, got)
		}
	}
}
