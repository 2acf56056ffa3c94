package inject

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

var hmacTime = time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.FixedZone("", 3600))

func hmacCredential(fields ...string) vending.Credential {
	list := make([]vending.Field, 0, len(fields)/2)
	for i := 0; i < len(fields); i += 2 {
		list = append(list, vending.Field{Name: fields[i], Value: fields[i+1]})
	}
	return vending.NewFields("app", vending.APIKey, list)
}

func hmacRules(t *testing.T, sign catalog.Sign) signer {
	t.Helper()
	sign.Scheme = "hmac"
	if sign.Hash == "" {
		sign.Hash = "sha256"
	}
	if sign.Key == "" {
		sign.Key = "{secret}"
	}
	if sign.Header == "" {
		sign.Header = "X-Signature"
	}
	s, err := newSigner(&sign, func(name string) bool { return name == "secret" || name == "key_id" })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// macOf is HMAC over text, apart from the signer's own ways.
func macOf(h func() hash.Hash, key, text string) []byte {
	mac := hmac.New(h, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// TestHMACVerifiesFromTheWire compares the signature with one over what a server got.
func TestHMACVerifiesFromTheWire(t *testing.T) {
	type received struct {
		target, host string
		header       http.Header
		body         []byte
	}
	arrived := make(chan received, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body: %v", err)
		}
		arrived <- received{r.RequestURI, r.Host, r.Header, body}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct{ name, path, query, body string }{
		{"plain", "/v1/orders", "", ""},
		{"query in the caller's order", "/v1/orders", "b=2&a=1&b=1", ""},
		{"odd spellings", "/v1/%6Frders/a%2Fb/é€//c", "q=a+b;c&x=%zz&", "hello"},
		{"braces of the caller", "/v1/{body}", "q={timestamp}", "{secret}{method}"},
		{"binary body", "/", "", "\x00\r\n\xff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, "POST", server.URL, c.path, c.query, strings.NewReader(c.body))
			s := hmacRules(t, catalog.Sign{
				Message:         "{method}\n{path}\n{path_only}\n{query}\n{host}\n{timestamp}\n{key_id}\n{{}}\n{body_sha256}\n{body}",
				TimestampHeader: "x-timestamp", Prefix: "Key {key_id}:",
			})
			if err := s.sign(r, hmacCredential("secret", "s3cr3t", "key_id", "id{body}"), hmacTime); err != nil {
				t.Fatal(err)
			}
			sendSigned(t, r)
			got := <-arrived
			path, query, _ := strings.Cut(got.target, "?")
			digest := sha256.Sum256(got.body)
			message := strings.Join([]string{"POST", got.target, path, query, got.host, got.header.Get("X-Timestamp"),
				"id{body}", "{}", hex.EncodeToString(digest[:]), string(got.body)}, "\n")
			want := "Key id{body}:" + hex.EncodeToString(macOf(sha256.New, "s3cr3t", message))
			if signature := got.header.Values("X-Signature"); !slices.Equal(signature, []string{want}) {
				t.Errorf("X-Signature %q, want %q over %q", signature, want, message)
			}
			if path != c.path || query != c.query || string(got.body) != c.body {
				t.Errorf("on the wire %q?%q %q", path, query, got.body)
			}
		})
	}
}

func TestHMACForms(t *testing.T) {
	const key = "\x00\xfb\xffkey"
	for _, c := range []struct {
		name   string
		sign   catalog.Sign
		secret string
		want   map[string]string
	}{
		{
			"published vector, RFC 4231 case 2", catalog.Sign{Message: "what do ya want for nothing?"}, "Jefe",
			map[string]string{"X-Signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		},
		{
			"published vector, RFC 2202 case 2", catalog.Sign{Hash: "sha1", Message: "what do ya want for nothing?"}, "Jefe",
			map[string]string{"X-Signature": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		},
		{
			"hex key", catalog.Sign{Hash: "sha512", KeyEncoding: "hex", Message: "m"}, hex.EncodeToString([]byte(key)),
			map[string]string{"X-Signature": hex.EncodeToString(macOf(sha512.New, key, "m"))},
		},
		{
			"base64 key and signature", catalog.Sign{KeyEncoding: "base64", Encoding: "base64", Message: "m"},
			base64.StdEncoding.EncodeToString([]byte(key)),
			map[string]string{"X-Signature": base64.StdEncoding.EncodeToString(macOf(sha256.New, key, "m"))},
		},
		{
			"base64 key for URLs, unpadded", catalog.Sign{KeyEncoding: "base64", Message: "m"},
			base64.RawURLEncoding.EncodeToString([]byte(key)),
			map[string]string{"X-Signature": hex.EncodeToString(macOf(sha256.New, key, "m"))},
		},
		{
			"seconds", catalog.Sign{Message: "{timestamp}", TimestampHeader: "X-Time"}, "k",
			map[string]string{"X-Time": "1770087906", "X-Signature": hex.EncodeToString(macOf(sha256.New, "k", "1770087906"))},
		},
		{
			"milliseconds", catalog.Sign{Message: "{timestamp}", TimestampHeader: "X-Time", TimestampFormat: "unix_ms"}, "k",
			map[string]string{"X-Time": "1770087906789",
				"X-Signature": hex.EncodeToString(macOf(sha256.New, "k", "1770087906789"))},
		},
		{
			"RFC 3339 in UTC", catalog.Sign{Hash: "sha1", Message: "{timestamp}", TimestampHeader: "X-Time",
				TimestampFormat: "rfc3339", Header: "authorization", Prefix: "HMAC "}, "k",
			map[string]string{"X-Time": "2026-02-03T03:05:06Z",
				"Authorization": "HMAC " + hex.EncodeToString(macOf(sha1.New, "k", "2026-02-03T03:05:06Z"))},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, "GET", "https://api.example.com", "/", "", nil)
			if err := hmacRules(t, c.sign).sign(r, hmacCredential("secret", c.secret), hmacTime); err != nil {
				t.Fatal(err)
			}
			if len(r.Header) != len(c.want) {
				t.Errorf("headers %v, want %v", r.Header, c.want)
			}
			for name, want := range c.want {
				if got := r.Header[name]; !slices.Equal(got, []string{want}) {
					t.Errorf("%s %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestHMACBody(t *testing.T) {
	for _, c := range []struct {
		name, message string
		length        int64
		reads         bool
		code          vending.Code
	}{
		{"unused body streams", "{method}{path}", 65, false, ""},
		{"unused body of unknown length streams", "{method}{path}", -1, false, ""},
		{"body too large by length", "{body}", 65, false, vending.RequestTooLarge},
		{"body too large by bytes", "{body_sha256}", -1, true, vending.RequestTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := &observedUpload{Reader: strings.NewReader(strings.Repeat("x", 65))}
			r := awsRequest(t, "PUT", "https://api.example.com", "/", "", nil)
			r.Body, r.ContentLength = body, c.length
			err := hmacRules(t, catalog.Sign{Message: c.message, MaxBody: 64}).sign(r, hmacCredential("secret", "k"), hmacTime)
			if signCode(err) != c.code || (body.reads > 0) != c.reads {
				t.Errorf("error %v, %d reads", err, body.reads)
			}
			if (r.Header.Get("X-Signature") != "") != (c.code == "") {
				t.Errorf("X-Signature %q", r.Header.Get("X-Signature"))
			}
		})
	}
}

func TestHMACRefusesMalformedFields(t *testing.T) {
	for _, c := range []struct {
		name  string
		sign  catalog.Sign
		cred  vending.Credential
		field string
	}{
		{"no key", catalog.Sign{Message: "m"}, hmacCredential("key_id", "k"), "secret"},
		{"empty key", catalog.Sign{Message: "m"}, hmacCredential("secret", ""), "secret"},
		{"key with a line break", catalog.Sign{Message: "m"}, hmacCredential("secret", "k\n"), "secret"},
		{"key that is no hex", catalog.Sign{Message: "m", KeyEncoding: "hex"}, hmacCredential("secret", "CANARYxyz"),
			"secret"},
		{"key that is no base64", catalog.Sign{Message: "m", KeyEncoding: "base64"}, hmacCredential("secret", "CANARY!"),
			"secret"},
		{"key of padding alone", catalog.Sign{Message: "m", KeyEncoding: "base64"}, hmacCredential("secret", "="), "secret"},
		{"prefix with CR", catalog.Sign{Message: "m", Prefix: "{key_id}:"}, hmacCredential("secret", "k", "key_id", "a\rb"),
			"key_id"},
		{"prefix with LF", catalog.Sign{Message: "m", Prefix: "{key_id}:"},
			hmacCredential("secret", "k", "key_id", "a\nX-A: b"), "key_id"},
		{"prefix with NUL", catalog.Sign{Message: "m", Prefix: "{key_id}:"}, hmacCredential("secret", "k", "key_id", "a\x00"),
			"key_id"},
		{"line break in the message", catalog.Sign{Message: "{key_id}\n{path}"},
			hmacCredential("secret", "k", "key_id", "a\n/other"), "key_id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, "GET", "https://api.example.com", "/", "", nil)
			err := hmacRules(t, c.sign).sign(r, c.cred, hmacTime)
			if signCode(err) != vending.NeedsReconnection || !strings.Contains(vending.AsError(err).Text(), `"`+c.field+`"`) {
				t.Errorf("error %v, want one that names %s", err, c.field)
			}
			if strings.Contains(err.Error(), "CANARY") || len(r.Header) != 0 {
				t.Errorf("error %q, headers %v", err, r.Header)
			}
		})
	}
}

func TestHMACRules(t *testing.T) {
	whole := catalog.Sign{Scheme: "hmac", Hash: "sha256", Key: "{secret}", Message: "m", Header: "X-Signature"}
	for _, c := range []struct {
		name   string
		change func(*catalog.Sign)
		fields []string
		want   string
	}{
		{"unknown hash", func(s *catalog.Sign) { s.Hash = "md5" }, nil, "unknown hash"},
		{"unknown key encoding", func(s *catalog.Sign) { s.KeyEncoding = "base32" }, nil, "key_encoding"},
		{"unknown encoding", func(s *catalog.Sign) { s.Encoding = "HEX" }, nil, "encoding"},
		{"unknown timestamp format", func(s *catalog.Sign) { s.TimestampFormat = "unix_ns" }, nil, "timestamp_format"},
		{"no message", func(s *catalog.Sign) { s.Message = "" }, nil, "a key and a message"},
		{"no header", func(s *catalog.Sign) { s.Header = "" }, nil, "header names"},
		{"header that is none", func(s *catalog.Sign) { s.Header = "X Sig" }, nil, "header names"},
		{"header of net/http", func(s *catalog.Sign) { s.Header = "host" }, nil, "header names"},
		{"same header twice", func(s *catalog.Sign) { s.TimestampHeader = "x_signature" }, nil, "are the same"},
		{"timestamp that nobody is told", func(s *catalog.Sign) { s.Message = "{timestamp}" }, nil, "timestamp_header"},
		{"unknown placeholder", func(s *catalog.Sign) { s.Message = "{nonce}" }, nil, "{nonce} is not a declared field"},
		{"part of the request in the key", func(s *catalog.Sign) { s.Key = "{body}" }, nil, "{body} is not a declared field"},
		{"part of the request in the prefix", func(s *catalog.Sign) {
			s.Prefix = "{path}"
		}, nil, "{path} is not a declared field"},
		{"line break in the prefix", func(s *catalog.Sign) { s.Prefix = "a\r\nb" }, nil, "control character"},
		{"field that shadows the request", func(*catalog.Sign) {}, []string{"path"}, `the field "path"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			sign := whole
			c.change(&sign)
			_, err := newSigner(&sign, func(name string) bool { return name == "secret" || slices.Contains(c.fields, name) })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	s := hmacRules(t, catalog.Sign{Message: "{timestamp}{key_id}{path}", TimestampHeader: "x-time", Prefix: "{key_id}:"})
	if got := s.headers(); !slices.Equal(got, []string{"X-Signature", "X-Time"}) {
		t.Errorf("headers %q", got)
	}
}
