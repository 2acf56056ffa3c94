package providers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// formRows are apps whose credential an end user enters into the form.
var formRows = []row{
	{
		slug:   "s3-paths",
		source: "https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html: UriEncode of the decoded key",
		does:   "signs encode(decode(path)), whatever the spelling on the wire",
		sees:   "keys with @ ( ) = and % work, and the path goes out as it was written",
		app: "auth_type api_key\nupstream %s/api\nfield access_key_id \"Access key ID\"\nfield secret_access_key \"Secret " +
			"access key\" secret\n" +
			"sign aws_sigv4 {\nservice s3\nregion eu-central-1\n}",
		api: func(_ *provider, w http.ResponseWriter, r *request) {
			if want := s3Signature(r); !strings.HasSuffix(r.Header.Get("Authorization"), "Signature="+want) {
				say(w, http.StatusForbidden, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
				return
			}
			say(w, http.StatusOK, r.RequestURI)
		},
		check: func(t *testing.T, c *customer) {
			c.connects("field.access_key_id", "AKIDEXAMPLE", "field.secret_access_key", s3Secret)
			for _, path := range []string{"/b/mac@2x.png", "/b/report%20(1).pdf", "/b/state=fl/part-0", "/b/a%2Fb", "/b/%7Ex",
				"/b/k%C3%A4se*'!.txt", "/b?list-type=2&prefix=a%2Fb"} {
				if a := c.gets(path).must(t, path, 200, ""); a.body != "/s3-paths/api"+path {
					t.Errorf("%s went out as %s", path, a.body)
				}
			}
		},
	},
}

const s3Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// s3Signature is what S3 expects of a request, by its documentation and not by our signer.
func s3Signature(r *request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ := strings.Cut(rest, ",")
	var headers strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}
	path, _ := url.PathUnescape(r.URL.EscapedPath())
	var pairs []string
	for name, values := range r.URL.Query() {
		for _, value := range values {
			pairs = append(pairs, uriEncode(name, false)+"="+uriEncode(value, false))
		}
	}
	slices.Sort(pairs)
	canonical := strings.Join([]string{
		r.Method, uriEncode(path, true), strings.Join(pairs, "&"), headers.String(), signed,
		r.Header.Get("X-Amz-Content-Sha256"),
	}, "\n")
	date := r.Header.Get("X-Amz-Date")
	if len(date) < 8 {
		return "none"
	}
	key := []byte("AWS4" + s3Secret)
	for _, part := range []string{date[:8], "eu-central-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	digest := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(
		mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+date[:8]+"/eu-central-1/s3/aws4_request\n"+hex.EncodeToString(digest[:])))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// uriEncode leaves the unreserved characters, and the slashes of a path, and writes upper-case
// digits.
func uriEncode(text string, path bool) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, path &&
			c == '/':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
