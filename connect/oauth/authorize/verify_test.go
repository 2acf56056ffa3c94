package authorize

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// TestVerdicts has each answer to a verify request, once for an app whose failures prove something
// and once for one whose do not. The answer's body is a canary.
func TestVerdicts(t *testing.T) {
	cases := map[string]struct {
		answer http.Handler
		status int
		want   Kind // empty for acceptance
		unsure Kind // where failures may have other causes
	}{
		"connection cut": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), 0, Unreachable, Unreachable},
		"never answers": {hanging(never), 0, Unreachable, Unreachable},
		"endless 200":   {hanging(drip), 200, "", ""},
	}
	unsure := map[int]Kind{
		301: Malformed, 302: Malformed, 304: Malformed, 307: Malformed, 400: Unconfirmed, 403: Unconfirmed, 404: Unconfirmed,
		418: Unconfirmed,
	}
	for status, want := range map[int]Kind{
		200: "", 201: "", 204: "", 299: "",
		301: WrongCredential, 302: WrongCredential, 304: WrongCredential, 307: WrongCredential,
		400: WrongCredential, 401: WrongCredential, 403: WrongCredential, 404: WrongCredential, 418: WrongCredential,
		408: Unreachable, 429: Unreachable, 500: Unreachable, 502: Unreachable, 503: Unreachable, 599: Unreachable,
	} {
		body := "canary-body"
		if status == 204 || status == 304 {
			body = ""
		}
		cases[fmt.Sprint(status)] = struct {
			answer http.Handler
			status int
			want   Kind
			unsure Kind
		}{answer{status, body, map[string]string{"Location": "/elsewhere", "X-Canary": "canary"}}, status, want,
			cmp.Or(unsure[status], want)}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			begun := time.Now()
			g, err := s.FromFields(t.Context(), s.keyed(), fields("api_key", "canary-key"))
			if c.want == "" {
				if err != nil || !g.Verified() ||
					!reflect.DeepEqual(g.Reveal(), connect.GrantValues{Fields: fields("api_key", "canary-key")}) {
					t.Errorf("not accepted, or as another grant: %v", err)
				}
			} else if p := s.mustBe(t, err, c.want); p.Status != c.status || !g.IsZero() {
				t.Errorf("status %d, want %d", p.Status, c.status)
			}
			if got := s.calls(); len(got) != 1 || got[0].line != "GET /api/me" {
				t.Errorf("%d calls, want one of GET /api/me", len(got))
			}
			if took := time.Since(begun); took > generous {
				t.Errorf("it took %v", took)
			}
			s.unsure(t, c.status, c.unsure)
		})
	}
}

// unsure tries the app whose failures prove little, without and with the end user's word that it be
// stored.
func (s *stage) unsure(t *testing.T, status int, want Kind) {
	t.Helper()
	app := s.keyed(func(a *catalog.App) { a.Verify.Inconclusive = true })
	for name, from := range map[string]func(context.Context, *catalog.App, []vending.Field) (connect.Grant, error){
		"": s.FromFields, "anyway": s.FromUnconfirmedFields,
	} {
		g, err := from(t.Context(), app, fields("api_key", "canary-key"))
		if want == "" || want == Unconfirmed && name == "anyway" {
			if err != nil || g.IsZero() || g.Verified() != (want == "") {
				t.Errorf("unsure, %s: verified %t, %v", name, g.Verified(), err)
			}
		} else if p := s.mustBe(t, err, want); p.Status != status || !g.IsZero() {
			t.Errorf("unsure, %s: status %d, want %d", name, p.Status, status)
		}
		if n := len(s.calls()); n != 1 {
			t.Errorf("unsure, %s: %d calls", name, n)
		}
	}
}

// TestVerifyNowhere has no upstream at all.
func TestVerifyNowhere(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	s := newStage(t, granted)
	nowhere := func(a *catalog.App) { a.Upstream = closed.URL }
	_, err := s.FromFields(t.Context(), s.keyed(nowhere), fields("api_key", "canary"))
	if p := s.mustBe(t, err, Unreachable); !strings.Contains(p.Error(), "connection refused") {
		t.Errorf("error %v does not say why", err)
	}
	for name, transport := range map[string]func(*catalog.App) http.RoundTripper{
		"none": nil, "none for the app": func(*catalog.App) http.RoundTripper { return nil },
	} {
		s := newStage(t, granted, func(o *Options) { o.Transport = transport })
		for _, app := range []*catalog.App{s.keyed(), s.machine()} {
			values := fields("api_key", "canary")
			if app.ClientCredentials() {
				values = fields("client_id", "canary", "client_secret", "canary")
			}
			_, err := s.FromFields(t.Context(), app, values)
			s.mustBe(t, err, Unreachable)
			if n := len(s.calls()); n != 0 {
				t.Errorf("%s: %s was called %d times", name, app.Slug, n)
			}
		}
	}
}

func macOf(key, message string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestVerifyBytes looks at what the upstream got, for each placement.
func TestVerifyBytes(t *testing.T) {
	const key = `c/a?n&a r%y`
	with := func(p *catalog.Placement) func(*catalog.App) { return func(a *catalog.App) { a.Placement = p } }
	for name, c := range map[string]struct {
		change func(*catalog.App)
		line   string
		header http.Header
		body   string
	}{
		"header": {func(*catalog.App) {}, "GET /api/me", http.Header{"X-Key": {key}}, ""},
		"query": {with(&catalog.Placement{Query: map[string]string{"key": "{api_key}"}}),
			"GET /api/me?key=c%2Fa%3Fn%26a+r%25y", http.Header{}, ""},
		"basic": {with(&catalog.Placement{Basic: &catalog.Basic{Username: "u", Password: "{api_key}"}}), "GET /api/me",
			http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+key))}}, ""},
		"path prefix": {with(&catalog.Placement{PathPrefix: "/bot{api_key}"}), "GET /api/botc%2Fa%3Fn&a%20r%25y/me",
			http.Header{}, ""},
		"sign": {func(a *catalog.App) {
			a.Placement = nil
			a.Sign = &catalog.Sign{Scheme: "hmac", Hash: "sha256", Key: "{api_key}", Message: "{method}{path}{body}",
				Header: "X-Sign"}
			a.Verify = &catalog.Verify{Method: "POST", Path: "/me?a=b", Body: `{{"q":1}}`}
		}, "POST /api/me?a=b",
			http.Header{"X-Sign": {macOf(key, `POST/api/me?a=b{"q":1}`)}, "Content-Type": {"application/json"}}, `{"q":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, answer{200, "", nil})
			if _, err := s.FromFields(t.Context(), s.keyed(c.change), fields("api_key", " "+key+"\n")); err != nil {
				t.Fatal(err)
			}
			got := s.calls()
			if len(got) != 1 {
				t.Fatalf("%d calls", len(got))
			}
			for _, name := range []string{"Accept-Encoding", "Content-Length", "User-Agent"} {
				got[0].header.Del(name)
			}
			c.header.Set("Connection", "close") // a connection of its own; see httpx.Fresh
			if got[0].line != c.line || got[0].body != c.body || !reflect.DeepEqual(got[0].header, c.header) {
				t.Errorf("the upstream got\n%s %q %q\nwant\n%s %q %q", got[0].line, got[0].header, got[0].body, c.line, c.header,
					c.body)
			}
		})
	}
}

// TestGuardIsTheApps: each app is dialled by its own transport.
func TestGuardIsTheApps(t *testing.T) {
	var asked []string
	s := newStage(t, answer{200, "", nil}, func(o *Options) {
		own := o.Transport
		o.Transport = func(app *catalog.App) http.RoundTripper {
			asked = append(asked, app.Slug)
			return own(app)
		}
	})
	s.answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		granted.ServeHTTP(w, r)
	})
	if _, err := s.FromFields(t.Context(), s.keyed(), fields("api_key", "k")); err != nil {
		t.Error(err)
	}
	if _, err := s.FromFields(t.Context(), s.machine(), fields("client_id", "a", "client_secret", "b")); err != nil {
		t.Error(err)
	}
	g, err := s.Finish(t.Context(), tenant, s.consents(), redirectURI, canaryVerifier, callback(), nil)
	if err != nil {
		t.Error(err)
	}
	if _, err := s.Revoke(t.Context(), tenant, s.consents(), g); err != nil {
		t.Error(err)
	}
	if want := []string{"crm", "machine", "mail", "mail"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("dialled by the transports of %v, want %v", asked, want)
	}
}
