package inject

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

const (
	awsID     = "AKIDEXAMPLE"
	awsSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	awsToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

var awsTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

func awsCredential(secret string, extra ...vending.Field) vending.Credential {
	return vending.NewFields("aws", vending.APIKey, append([]vending.Field{
		{Name: "access_key_id", Value: awsID}, {Name: "secret_access_key", Value: secret},
	}, extra...))
}

func awsSigner(t *testing.T, sign catalog.Sign) signer {
	t.Helper()
	sign.Scheme = "aws_sigv4"
	if sign.Region == "" {
		sign.Region = "us-east-1"
	}
	names := []string{"access_key_id", "secret_access_key", "session_token", "region"}
	s, err := newSigner(&sign, func(name string) bool { return slices.Contains(names, name) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSigV4PublishedVectors compares with the signatures of the test suite that AWS publishes
// (https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4). The vectors
// send no X-Amz-Content-Sha256, so they enter below payloadHash.
func TestSigV4PublishedVectors(t *testing.T) {
	for _, c := range []struct {
		name, method, path, query, contentType, body, signed, signature string
	}{
		{"get-vanilla", "GET", "/", "", "", "", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slash-normalized", "GET", "//", "", "", "", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-slashes-normalized", "GET", "//example//", "", "", "", "host;x-amz-date",
			"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", "",
			"host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-utf8", "GET", "/\u1234", "", "", "", "host;x-amz-date",
			"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", "", "", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-order-value", "GET", "/", "Param1=value2&Param1=value1", "", "", "host;x-amz-date",
			"5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		{"get-vanilla-utf8-query", "GET", "/", "\u1234=bar", "", "", "host;x-amz-date",
			"2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", "", "", "host;x-amz-date",
			"a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		{"post-vanilla", "POST", "/", "", "", "", "host;x-amz-date",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded", "POST", "/", "", "application/x-www-form-urlencoded", "Param1=value1",
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, c.method, "http://example.amazonaws.com", c.path, c.query, nil)
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			s := awsSigner(t, catalog.Sign{Service: "service"}).(*sigV4)
			keys, err := s.keys(awsCredential(awsSecret))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(c.body))
			scope := awsScope{service: "service", region: "us-east-1"}
			if err := scope.authorize(r, keys, hex.EncodeToString(sum[:]), awsTime); err != nil {
				t.Fatal(err)
			}
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
				c.signed + ", Signature=" + c.signature
			if got := r.Header.Get("Authorization"); got != want {
				t.Errorf("Authorization\n got %s\nwant %s", got, want)
			}
		})
	}
}

// awsRequest makes the request that the transport would hand to sign.
func awsRequest(t *testing.T, method, base, path, query string, body io.Reader) *http.Request {
	t.Helper()
	scheme, host, _ := strings.Cut(base, "://")
	u, err := requestURL(scheme, host, path, query, query != "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base, body)
	if err != nil {
		t.Fatal(err)
	}
	r.GetBody = nil
	r.URL, r.Host = u, host
	return r
}

// awsArrival is what a server got.
type awsArrival struct {
	target, host string
	header       http.Header
	body         []byte
	verdict      error
}

// awsServer recomputes the signature of each request from the bytes it got.
func awsServer(t *testing.T, service string) (base string, arrived <-chan awsArrival) {
	t.Helper()
	got := make(chan awsArrival, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body: %v", err)
		}
		got <- awsArrival{r.RequestURI, r.Host, r.Header, body, verifySigV4(r, body, service)}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// verifySigV4 follows the steps of the specification, and nothing of the SDK:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.
func verifySigV4(r *http.Request, body []byte, service string) error {
	authorization := r.Header["Authorization"]
	if len(authorization) != 1 {
		return fmt.Errorf("%d Authorization headers", len(authorization))
	}
	rest, ok := strings.CutPrefix(authorization[0], "AWS4-HMAC-SHA256 Credential="+awsID+"/")
	parts := strings.Split(rest, ", ")
	if !ok || len(parts) != 3 {
		return fmt.Errorf("malformed Authorization %q", authorization[0])
	}
	scope := parts[0]
	signed := strings.TrimPrefix(parts[1], "SignedHeaders=")
	for name := range r.Header {
		name = strings.ToLower(name)
		if (name == "content-type" || strings.HasPrefix(name, "x-amz-")) &&
			!slices.Contains(strings.Split(signed, ";"), name) {
			return fmt.Errorf("%s must be signed, but %s are", name, signed)
		}
	}
	date := r.Header.Get("X-Amz-Date")
	if want := date[:8] + "/eu-central-1/" + service + "/aws4_request"; scope != want {
		return fmt.Errorf("scope %q, want %q", scope, want)
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if sum := sha256.Sum256(body); service != "s3" && hash != hex.EncodeToString(sum[:]) {
		return errors.New("X-Amz-Content-Sha256 is not the digest of the body")
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	canonical := strings.Join([]string{r.Method, specPath(path, service), specQuery(query), specHeaders(r, signed), signed,
		hash}, "\n")
	digest := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + awsSecret)
	for _, step := range append(strings.Split(scope, "/"),
		"AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hex.EncodeToString(digest[:])) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(step))
		key = mac.Sum(nil)
	}
	if want := "Signature=" + hex.EncodeToString(key); parts[2] != want {
		return fmt.Errorf("%s, want %s for\n%s", parts[2], want, canonical)
	}
	return nil
}

// specPath: S3 decodes the path, where a plus is a space, and encodes it once; others join its
// slashes and escape it a second time.
func specPath(path, service string) string {
	if service == "s3" {
		key, err := url.QueryUnescape(path) // reads the plus as S3 does
		if err != nil {
			return "undecodable"
		}
		return specEscape(key, "/")
	}
	segments := slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
	joined := "/" + strings.Join(segments, "/")
	if len(segments) > 0 && strings.HasSuffix(path, "/") {
		joined += "/"
	}
	return specEscape(joined, "/")
}

// specQuery decodes by RFC 3986, where "+" is a plus.
func specQuery(raw string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		if raw == "" {
			break
		}
		key, value, _ := strings.Cut(pair, "=")
		key, keyErr := url.PathUnescape(key)
		value, valueErr := url.PathUnescape(value)
		if keyErr != nil || valueErr != nil {
			return "undecodable"
		}
		pairs = append(pairs, specEscape(key, "")+"\x00"+specEscape(value, ""))
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

func specEscape(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func specHeaders(r *http.Request, signed string) string {
	var b strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		var values []string
		for _, v := range r.Header.Values(name) {
			values = append(values, strings.Join(strings.Fields(v), " "))
		}
		if name == "host" {
			values = []string{r.Host}
		}
		b.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	return b.String()
}

// TestSigV4VerifiesFromTheWire sends signed requests to a server that knows the specification only.
func TestSigV4VerifiesFromTheWire(t *testing.T) {
	for _, c := range []struct {
		name, path, query, wantQuery string
		header                       http.Header
		body                         string
	}{
		{name: "plain", path: "/items"},
		{name: "empty path", path: ""},
		{name: "encoded slash", path: "/bucket/a%2Fb%2fc"},
		{name: "encoded space", path: "/bucket/a%20b"},
		{name: "encoded unicode", path: "/bucket/%C3%A9%e2%82%ac"},
		{name: "bare unicode", path: "/bucket/é€"},
		{name: "encoded though unreserved", path: "/%61%7E%2Eb"},
		{name: "sub-delims", path: "/model:v1@x/!$&'()*+,;=/[1]"},
		{name: "at sign", path: "/bucket/mac@2x.png"},
		{name: "parentheses", path: "/bucket/report%20(1).pdf"},
		{name: "partition", path: "/bucket/state=fl/day=2024-05-22/data.parquet"},
		{name: "encoded sub-delims", path: "/bucket/%21%24%26%27%28%29%2a%2B%2c%3b%3D%3a%40"},
		{name: "invalid UTF-8", path: "/bucket/%ff%00"},
		{name: "encoded percent", path: "/bucket/100%25@"},
		{name: "plus and space", path: "/bucket/a+b%20c%2Bd"},
		{name: "double slashes", path: "/a//b///c"},
		{name: "leading double slash", path: "//a/b"},
		{name: "trailing slash", path: "/a/b/"},
		{name: "percent percent", path: "/a%25b%252Fc"},
		{name: "repeated keys", path: "/", query: "tag=b&tag=a&tag=B"},
		{name: "unsorted keys", path: "/", query: "b=2&a=1&C=3&a%2Fb=1&a-b=2"},
		{name: "key alone", path: "/", query: "acl&uploads=&=v"},
		{name: "mixed escapes", path: "/", query: "q=a%20b%2bc%2Fd/e:f@g%7e%c3%a9é*"},
		{name: "equals in value", path: "/", query: "q=a=b=c"},
		{name: "plus is a space", path: "/", query: "z=1&q=a+b+c", wantQuery: "z=1&q=a%20b%20c"},
		{name: "empty pairs", path: "/", query: "&b=1&&a=2&", wantQuery: "b=1&a=2"},
		{name: "body", path: "/", body: "hello"},
		{name: "headers of the caller", path: "/", header: http.Header{
			"Content-Type": {"text/plain;  charset=utf-8"}, "X-Amz-Meta-A": {"  two   spaces  ", "second"},
			"X-Amz-Target": {"DynamoDB_20120810.ListTables"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"test"},
		}},
		{name: "declared digest in capitals", path: "/", body: "hello", header: http.Header{
			"X-Amz-Content-Sha256": {"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"}}},
		{name: "declared digest that is none", path: "/", body: "hello",
			header: http.Header{"X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}}},
	} {
		for _, service := range []string{"execute-api", "s3"} {
			t.Run(c.name+"/"+service, func(t *testing.T) {
				base, arrived := awsServer(t, service)
				r := awsRequest(t, "POST", base, c.path, c.query, strings.NewReader(c.body))
				for name, values := range c.header {
					r.Header[name] = values
				}
				s := awsSigner(t, catalog.Sign{Service: service, Region: "{region}"})
				cred := awsCredential(awsSecret, vending.Field{Name: "region", Value: "eu-central-1"},
					vending.Field{Name: "session_token", Value: awsToken})
				if err := s.sign(r, cred, time.Now()); err != nil {
					t.Fatal(err)
				}
				sendSigned(t, r)
				got := <-arrived
				if got.verdict != nil {
					t.Error(got.verdict)
				}
				wantQuery := c.query
				if c.wantQuery != "" {
					wantQuery = c.wantQuery
				}
				path, query, _ := strings.Cut(got.target, "?")
				if c.path != "" && path != c.path && !strings.HasPrefix(c.name, "bare") {
					t.Errorf("path on the wire %q, want %q", path, c.path)
				}
				if query != wantQuery {
					t.Errorf("query on the wire %q, want %q", query, wantQuery)
				}
				if string(got.body) != c.body || got.header.Get("X-Amz-Security-Token") != awsToken {
					t.Errorf("body %q, security token %d bytes", got.body, len(got.header.Get("X-Amz-Security-Token")))
				}
			})
		}
	}
}

// TestSigV4S3Paths compares with signatures on which two others agree: aws4 of npm, which decodes
// and encodes as S3 does (https://github.com/mhart/aws4), given the path, and the AWS SDK for
// JavaScript (@smithy/signature-v4 with uriEscapePath false), given the object's key.
func TestSigV4S3Paths(t *testing.T) {
	for path, signature := range map[string]string{
		"/mac@2x.png":                           "164b99293a0486277f261765bd40e50f6ab6a956b1acc948b79e72dd018fcf29",
		"/report%20(1).pdf":                     "f1d22f92908cd3a829b2202b79b4b0f4b7fd8bd105718f0256a318c55445303c",
		"/state=fl/a=b.parquet":                 "36c46b348cfe2bbc3dbb2c3e3a2bf1bf997b809aaba401950c2cd8ea974bccff",
		"/a%2Fb%2fc":                            "e154427475a909218252ab341c1d94439407fc055d1ab9f49fa75c24f511b172",
		"/%61%7E.txt":                           "cf8750324790abe84a8e7f25b5b9c04ee80e271bf0f55b48018cac78c3069379",
		"/a+b":                                  "9d35ea49959acca66317b34c3c3b1ddad182acb8364c3c0fc59841f40cf628c7",
		"/a%2Bb":                                "ce411b523c6d97d1fdb369979d5c75e08ccb2920bf2f9eef605f4daedd0f4196",
		"/!$&'()*,;:=@":                         "08ccdd380887fe219d4ee0a19f11dda3498029577ced39e14df1269c2fdc2fbe",
		"/%21%24%26%27%28%29%2a%2c%3b%3a%3d%40": "08ccdd380887fe219d4ee0a19f11dda3498029577ced39e14df1269c2fdc2fbe",
		"/a//b/":                                "d7c6c3ea8075d1362f67412d7322bb19fd290b26b9573a5e4f883fb8cc7ad950",
		"/%C3%A9%e2%82%ac":                      "96f6fe07e51fb2b2b4fee07ac9b93b7bce3f48bf62942d3ea7688e481f67eaea",
		"/100%25@":                              "82f79e71d7fe9ea921ae68396db545a4104a66608d6cc31b309619070152c541",
	} {
		r := awsRequest(t, "GET", "https://examplebucket.s3.amazonaws.com", path, "", nil)
		if err := awsSigner(t, catalog.Sign{Service: "s3"}).sign(r, awsCredential(awsSecret), awsTime); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if _, got, _ := strings.Cut(r.Header.Get("Authorization"), "Signature="); got != signature {
			t.Errorf("%s: signature %s, want %s", path, got, signature)
		}
		if got := r.URL.RequestURI(); got != path {
			t.Errorf("%s goes out as %s", path, got)
		}
	}
}

func TestS3PathThatCannotBeRead(t *testing.T) {
	if _, err := (awsScope{service: "s3"}).path("/a%zz"); signCode(err) != vending.InvalidRequest {
		t.Errorf("error %v", err)
	}
}

func sendSigned(t *testing.T, r *http.Request) {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
}

// TestSigV4Payload says what X-Amz-Content-Sha256 becomes, and whether the body was held for it.
func TestSigV4Payload(t *testing.T) {
	const digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct {
		name, service string
		declared      http.Header
		body          string
		length        int64
		want          string
		held          bool
		code          vending.Code
	}{
		{name: "s3 streams", service: "s3", body: "hello", length: 5, want: unsignedPayload},
		{name: "s3 of unknown length streams", service: "s3", body: "hello", length: -1, want: unsignedPayload},
		{name: "s3 above the bound streams", service: "s3", body: strings.Repeat("x", 65), length: 65, want: unsignedPayload},
		{name: "s3 with a checksum trailer", service: "s3", declared: http.Header{amzContentSHA256: {unsignedTrailer}},
			body: "hello", length: 5, want: unsignedTrailer},
		{name: "s3 in signed chunks", service: "s3",
			declared: http.Header{amzContentSHA256: {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}}, body: "hello", length: 5,
			code: vending.InvalidRequest},
		{name: "no body", service: "sqs", want: empty},
		{name: "known length", service: "sqs", body: "hello", length: 5, want: digest, held: true},
		{name: "unknown length", service: "sqs", body: "hello", length: -1, want: digest, held: true},
		{name: "exactly the bound", service: "sqs", body: strings.Repeat("x", 64), length: -1,
			want: "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c", held: true},
		{name: "above the bound by length", service: "sqs", body: strings.Repeat("x", 65), length: 65,
			code: vending.RequestTooLarge},
		{name: "above the bound by bytes", service: "sqs", body: strings.Repeat("x", 65), length: -1,
			code: vending.RequestTooLarge},
		{name: "declared digest streams", service: "sqs", declared: http.Header{amzContentSHA256: {digest}},
			body: strings.Repeat("x", 65), length: 65, want: digest},
		{name: "declared nonsense", service: "sqs", declared: http.Header{amzContentSHA256: {digest[:62] + "zz"}},
			body: "hello", length: 5, want: digest, held: true},
		{name: "declared twin", service: "sqs", declared: http.Header{"X_amz_content_sha256": {empty}}, body: "hello",
			length: 5, want: empty},
		{name: "declared twice", service: "sqs", declared: http.Header{amzContentSHA256: {digest},
			"X_amz_content_sha256": {empty}}, body: "hello", length: 5, code: vending.InvalidRequest},
		{name: "chunks elsewhere", service: "sqs", declared: http.Header{amzContentSHA256: {unsignedTrailer}}, body: "hello",
			length: 5, code: vending.InvalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, "PUT", "https://sqs.example.com", "/", "", nil)
			body := &observedUpload{Reader: strings.NewReader(c.body)}
			if c.body != "" {
				r.Body, r.ContentLength = body, c.length
			}
			for name, values := range c.declared {
				r.Header[name] = values
			}
			err := awsSigner(t, catalog.Sign{Service: c.service, MaxBody: 64}).sign(r, awsCredential(awsSecret), awsTime)
			if code := signCode(err); code != c.code {
				t.Fatalf("error %v, want code %q", err, c.code)
			}
			if err != nil {
				return
			}
			if got := r.Header[amzContentSHA256]; !slices.Equal(got, []string{c.want}) ||
				r.Header["X_amz_content_sha256"] != nil {
				t.Errorf("X-Amz-Content-Sha256 %q, want %q", got, c.want)
			}
			if (body.reads > 0) != c.held {
				t.Errorf("%d reads while signing, held %t", body.reads, c.held)
			}
		})
	}
}

// observedUpload counts what happens to a request body.
type observedUpload struct {
	io.Reader
	reads, closes int
}

func (b *observedUpload) Read(p []byte) (int, error) { b.reads++; return b.Reader.Read(p) }
func (b *observedUpload) Close() error               { b.closes++; return nil }

func signCode(err error) vending.Code {
	var e *vending.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return vending.Code(err.Error())
	}
	return ""
}

func TestSigV4RefusesWhatCannotBeSigned(t *testing.T) {
	for _, c := range []struct{ name, query string }{
		{"invalid escape", "a=%zz"},
		{"semicolon", "a=1;b=2"},
		{"too many parameters", strings.Repeat("a&", 10_001) + "a"},
		{"presigned", "X-Amz-Signature=abc"},
		{"presigned in another case", "x-amz-SIGNATURE=abc"},
		{"presigned, encoded", "X%2DAmz%2DCredential=abc"},
		{"another session token", "a=1&X-Amz-Security-Token=abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := awsRequest(t, "GET", "https://sqs.example.com", "/", c.query, nil)
			err := awsSigner(t, catalog.Sign{Service: "sqs"}).sign(r, awsCredential(awsSecret), awsTime)
			if signCode(err) != vending.InvalidRequest || r.Header.Get("Authorization") != "" {
				t.Errorf("error %v, Authorization %q", err, r.Header.Get("Authorization"))
			}
		})
	}
}

func TestSigV4RefusesMalformedFields(t *testing.T) {
	for _, c := range []struct{ name, id, secret, token, region, field string }{
		{name: "no id", secret: "s", region: "r", field: "access_key_id"},
		{name: "id with a slash", id: "AK/20150830", secret: "s", region: "r", field: "access_key_id"},
		{name: "id with a comma", id: "AK, SignedHeaders=", secret: "s", region: "r", field: "access_key_id"},
		{name: "id with a line break", id: "AK\r\nX-A: b", secret: "s", region: "r", field: "access_key_id"},
		{name: "secret with a line break", id: "AK", secret: "s\n", region: "r", field: "secret_access_key"},
		{name: "token with NUL", id: "AK", secret: "s", token: "t\x00", region: "r", field: "session_token"},
		{name: "region with a slash", id: "AK", secret: "s", region: "r/s3", field: "region"},
		{name: "region with a line break", id: "AK", secret: "s", region: "r\n", field: "region"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cred := vending.NewFields("aws", vending.APIKey, []vending.Field{
				{Name: "access_key_id", Value: c.id}, {Name: "secret_access_key", Value: c.secret},
				{Name: "session_token", Value: c.token}, {Name: "region", Value: c.region},
			})
			r := awsRequest(t, "GET", "https://sqs.example.com", "/", "", nil)
			err := awsSigner(t, catalog.Sign{Service: "sqs", Region: "{region}"}).sign(r, cred, awsTime)
			if signCode(err) != vending.NeedsReconnection || !strings.Contains(vending.AsError(err).Text(), `"`+c.field+`"`) {
				t.Errorf("error %v, want one that names %s", err, c.field)
			}
			if len(r.Header) != 0 {
				t.Errorf("headers were set: %v", r.Header)
			}
		})
	}
}

// TestSigV4KeepsSecretsApart has two credentials with the same access key id, as someone would make
// who knows another's id but not the secret. The SDK's signer would find the other's derived key
// again.
func TestSigV4KeepsSecretsApart(t *testing.T) {
	s := awsSigner(t, catalog.Sign{Service: "sqs"})
	secrets := []string{awsSecret, "guessed", awsSecret}
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		r := awsRequest(t, "GET", "https://sqs.example.com", "/", "", nil)
		if err := s.sign(r, awsCredential(secret), awsTime); err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, r.Header.Get("Authorization"))
	}
	if signatures[0] == signatures[1] || signatures[0] != signatures[2] {
		t.Errorf("one secret's key signed for another: %q", signatures)
	}
}

// TestSigV4SharesNothing signs with values that other requests share; the SDK appends in place.
func TestSigV4SharesNothing(t *testing.T) {
	shared := []string{"of the caller", "of the caller"}
	r := awsRequest(t, "GET", "https://sqs.example.com:443", "/", "b=2&a=1", nil)
	r.Header["X-Amz-Security-Token"], r.Header["X-Amz-Date"] = shared[:1], shared[1:]
	if err := awsSigner(t, catalog.Sign{Service: "sqs"}).sign(r, awsCredential(awsSecret), awsTime); err != nil {
		t.Fatal(err)
	}
	if shared[0] != "of the caller" || shared[1] != "of the caller" || r.Header["X-Amz-Security-Token"] != nil {
		t.Errorf("shared values %q, security token %q", shared, r.Header["X-Amz-Security-Token"])
	}
	if r.Host != "sqs.example.com:443" || r.URL.RawQuery != "b=2&a=1" {
		t.Errorf("host %q, query %q were changed", r.Host, r.URL.RawQuery)
	}
}

func TestSigV4Rules(t *testing.T) {
	known := func(name string) bool { return name == "access_key_id" || name == "secret_access_key" }
	for _, c := range []struct {
		name  string
		sign  catalog.Sign
		known func(string) bool
		want  string
	}{
		{"no service", catalog.Sign{Scheme: "aws_sigv4", Region: "r"}, known, "service and a region"},
		{"unknown field", catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "{zone}"}, known,
			"{zone} is not a declared field"},
		{"no keys", catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "r"}, func(string) bool {
			return false
		}, "{access_key_id} is not a declared field"},
		{"negative bound", catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "r", MaxBody: -1}, known, "max_body"},
		{"unknown scheme", catalog.Sign{Scheme: "rsa"}, known, `scheme "rsa"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := newSigner(&c.sign, c.known); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	s := awsSigner(t, catalog.Sign{Service: "s3", Region: "{region}"})
	if got := s.headers(); !slices.Equal(got, []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}) {
		t.Errorf("headers %q", got)
	}
}

func BenchmarkSigV4(b *testing.B) {
	s, err := newSigner(&catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "us-east-1"}, func(string) bool {
		return true
	})
	if err != nil {
		b.Fatal(err)
	}
	cred := awsCredential(awsSecret)
	body := bytes.NewReader(nil)
	for b.Loop() {
		r, err := http.NewRequestWithContext(context.Background(), "GET", "https://s3.example.com/bucket/key?list-type=2",
			body)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.sign(r, cred, awsTime); err != nil {
			b.Fatal(err)
		}
	}
}
