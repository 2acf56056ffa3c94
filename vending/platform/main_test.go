package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What no error, log line or other answer may ever hold.
const (
	tenantKey = "pk_live_canaryKEY4711"
	secret    = "ya29.canaryTOKEN4711"
)

const (
	activeGmail = `{"status":"success","message":"ok","data":{"id":"c1","name":"Work","app":{"id":"a1","slug":"gmail","name":"Gmail"},"status":"active","needs_reconnection":false}}`
	gmailToken  = `{"status":"success","message":"ok","data":{"access_token":"` + secret +
		`","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}}`
)

// seen is one request as it came over the socket.
type seen struct{ method, uri, auth, user string }

// server is a Platform API server that answers as told and keeps what it was asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
	sockets  map[string]bool // the addresses that requests came from
}

// serve starts a server: connection answers GET, token answers POST.
func serve(t *testing.T, connection, token http.HandlerFunc) *server {
	t.Helper()
	s := &server{sockets: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests,
			seen{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-User-Email")})
		s.sockets[r.RemoteAddr] = true
		s.mu.Unlock()
		if r.Method == http.MethodGet {
			connection(w, r)
			return
		}
		token(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns how many requests of that method came.
func (s *server) asked(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r.method == method {
			n++
		}
	}
	return n
}

func (s *server) all() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// says answers status and body, with header lines as name, value pairs.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// refuses answers status with an error envelope of code that echoes the key.
func refuses(status int, code string, header ...string) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"status":"error","message":"no %s","data":{"code":%q}}`, tenantKey, code), header...)
}

// ownKey is the key of every tenant but "stranger".
func ownKey(tenant string) (vending.Secret, bool) {
	return vending.NewSecret(tenantKey), tenant != "stranger"
}

// newSource makes a source that asks s with a transport of its own.
func newSource(t *testing.T, s *server, change ...func(*platform.Options)) *platform.Source {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o := platform.Options{BaseURL: s.URL + "/platform/v1/", AllowHTTP: true, Transport: transport, Key: ownKey}
	for _, f := range change {
		f(&o)
	}
	source, err := platform.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return source
}

func passthrough(o *platform.Options) { o.Key, o.Passthrough = nil, true }

// request asks for alice's gmail, connection c1.
func request() vending.Request {
	return vending.Request{
		Tenant: "acme", User: "alice@example.com", Connection: "c1", App: "gmail", Key: vending.NewSecret(tenantKey),
	}
}

// refused asserts that Vend ended with code, without a credential and without a canary.
func refused(t *testing.T, cred vending.Credential, err error, code vending.Code) {
	t.Helper()
	_ = refusal(t, cred, err, code)
}

// refusal asserts what refused does and returns the error.
func refusal(t *testing.T, cred vending.Credential, err error, code vending.Code) *vending.Error {
	t.Helper()
	var e *vending.Error
	if !errors.As(err, &e) || e.Code != code || !cred.IsZero() {
		t.Fatalf("Vend = credential %t, error %v; want none and %s", !cred.IsZero(), err, code)
	}
	if e.Origin != vending.FromVending {
		t.Errorf("origin = %s", e.Origin)
	}
	clean(t, fmt.Sprintf("%v %+v %#v %s", err, err, err, e.Text()))
	return e
}

// clean asserts that text holds none of the canaries.
func clean(t *testing.T, text string) {
	t.Helper()
	for _, canary := range []string{tenantKey, secret, "canary"} {
		if strings.Contains(text, canary) {
			t.Errorf("a secret got out: %s", text)
		}
	}
}

// vended asserts that Vend returned exactly the fields given as name, value pairs.
func vended(t *testing.T, cred vending.Credential, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatalf("Vend: %v", err)
	}
	var got []string
	for name, value := range cred.Fields() {
		got = append(got, name, value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("fields = %q, want %q", got, want)
	}
}

func vend(s vending.Source, r vending.Request) (vending.Credential, error) {
	return s.Vend(context.Background(), r)
}
