package tokenendpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

var html = map[string]string{"Content-Type": "text/html"}

// TestRefusals has every way in which a token endpoint grants nothing.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.Handler
		class  Class
		status int
		code   string
		retry  time.Duration
	}{
		"invalid_grant": {answer{400, `{"error":"invalid_grant","error_description":"canary-body"}`, nil}, InvalidGrant,
			400, "invalid_grant", 0},
		"invalid_grant as 401": {answer{401, `{"error":"invalid_grant"}`, nil}, InvalidGrant, 401, "invalid_grant", 0},
		"in upper case":        {answer{400, `{"error":"INVALID_GRANT"}`, nil}, InvalidGrant, 400, "INVALID_GRANT", 0},
		"bad_refresh_token, 200": {answer{200, `{"error":"bad_refresh_token","access_token":"canary-body"}`, nil},
			InvalidGrant,
			200, "bad_refresh_token", 0},
		"bad_verification_code, 200": {answer{200, `{"error":"bad_verification_code"}`, nil}, InvalidGrant, 200,
			"bad_verification_code", 0},
		"form-encoded": {answer{200, `error=token_expired`, map[string]string{"Content-Type": form}}, InvalidGrant,
			200, "token_expired", 0},
		"429 with seconds": {answer{429, `{"error":"slow_down"}`, map[string]string{"Retry-After": "17"}}, RateLimited,
			429, "slow_down", 17 * time.Second},
		"429 with a date": {answer{429, ``,
			map[string]string{"Retry-After": now.Add(time.Minute).Format(http.TimeFormat)}}, RateLimited, 429, "", time.Minute},
		"429 with invalid_grant": {answer{429, `{"error":"invalid_grant"}`, nil}, RateLimited, 429, "invalid_grant",
			time.Second},
		"500":                    {answer{500, `canary-body`, nil}, Unavailable, 500, "", 0},
		"503 with invalid_grant": {answer{503, `{"error":"invalid_grant"}`, nil}, Unavailable, 503, "invalid_grant", 0},
		"408":                    {answer{408, ``, nil}, Unavailable, 408, "", 0},
		"temporarily_unavailable": {answer{400, `{"error":"temporarily_unavailable"}`, nil}, Unavailable, 400,
			"temporarily_unavailable", 0},
		"server_error": {answer{400, `{"error":"server_error"}`, nil}, Unavailable, 400, "server_error", 0},
		"redirect":     {answer{302, ``, map[string]string{"Location": "/canary"}}, Malformed, 302, "", 0},
		"redirect to nowhere": {answer{302, ``, map[string]string{"Location": "http://[canary"}}, Malformed, 302, "",
			0},
		"empty 200": {answer{200, ``, nil}, Malformed, 200, "", 0},
		"HTML 200":  {answer{200, `<html>canary-body</html>`, html}, Malformed, 200, "", 0},
		"204":       {answer{204, ``, nil}, Malformed, 204, "", 0},
		"no token": {answer{200, `{"token_type":"bearer","refresh_token":"canary-refresh-x"}`, nil},
			Malformed, 200, "", 0},
		"empty token":           {answer{200, `{"access_token":""}`, nil}, Malformed, 200, "", 0},
		"no object":             {answer{200, `"canary-body"`, nil}, Malformed, 200, "", 0},
		"half an object":        {answer{200, `{"access_token":"canary-body`, nil}, Malformed, 200, "", 0},
		"token of a wrong type": {answer{200, `{"access_token":["canary-body"]}`, nil}, Malformed, 200, "", 0},
		"expires_in of a wrong type": {answer{200, `{"access_token":"canary-body","expires_in":"soon"}`, nil}, Malformed, 200,
			"", 0},
		"oversized": {answer{200, `{"access_token":"` + strings.Repeat("x", maxAnswer) + `"}`, nil},
			Malformed, 200, "", 0},
		"oversized form": {answer{200, "access_token=" + strings.Repeat("x", maxAnswer),
			map[string]string{"Content-Type": "text/plain"}}, Malformed, 200, "", 0},
		"oversized refusal": {answer{400, `{"error":"` + strings.Repeat("x", maxAnswer) + `"}`, nil}, Malformed, 400,
			"", 0},
		"invalid_client": {answer{401, `{"error":"invalid_client","error_description":"canary-body"}`, nil},
			Rejected, 401, "invalid_client", 0},
		"404":                   {answer{404, `canary-body`, html}, Rejected, 404, "", 0},
		"error of a wrong type": {answer{400, `{"error":{"message":"canary-body"}}`, nil}, Rejected, 400, "", 0},
		"a code that logs": {answer{400, `{"error":"bad\u0000\ncode \u00e9 ` + strings.Repeat("y", 100) + `"}`,
			nil}, Rejected, 400, "badcode" + strings.Repeat("y", 57), 0},
		"a code with our token": {answer{400, `{"error":"unknown token canary-refresh-0"}`, nil}, Rejected, 400, Withheld,
			0},
		"a code with our secret": {answer{400, `{"error":"unknown client canary client+secret"}`, nil}, Rejected, 400,
			Withheld, 0},
		"connection cut": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), Unavailable, 0, "", 0},
		"cut in the body": {http.HandlerFunc(cut), Unavailable, 200, "", 0},
		"malformed HTTP": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 canary-body\r\n\r\n")
		}), Unavailable, 0, "", 0},
		"never answers": {hanging(never), Unavailable, 0, "", 0},
		"slow drip":     {hanging(drip), Unavailable, 200, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, c.answer)
			ctx, cancel := context.WithTimeout(t.Context(), timeoutFor(c.answer))
			defer cancel()
			got, err := e.Refresh(ctx, held)
			var r *Refusal
			if !errors.As(err, &r) {
				t.Fatalf("error %v, want a refusal", err)
			}
			if r.Class != c.class || r.Status != c.status || r.Code != c.code || r.RetryAfter != c.retry {
				t.Errorf("class %v, status %d, code %q, retry after %v; want %v, %d, %q, %v", r.Class, r.Status, r.Code,
					r.RetryAfter, c.class, c.status, c.code, c.retry)
			}
			if got.AccessToken != "" || strings.Contains(err.Error(), "canary") {
				t.Errorf("a token came, or the error quotes the provider: %v", err)
			}
			if ctx.Err() != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want the deadline", err)
			}
		})
	}
}

// hanging is a provider's answer that does not end, or does not come.
type hanging http.HandlerFunc

func (h hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(w, r) }

func never(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// timeoutFor is the timeout of a call: it is waited for only where the answer is not.
func timeoutFor(h http.Handler) time.Duration {
	if _, ok := h.(hanging); ok {
		return 2 * time.Second
	}
	return 30 * time.Second
}

func hijack(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// cut promises more than it sends.
func cut(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	hijack(w,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"canary-body\"}")
}

// drip sends a byte whenever the last has gone out, until the client leaves.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// TestAsksOnce: whatever the answer, no second call with the other client authentication.
func TestAsksOnce(t *testing.T) {
	for _, style := range []string{"", "body", "header", "header_raw"} {
		rec := &recorder{answer: answer{401, `{"error":"invalid_client"}`, nil}}
		e := start(t, rec, func(o *catalog.OAuth2) { o.ClientAuth = style })
		for _, ask := range []func() (connect.GrantValues, error){
			func() (connect.GrantValues, error) { return redeemPlain(t, e) },
			func() (connect.GrantValues, error) { return e.Refresh(t.Context(), held) },
			func() (connect.GrantValues, error) { return e.ClientCredentials(t.Context(), held) },
		} {
			rec.calls = nil
			_, err := ask()
			var r *Refusal
			if !errors.As(err, &r) || !r.BlamesClient() || len(rec.calls) != 1 {
				t.Errorf("%q: %v after %d calls, want a blamed client after 1", style, err, len(rec.calls))
			}
		}
	}
}

func TestBlamesClient(t *testing.T) {
	for _, c := range []struct {
		answer answer
		want   bool
	}{
		{answer{400, `{"error":"invalid_client"}`, nil}, true},
		{answer{400, `{"error":"Unauthorized_Client"}`, nil}, true},
		{answer{401, ``, nil}, true},
		{answer{401, `{"error":"invalid_grant"}`, nil}, false},
		{answer{400, `{"error":"invalid_scope"}`, nil}, false},
		{answer{503, `{"error":"invalid_client"}`, nil}, false},
	} {
		_, err := start(t, c.answer).Refresh(t.Context(), held)
		var r *Refusal
		if !errors.As(err, &r) || r.BlamesClient() != c.want {
			t.Errorf("%d %s: %v, want a blamed client: %v", c.answer.status, c.answer.body, err, c.want)
		}
	}
}

// TestRedirectIsNotFollowed checks that neither the grant nor the secret goes elsewhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := 0
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer evil.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		e := start(t, answer{status, "", map[string]string{"Location": evil.URL}})
		_, redeemed := redeemPlain(t, e)
		_, refreshed := e.Refresh(t.Context(), held)
		_, own := e.ClientCredentials(t.Context(), held)
		revoked := revokeAccess(t, e)
		for _, err := range []error{redeemed, refreshed, own, revoked} {
			var r *Refusal
			if !errors.As(err, &r) || r.Class != Malformed || elsewhere != 0 {
				t.Errorf("%d: %v, %d calls elsewhere", status, err, elsewhere)
			}
		}
	}
}

// TestFault names what went wrong on the way.
func TestFault(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	strange := httptest.NewUnstartedServer(answer{200, "{}", nil})
	strange.Config.ErrorLog = log.New(io.Discard, "", 0) // of the clients that do not trust it
	strange.StartTLS()
	defer strange.Close()
	named := strings.Replace(strange.URL, "127.0.0.1", "localhost", 1)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for name, c := range map[string]struct {
		url       string
		transport http.RoundTripper
		want      string
	}{
		"no transport":      {closed.URL, nil, "no transport to the host is configured"},
		"refused":           {closed.URL, &http.Transport{}, "connection refused"},
		"unknown authority": {strange.URL, &http.Transport{}, "x509: certificate signed by unknown authority"},
		"another's name":    {named, strange.Client().Transport, "x509: certificate is valid for"},
		"no TLS handshake": {"https://" + silent.Addr().String(),
			&http.Transport{TLSHandshakeTimeout: 50 * time.Millisecond}, context.DeadlineExceeded.Error()},
		"unknown name":   {"http://vendgate.invalid", &http.Transport{}, "lookup vendgate.invalid"},
		"a secret in it": {closed.URL, failing{}, "the response was unusable (*fmt.wrapError)"},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(&catalog.OAuth2{TokenURL: c.url}, testClient, c.transport, time.Now)
			_, err := e.Refresh(t.Context(), held)
			var r *Refusal
			if !errors.As(err, &r) || r.Class != Unavailable || r.Status != 0 ||
				!strings.HasPrefix(err.Error(), "calling the token endpoint: ") || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestBound has the largest answer that is taken.
func TestBound(t *testing.T) {
	const around = len(`{"access_token":""}`)
	got, err := start(t, answer{200, `{"access_token":"` + strings.Repeat("x", maxAnswer-around) + `"}`, nil}).Refresh(
		t.Context(), held)
	if err != nil || len(got.AccessToken) != 256<<10-around {
		t.Errorf("%d bytes of a token, %v", len(got.AccessToken), err)
	}
}

// TestCallerLeaves tells a caller who left from a provider that is away.
func TestCallerLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	e := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		leave()
		<-r.Context().Done()
	}))
	if _, err := e.Refresh(ctx, held); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// failing quotes what it should not.
type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("canary-body: %w", http.ErrNotSupported)
}
