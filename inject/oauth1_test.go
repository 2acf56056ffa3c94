package inject

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

func oauth1App(upstream string) *catalog.App {
	return &catalog.App{
		Slug: "app", AuthType: string(vending.OAuth), Upstream: upstream, AllowHTTP: true,
		OAuth1: &catalog.OAuth1{RequestTokenURL: upstream + "/1", AuthorizeURL: upstream + "/2",
			AccessTokenURL: upstream + "/3"},
	}
}

// oauth1Credential has the values of RFC 5849, section 1.2; changes are further fields, or others
// of the same name.
func oauth1Credential(changes ...string) vending.Credential {
	values := map[string]string{
		catalog.ConsumerKey: "dpf43f3p2l4k3l03", catalog.ConsumerSecret: "kd94hf93k423kf44",
		catalog.OAuthTokenSecret: "pfkkdhi9sl3r4s00",
	}
	token := "nnch734d00sl2jdk"
	for i := 0; i < len(changes); i += 2 {
		if changes[i] == vending.AccessToken {
			token = changes[i+1]
			continue
		}
		values[changes[i]] = changes[i+1]
	}
	var fields []vending.Field
	for _, name := range []string{catalog.ConsumerKey, catalog.ConsumerSecret, catalog.OAuthTokenSecret} {
		if values[name] != "absent" {
			fields = append(fields, vending.Field{Name: name, Value: values[name]})
		}
	}
	return vending.NewOAuth("app", token, "", time.Time{}, fields...)
}

func formRequest(t *testing.T, method, base, path, query, contentType, body string) *http.Request {
	t.Helper()
	r := awsRequest(t, method, base, path, query, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const formType = "application/x-www-form-urlencoded"

// TestOAuth1BaseString has the example of RFC 5849, section 3.4.1.1, and what the library would get
// wrong.
func TestOAuth1BaseString(t *testing.T) {
	protocol := []oauth1Parameter{
		{"oauth_consumer_key", "9djdj82h48djs9d2"}, {"oauth_token", "kkk9d7dh3k39sjv7"},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131201"}, {"oauth_nonce", "7d8f3e4a"},
	}
	const rfc = "POST&http%3A%2F%2Fexample.com%2Fr%2520v%2FX&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	for _, c := range []struct {
		name, method, base, path, query, contentType, body, want string
		protocol                                                 []oauth1Parameter
	}{
		{"the RFC's", "POST", "http://EXAMPLE.COM:80", "/r%20v/X", "b5=%3D%253D&a3=a&c%40=&a2=r%20b", formType, "c2&a3=2+q",
			rfc, protocol},
		{"media type with a parameter", "post", "http://example.com", "/r%20v/X", "b5=%3D%253D&a3=a&c%40=&a2=r%20b",
			"Application/X-WWW-Form-Urlencoded; charset=UTF-8", "c2&a3=2+q", rfc, protocol},
		{"another body", "PUT", "https://example.com", "/", "", "application/json", "a=b",
			"PUT&https%3A%2F%2Fexample.com%2F&", nil},
		{"the other scheme's port", "GET", "https://example.com:80", "/", "", "", "",
			"GET&https%3A%2F%2Fexample.com%3A80%2F&", nil},
		{"its own port", "GET", "https://example.com:443", "/", "", "", "", "GET&https%3A%2F%2Fexample.com%2F&", nil},
		{"no path", "GET", "https://example.com", "", "", "", "", "GET&https%3A%2F%2Fexample.com%2F&", nil},
		{"path as it is", "GET", "https://example.com", "/%6Fa/b%2Fc/{é}//d", "", "", "",
			"GET&https%3A%2F%2Fexample.com%2F%256Fa%2Fb%252Fc%2F%7B%C3%A9%7D%2F%2Fd&", nil},
		{"by name before value", "GET", "https://example.com", "/", "a-=1&a=2&a=10&a=", "", "",
			"GET&https%3A%2F%2Fexample.com%2F&a%3D%26a%3D10%26a%3D2%26a-%3D1", nil},
		{"without a name", "GET", "https://example.com", "/", "=x&=", "", "", "GET&https%3A%2F%2Fexample.com%2F&%3D%26%3Dx",
			nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := formRequest(t, c.method, c.base, c.path, c.query, c.contentType, c.body)
			form, err := formOf(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := oauth1Base(r, c.protocol, form); err != nil || got != c.want {
				t.Errorf("%v\n%s, want\n%s", err, got, c.want)
			}
		})
	}
}

// TestOAuth1PublishedVector is the example of Twitter's page on signatures.
func TestOAuth1PublishedVector(t *testing.T) {
	s := oauth1Signer{nonce: func() string { return "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg" }}
	cred := oauth1Credential(catalog.ConsumerKey, "xvz1evFS4wEEPTGEFPHBog", catalog.ConsumerSecret,
		"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
		vending.AccessToken, "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", catalog.OAuthTokenSecret,
		"LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE")
	r := formRequest(t, "POST", "https://api.twitter.com", "/1/statuses/update.json", "include_entities=true", formType,
		"status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21")
	if err := s.sign(r, cred, time.Unix(1318622958, 0)); err != nil {
		t.Fatal(err)
	}
	const want = `OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", ` +
		`oauth_nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", ` +
		`oauth_signature_method="HMAC-SHA1", oauth_timestamp="1318622958", ` +
		`oauth_token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", ` +
		`oauth_version="1.0", oauth_signature="tnnArxj06cWHq44gCs1OSKk%2FjLY%3D"`
	if got := r.Header["Authorization"]; !slices.Equal(got, []string{want}) {
		t.Errorf("Authorization\n%s, want\n%s", got, want)
	}
}

func TestOAuth1Nonces(t *testing.T) {
	seen := make(map[string]bool)
	for range 50 {
		r := awsRequest(t, "GET", "https://example.com", "/", "", nil)
		if err := newOAuth1Signer().sign(r, oauth1Credential(), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		nonce := regexp.MustCompile(`oauth_nonce="([A-Z2-7]{26,})"`).FindStringSubmatch(r.Header.Get("Authorization"))
		if nonce == nil || seen[nonce[1]] {
			t.Fatalf("nonce %q, seen before: %v", nonce, nonce != nil)
		}
		seen[nonce[1]] = true
	}
}

func TestOAuth1Refuses(t *testing.T) {
	for _, c := range []struct{ name, query, contentType, body string }{
		{"a parameter of the protocol", "a=1&oauth_token=x", "", ""},
		{"escaped", "a=1&oauth%5Ftoken=x", "", ""},
		{"in another spelling", "OAuth.Signature=x", "", ""},
		{"with an index", "oauth_nonce[]=x", "", ""},
		{"in the form", "", formType, "a=1&oauth_token=x"},
		{"in the form, escaped", "", formType + ";charset=utf-8", "%6fauth_verifier=x"},
		{"a semicolon", "a=1;b=2", "", ""},
		{"half an escape", "a=%2", "", ""},
		{"half an escape in the form", "", formType, "a=%2"},
		{"JSON that says it is a form", "", formType, `{"a":"100%"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := formRequest(t, "POST", "https://example.com", "/", c.query, c.contentType, c.body)
			err := newOAuth1Signer().sign(r, oauth1Credential(), time.Unix(1, 0))
			if signCode(err) != vending.InvalidRequest || r.Header.Get("Authorization") != "" {
				t.Errorf("error %v, Authorization %q", err, r.Header.Get("Authorization"))
			}
		})
	}
	for _, name := range []string{catalog.ConsumerKey, catalog.ConsumerSecret, catalog.OAuthTokenSecret,
		vending.AccessToken} {
		for what, value := range map[string]string{"empty": "", "with a line break": "canary\r\nX: y"} {
			err := newOAuth1Signer().sign(awsRequest(t, "GET", "https://example.com", "/", "", nil),
				oauth1Credential(name, value), time.Unix(1, 0))
			if signCode(err) != vending.NeedsReconnection || !strings.Contains(err.Error(), name) ||
				strings.Contains(err.Error(), "canary") {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
	err := newOAuth1Signer().sign(awsRequest(t, "GET", "https://example.com", "/", "", nil),
		oauth1Credential(catalog.ConsumerSecret, "absent"), time.Unix(1, 0))
	if signCode(err) != vending.NeedsReconnection || !strings.Contains(err.Error(), "consumer_secret") {
		t.Errorf("without a consumer secret: %v", err)
	}
}

// TestOAuth1Body: a form is held within bounds, and any other body is not even looked at.
func TestOAuth1Body(t *testing.T) {
	large := strings.Repeat("a", defaultMaxBody)
	for _, c := range []struct {
		name, contentType, body string
		code                    vending.Code
		held                    bool
	}{
		{"form", formType, "a=1&&b=+%e9&a", "", true},
		{"form at the bound", formType, large, "", true},
		{"form beyond the bound", formType, large + "a", vending.RequestTooLarge, false},
		{"JSON", "application/json", large + "a", "", false},
		{"multipart", "multipart/form-data; boundary=x", "a=1", "", false},
		{"without a type", "", "oauth_token=1", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := formRequest(t, "POST", "https://example.com", "/", "", c.contentType, "")
			upload := &observedUpload{Reader: strings.NewReader(c.body)}
			r.Body, r.ContentLength = upload, -1
			err := newOAuth1Signer().sign(r, oauth1Credential(), time.Unix(1, 0))
			if signCode(err) != c.code {
				t.Fatalf("error %v, want %q", err, c.code)
			}
			if c.code != "" {
				return
			}
			if held := upload.reads > 0; held != c.held {
				t.Errorf("held: %v", held)
			}
			if sent := readHeld(t, r.Body); sent != c.body {
				t.Errorf("%d bytes go out, or others than the %d that came", len(sent), len(c.body))
			}
		})
	}
}

// TestOAuth1Transport sends a form through the transport: what is the caller's own goes, a 401 is
// answered by one replay with the fresh credential and a fresh nonce, and no answer repeats a
// secret.
func TestOAuth1Transport(t *testing.T) {
	var arrived []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body: %v", err)
		}
		arrived = append(arrived, fmt.Sprintf("%s %s %s %s", r.Method, r.RequestURI, body, r.Header["Authorization"]))
		w.Header().Set("X-Echo", "pfkkdhi9sl3r4s00 kd94hf93k423kf44 nnch734d00sl2jdk dpf43f3p2l4k3l03")
		if len(arrived) == 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	fresh := oauth1Credential(vending.AccessToken, "second-token")
	revend := func(context.Context, vending.Credential) (vending.Credential, error) { return fresh, nil }
	inj, err := NewInjection(mustPlace(t, oauth1App(server.URL)), oauth1Credential(), "/a", "b=c+d", true, revend)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), "POST", "http://app/",
		io.NopCloser(strings.NewReader("x=1+2")))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 5
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Authorization", "Bearer theirs")
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := (&Transport{Base: transport}).RoundTrip(r)
	if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	first, second := regexp.MustCompile(`^POST /a\?b=c%20d x=1\+2 \[OAuth .*oauth_token="nnch734d00sl2jdk"`),
		regexp.MustCompile(`^POST /a\?b=c%20d x=1\+2 \[OAuth .*oauth_token="second-token"`)
	if len(arrived) != 2 || !first.MatchString(arrived[0]) || !second.MatchString(arrived[1]) {
		t.Errorf("the upstream got\n%s", strings.Join(arrived, "\n"))
	}
	inj.CleanResponse(res.Header)
	if got, want := res.Header.Get("X-Echo"), "[redacted] [redacted] [redacted] dpf43f3p2l4k3l03"; got != want {
		t.Errorf("the caller sees %q, want %q", got, want)
	}
}

// FuzzOAuth1Query: whatever is signed is what net/http writes, and a server that reads it finds the
// same parameters.
func FuzzOAuth1Query(f *testing.F) {
	for _, seed := range []string{"", "a=1&&b=2&", "a=+&a=%2B", "&", "=", "é=%C3%A9&[]=", "a b", "%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, "#") || strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // no request line holds them
		}
		raw, err := signableQuery(query, isOAuth1)
		if err != nil {
			return
		}
		before, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q was accepted: %v", query, err)
		}
		after, err := url.ParseQuery(strings.ReplaceAll(raw, "+", "%2B"))
		if err != nil || before.Encode() != after.Encode() {
			t.Errorf("%q became %q", query, raw)
		}
	})
}

// TestOAuth1Verify: the catalog's verify request is signed as any other.
func TestOAuth1Verify(t *testing.T) {
	base, arrived := startUpstream(t, http.StatusOK)
	app := oauth1App(base)
	app.Verify = &catalog.Verify{Path: "/me?a=b%20c"}
	if status := sendVerify(t, app, oauth1Credential()); status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
	got := <-arrived
	if got.line != "GET /me?a=b%20c" ||
		!strings.HasPrefix(got.header.Get("Authorization"), `OAuth oauth_consumer_key="dpf43f3p2l4k3l03", oauth_nonce="`) {
		t.Errorf("the upstream got %s with %s", got.line, got.header)
	}
}
