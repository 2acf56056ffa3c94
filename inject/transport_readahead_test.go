package inject

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// TestCallerLeavesReadAhead: nothing goes on where the caller leaves while the beginning of an
// answer is awaited.
func TestCallerLeavesReadAhead(t *testing.T) {
	for name, version2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			begun := make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				begun <- struct{}{}
				<-r.Context().Done()
			}))
			server.EnableHTTP2 = version2
			server.StartTLS()
			defer server.Close()
			before := runtime.NumGoroutine()
			var calls sync.WaitGroup
			for range 20 {
				ctx, leave := context.WithCancel(t.Context())
				calls.Go(func() { leaving(t, ctx, server) })
				<-begun
				leave()
			}
			calls.Wait()
			server.Client().CloseIdleConnections()
			server.CloseClientConnections()
			for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
				if time.Now().After(end) {
					t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
				}
			}
		})
	}
}

// leaving makes a call whose context ends before the answer's body does.
func leaving(t *testing.T, ctx context.Context, server *httptest.Server) {
	inj, err := NewInjection(mustPlace(t, sessions(server.URL)), fieldsOf("old"), "/", "", false,
		func(context.Context, vending.Credential) (vending.Credential, error) { return fieldsOf("new"), nil })
	if err != nil {
		t.Error(err)
		return
	}
	r, err := http.NewRequestWithContext(WithInjection(ctx, inj), http.MethodGet, "http://app/", http.NoBody)
	if err != nil {
		t.Error(err)
		return
	}
	begun := time.Now()
	res, err := (&Transport{Base: server.Client().Transport}).RoundTrip(r)
	if err == nil {
		_, err = io.ReadAll(res.Body) // may see the server end the answer as the connection closes
		_ = res.Body.Close()
	}
	if took := time.Since(begun); err != nil && !errors.Is(err, context.Canceled) || took >= prefixTimeout {
		t.Errorf("%v after %v", err, took)
	}
}
