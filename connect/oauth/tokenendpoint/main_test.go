package tokenendpoint

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the clock of every endpoint here.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testClient has an id and a secret that must be escaped.
var testClient = connect.OAuthClient{ID: "client:id", Secret: vending.NewSecret("canary client+secret")}

// held is a grant that is about to be refreshed.
var held = connect.GrantValues{
	AccessToken: "canary-access-0", RefreshToken: "canary-refresh-0", TokenType: "Bearer", Scope: "mail",
	Fields: []vending.Field{{Name: "site", Value: "acme"}},
}

// start serves h and returns its endpoint, with change made to what the catalog says.
func start(t *testing.T, h http.Handler, change ...func(*catalog.OAuth2)) *Endpoint {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o := &catalog.OAuth2{TokenURL: server.URL + "/token?tenant=a", RevokeURL: server.URL + "/revoke"}
	for _, f := range change {
		f(o)
	}
	return New(o, testClient, server.Client().Transport, func() time.Time { return now })
}

// answer is one way in which an endpoint answers.
type answer struct {
	status int
	body   string
	header map[string]string
}

func (a answer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// recorder keeps what it is asked, and answers as told.
type recorder struct {
	answer
	calls []call
}

// call is a request as it arrived.
type call struct{ line, authorization, contentType, body string }

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	rec.calls = append(rec.calls,
		call{r.Method + " " + r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)})
	rec.answer.ServeHTTP(w, r)
}
