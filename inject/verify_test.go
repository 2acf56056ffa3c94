package inject

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// verifyArrival is what an upstream saw of a verify request.
type verifyArrival struct {
	line, body string
	header     http.Header
}

// startUpstream answers every request with status and tells what arrived.
func startUpstream(t *testing.T, status int) (base string, arrived <-chan verifyArrival) {
	t.Helper()
	got := make(chan verifyArrival, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body: %v", err)
		}
		for _, name := range []string{"Accept-Encoding", "Content-Length"} {
			r.Header.Del(name)
		}
		got <- verifyArrival{r.Method + " " + r.RequestURI, string(body), r.Header}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// sendVerify sends app's verify request with cred through the transport of real calls.
func sendVerify(t *testing.T, app *catalog.App, cred vending.Credential) int {
	t.Helper()
	r, err := mustPlace(t, app).Verify(t.Context(), cred)
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	res, err := (&Transport{Base: base}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// nasty is a value that must be escaped wherever it goes.
const nasty = `a b/c?d=e&f#g%h"i\j{sub}é`

func TestVerifyOnTheWire(t *testing.T) {
	base, arrived := startUpstream(t, http.StatusOK)
	pair := base64.StdEncoding.EncodeToString([]byte("api:" + nasty))
	signature := hex.EncodeToString(macOf(hmacHash("sha256"), "k", `POST/v1/me?a=1{"q":1}`))
	oauth := &catalog.App{AuthType: string(vending.OAuth), OAuth2: &catalog.OAuth2{}}
	signed := keyApp("", nil)
	signed.Sign = &catalog.Sign{Scheme: "hmac", Hash: "sha256", Key: "{api_key}", Message: "{method}{path}{body}",
		Header: "X-Signature"}
	for _, c := range []struct {
		name   string
		app    *catalog.App
		verify catalog.Verify
		key    string
		want   verifyArrival
	}{
		{"header", keyApp("", headers("X-Key", "Key {api_key}")), catalog.Verify{Path: "/me"}, nasty,
			verifyArrival{"GET /v1/me", "", http.Header{"X-Key": {"Key " + nasty}}}},
		{"query", keyApp("", &catalog.Placement{Query: map[string]string{"key": "{api_key}"}}),
			catalog.Verify{Method: "HEAD", Path: "/me?b=%41&key=x&a=1"}, nasty,
			verifyArrival{"HEAD /v1/me?b=%41&a=1&key=a+b%2Fc%3Fd%3De%26f%23g%25h%22i%5Cj%7Bsub%7D%C3%A9", "", http.Header{}}},
		{"basic", keyApp("", &catalog.Placement{Basic: &catalog.Basic{Username: "api", Password: "{api_key}"}}),
			catalog.Verify{Path: "/me"}, nasty,
			verifyArrival{"GET /v1/me", "", http.Header{"Authorization": {"Basic " + pair}}}},
		{"path prefix", keyApp("", &catalog.Placement{PathPrefix: "/bot{api_key}"}), catalog.Verify{Path: "/getMe"},
			"1:a/b c",
			verifyArrival{"GET /v1/bot1:a%2Fb%20c/getMe", "", http.Header{}}},
		{"sign", signed, catalog.Verify{Method: "POST", Path: "/me?a=1", Body: `{{"q":1}}`}, "k",
			verifyArrival{"POST /v1/me?a=1", `{"q":1}`,
				http.Header{"X-Signature": {signature}, "Content-Type": {"application/json"}}}},
		{"token", oauth, catalog.Verify{Path: "/me"}, "",
			verifyArrival{"GET /v1/me", "", http.Header{"Authorization": {"Bearer tok"}}}},
		{"placeholders everywhere", keyApp("", headers("X-Key", "{api_key}")),
			catalog.Verify{Method: "POST", Path: "/a{api_key}/b?q=x{api_key}&r",
				Headers: map[string]string{"x-also": "v {api_key}", "user-agent": "Test (1)", "Content-Type": "application/graphql",
					"Cookie": "a"}, Body: `{{"k":"{api_key}"}}`}, nasty,
			verifyArrival{"POST /v1/aa%20b%2Fc%3Fd=e&f%23g%25h%22i%5Cj%7Bsub%7D%C3%A9/b?q=xa+b%2Fc%3Fd%3De%26f%23g%25h%22i%5Cj%7Bsub%7D%C3%A9&r", `{"k":"a b/c?d=e&f#g%h\"i\\j{sub}é"}`,
				http.Header{"X-Key": {nasty}, "X-Also": {"v " + nasty}, "User-Agent": {"Test (1)"},
					"Content-Type": {"application/graphql"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.app.Slug, c.app.Upstream, c.app.Verify = "app", base+"/v1/", &c.verify
			cred := testCredential("api_key", c.key)
			if c.app == oauth {
				cred = vending.NewOAuth("app", "tok", "bearer", time.Time{})
			}
			if status := sendVerify(t, c.app, cred); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			if c.want.header.Get("User-Agent") == "" {
				c.want.header.Set("User-Agent", "vendgate")
			}
			if got := <-arrived; !reflect.DeepEqual(got, c.want) {
				t.Errorf("the upstream saw\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}

// TestVerifySigV4 has the signature recomputed by the server, with a body that signing has read
// before.
func TestVerifySigV4(t *testing.T) {
	base, arrived := awsServer(t, "ses")
	app := &catalog.App{
		Slug: "app", AuthType: string(vending.APIKey), Upstream: base,
		Sign:   &catalog.Sign{Scheme: "aws_sigv4", Service: "ses", Region: "{region}"},
		Fields: []catalog.Field{{Name: "access_key_id"}, {Name: "secret_access_key", Secret: true}, {Name: "region"}},
		Verify: &catalog.Verify{Method: "POST", Path: "/v2/email/account?b=2&a=1", Body: `{{}}`},
	}
	sendVerify(t, app, awsCredential(awsSecret, vending.Field{Name: "region", Value: "eu-central-1"}))
	if got := <-arrived; got.verdict != nil || string(got.body) != "{}" {
		t.Errorf("%v, body %q", got.verdict, got.body)
	}
}

// TestVerifyAsksOnce: a 401 is an answer like any other.
func TestVerifyAsksOnce(t *testing.T) {
	base, arrived := startUpstream(t, http.StatusUnauthorized)
	app := keyApp(base, headers("X-Key", "{api_key}"))
	app.Verify = &catalog.Verify{Path: "/me"}
	if status := sendVerify(t, app, testCredential("api_key", "k")); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
	if <-arrived; len(arrived) != 0 {
		t.Error("the upstream was asked twice")
	}
}

// TestVerifyHidesTheCredential looks at what a logger around the transport could see.
func TestVerifyHidesTheCredential(t *testing.T) {
	app := keyApp("https://{sub}.api.example.com", headers("X-Key", "{api_key}"))
	app.Verify = &catalog.Verify{Path: "/me"}
	r, err := mustPlace(t, app).Verify(t.Context(), testCredential("api_key", "canary", "sub", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	var dump bytes.Buffer
	if err := r.Write(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump.String(), "canary") || r.URL.Host != "app" || r.Method != "GET" {
		t.Errorf("the request is %s", dump.String())
	}
}

// TestVerifyRefusals names the field, and never its value.
func TestVerifyRefusals(t *testing.T) {
	const slots = "https://{sub}.api.example.com"
	signed := keyApp("https://api.example.com", nil)
	signed.Sign = &catalog.Sign{Scheme: "hmac", Hash: "sha256", KeyEncoding: "base64", Key: "{api_key}", Message: "{path}",
		Header: "X-Signature"}
	plain := keyApp(slots, headers("X-Key", "{api_key}"))
	for _, c := range []struct {
		name, field string
		app         *catalog.App
		verify      catalog.Verify
		fields      []string
		verifyOnly  bool
	}{
		{"line break in a header", "api_key", plain, catalog.Verify{},
			[]string{"api_key", "canary\r\nX-Evil: 1", "sub", "acme"}, false},
		{"NUL in a query", "api_key", keyApp(slots, &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
			catalog.Verify{}, []string{"api_key", "canary\x00", "sub", "acme"}, false},
		{"dots in a path", "api_key", keyApp(slots, &catalog.Placement{PathPrefix: "/{api_key}"}), catalog.Verify{},
			[]string{"api_key", "canary/..", "sub", "acme"}, false},
		{"colon in a user name", "api_key", keyApp(slots, &catalog.Placement{Basic: &catalog.Basic{Username: "{api_key}"}}),
			catalog.Verify{}, []string{"api_key", "canary:x", "sub", "acme"}, false},
		{"another host", "sub", plain, catalog.Verify{}, []string{"api_key", "k", "sub", "canary.evil.com/"}, false},
		{"missing", "sub", plain, catalog.Verify{}, []string{"api_key", "canary"}, false},
		{"undecodable key", "api_key", signed, catalog.Verify{}, []string{"api_key", "canary!", "sub", "acme"}, false},
		{"dots in the verify path", "sub", keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
			catalog.Verify{Path: "/{sub}"}, []string{"api_key", "canary", "sub", ".."}, true},
		{"line break in the verify query", "sub", keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
			catalog.Verify{Path: "/?s={sub}"}, []string{"api_key", "canary", "sub", "canary\n"}, true},
		{"line break in a verify header", "sub", keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
			catalog.Verify{Path: "/", Headers: map[string]string{"X-Sub": "{sub}"}},
			[]string{"api_key", "canary", "sub", "canary\n"}, true},
		{"no UTF-8 in the verify body", "sub", keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
			catalog.Verify{Path: "/", Body: "{sub}"}, []string{"api_key", "canary", "sub", "canary\xff"}, true},
		{"empty in the verify body", "sub", keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
			catalog.Verify{Path: "/", Body: "{sub}"}, []string{"api_key", "canary", "sub", ""}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.app.Verify = &c.verify
			p, cred := mustPlace(t, c.app), testCredential(c.fields...)
			_, err := p.Verify(t.Context(), cred)
			var blamed *FieldError
			if !errors.As(err, &blamed) || blamed.Field != c.field || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v, want one that blames %s", err, c.field)
			}
			if err := p.Check(cred); (err == nil) != c.verifyOnly || !c.verifyOnly &&
				(!errors.As(err, &blamed) || blamed.Field != c.field) {
				t.Errorf("a call without the verify request: %v", err)
			}
		})
	}
}

func TestVerifyWithoutOne(t *testing.T) {
	p := mustPlace(t, keyApp("https://api.example.com", headers("X-Key", "{api_key}")))
	if _, err := p.Verify(t.Context(), testCredential("api_key", "k")); !errors.Is(err, ErrNoVerify) {
		t.Errorf("error %v, want %v", err, ErrNoVerify)
	}
	if err := p.Check(testCredential("api_key", "k")); err != nil {
		t.Error(err)
	}
}

// TestVerifyAtExtraHost: the verify request has the app's own headers and goes where it says.
func TestVerifyAtExtraHost(t *testing.T) {
	main, missed := startUpstream(t, http.StatusTeapot)
	extra, arrived := startUpstream(t, http.StatusOK)
	app := keyApp(main+"/v1", headers("X-Key", "{api_key}"))
	host := strings.TrimPrefix(extra, "http://")
	app.ExtraHosts = []string{host}
	app.Headers = map[string]string{"Api-Version": "7", "User-Agent": "app/1"}
	app.Verify = &catalog.Verify{Host: host, Path: "/me?a={sub}"}
	if status := sendVerify(t, app, testCredential("api_key", "secret", "sub", "s&t")); status != http.StatusOK ||
		len(missed) > 0 {
		t.Fatalf("answered %d, and the upstream had %d requests", status, len(missed))
	}
	want := http.Header{"X-Key": {"secret"}, "Api-Version": {"7"}, "User-Agent": {"app/1"}}
	if got := <-arrived; got.line != "GET /me?a=s%26t" || !reflect.DeepEqual(got.header, want) {
		t.Errorf("arrived %s with %q", got.line, got.header)
	}
	app.Verify.Headers = map[string]string{"api-version": "8"}
	sendVerify(t, app, testCredential("api_key", "secret", "sub", "s"))
	if got := <-arrived; got.header.Get("Api-Version") != "8" {
		t.Errorf("the verify request's own header gave way: %q", got.header)
	}
}
