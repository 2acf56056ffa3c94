package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	// The reference for what AWS accepts, kept by AWS itself.
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding" // how the SDK encodes a path

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// The headers of Signature Version 4.
const (
	amzAuthorization = "Authorization"
	amzDate          = "X-Amz-Date"
	amzSecurityToken = "X-Amz-Security-Token" //nolint:gosec // G101: the name of a header
	amzContentSHA256 = "X-Amz-Content-Sha256"
)

// Values of X-Amz-Content-Sha256 that are no digest
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	// unsignedTrailer says that the body is in aws-chunked encoding with a checksum in a trailer, and
	// that no chunk is signed. S3 would store the framing as content if another value stood there.
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	// streamingPrefix begins the values that announce signed chunks.
	streamingPrefix = "STREAMING-"
)

// sigV4 signs by AWS Signature Version 4, in headers
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html). It is immutable:
// it holds no key.
type sigV4 struct {
	service, region  template
	keyID, secretKey template
	maxBody          int64
}

var _ signer = (*sigV4)(nil)

func newSigV4(s *catalog.Sign, known func(string) bool, maxBody int64) (*sigV4, error) {
	v := &sigV4{maxBody: maxBody}
	for _, t := range []struct {
		into *template
		text string
	}{
		{&v.service, s.Service},
		{&v.region, s.Region},
		{&v.keyID, "{access_key_id}"},
		{&v.secretKey, "{secret_access_key}"},
	} {
		var err error
		if *t.into, err = parseTemplate(t.text, known); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		if len(*t.into) == 0 {
			return nil, errors.New("sign: aws_sigv4 needs a service and a region")
		}
	}
	return v, nil
}

// headers leaves X-Amz-Content-Sha256 out: the caller's is read by payloadHash, which always
// replaces it.
func (s *sigV4) headers() []string { return []string{amzAuthorization, amzDate, amzSecurityToken} }

// sessionToken is the field of temporary credentials; long-lived ones have none.
const sessionToken = "session_token"

func (s *sigV4) sign(r *http.Request, cred vending.Credential, now time.Time) error {
	scope, err := s.scope(cred)
	if err != nil {
		return err
	}
	keys, err := s.keys(cred)
	if err != nil {
		return err
	}
	if r.URL.RawQuery, err = signableQuery(r.URL.RawQuery, presigned.has); err != nil {
		return err
	}
	hash, err := s.payloadHash(r, scope)
	if err != nil {
		return err
	}
	r.Header[amzContentSHA256] = []string{hash}
	return scope.authorize(r, keys, hash, now)
}

func (s *sigV4) keys(cred vending.Credential) (keys aws.Credentials, err error) {
	if keys.AccessKeyID, err = s.keyID.fill(cred, accessKeyID); err != nil {
		return keys, err
	}
	if keys.SecretAccessKey, err = s.secretKey.fill(cred, headerText); err != nil {
		return keys, err
	}
	if token, ok := cred.Field(sessionToken); ok && token != "" {
		if keys.SessionToken, err = headerText(token); err != nil {
			return keys, malformed(sessionToken, err.Error())
		}
	}
	return keys, nil
}

// accessKeyID refuses what would end the id early in `Credential={id}/{scope}, SignedHeaders=…`.
func accessKeyID(v string) (string, error) {
	if strings.ContainsAny(v, "/,; \"") {
		return "", errors.New("holds a character that is invalid in an access key id")
	}
	return headerText(v)
}

// payloadHash returns what X-Amz-Content-Sha256 says of the body, and takes the caller's out of the
// header. The body of S3 streams, unsigned, as its size is S3's business. Elsewhere a digest that
// the caller sent is enough for the body to stream, since AWS compares it with what arrives;
// otherwise the body is held.
func (s *sigV4) payloadHash(r *http.Request, scope awsScope) (string, error) {
	declared, err := takeDigest(r.Header)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(declared, streamingPrefix) && (!scope.s3() || declared != unsignedTrailer) {
		return "", vending.Refuse(vending.InvalidRequest,
			"the body is in signed chunks, which only the holder of the key can sign: send it unchunked")
	}
	switch {
	case scope.s3() && declared == unsignedTrailer:
		return unsignedTrailer, nil
	case scope.s3():
		return unsignedPayload, nil
	case isSHA256(declared):
		return strings.ToLower(declared), nil
	}
	body, err := holdBody(r, s.maxBody)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// takeDigest removes every spelling of X-Amz-Content-Sha256 from h and returns its value. Two could
// be read differently here and there.
func takeDigest(h http.Header) (string, error) {
	var all []string
	for name, values := range h {
		if len(name) == len(amzContentSHA256) && fold(name) == "x-amz-content-sha256" {
			all = append(all, values...)
			delete(h, name)
		}
	}
	switch len(all) {
	case 0:
		return "", nil
	case 1:
		return all[0], nil
	}
	return "", vending.Refuse(vending.InvalidRequest, "the header X-Amz-Content-Sha256 occurs more than once")
}

func isSHA256(s string) bool {
	if len(s) != hex.EncodedLen(sha256.Size) {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// presigned are the folded query keys of a signature in the query. AWS refuses a request that is
// signed twice, and some services would prefer the caller's.
var presigned = nameSet{
	"x-amz-algorithm": {}, "x-amz-credential": {}, "x-amz-date": {}, "x-amz-expires": {},
	"x-amz-security-token": {}, "x-amz-signature": {}, "x-amz-signedheaders": {},
}

// awsScope is where a signature is valid, besides its date.
type awsScope struct{ service, region string }

func (s *sigV4) scope(cred vending.Credential) (scope awsScope, err error) {
	if scope.service, err = s.service.fill(cred, scopeName); err == nil {
		scope.region, err = s.region.fill(cred, scopeName)
	}
	return scope, err
}

// scopeName accepts the name of a service or a region. A slash would move the borders of the scope.
func scopeName(v string) (string, error) {
	ok := v != ""
	for i := 0; ok && i < len(v); i++ {
		c := v[i] | 0x20
		ok = 'a' <= c && c <= 'z' || '0' <= v[i] && v[i] <= '9' || v[i] == '-' || v[i] == '_'
	}
	if !ok {
		return "", errors.New("is not the name of a region or service")
	}
	return v, nil
}

// s3 reports whether the service follows the rules of S3: the path is escaped once and not
// normalised, and the payload may stay unsigned.
func (s awsScope) s3() bool {
	switch s.service {
	case "s3", "s3express", "s3-outposts", "s3-object-lambda":
		return true
	}
	return false
}

// path returns the path as the signature covers it, before the signer escapes it once more where
// the service wants that. wire is the path that is sent, which stays as it is.
//
// S3 decodes what it gets and encodes it by its own rule, so that one object has one signature,
// however its key is spelled. Other services take the bytes of the wire, and AWS joins repeated
// slashes before it compares.
func (s awsScope) path(wire string) (string, error) {
	if s.s3() {
		return s3Path(wire)
	}
	for strings.Contains(wire, "//") {
		wire = strings.ReplaceAll(wire, "//", "/")
	}
	return wire, nil
}

// s3Path is S3's own spelling of the object key in wire: all but unreserved characters (RFC 3986,
// section 2.3) and slashes are encoded, in capitals, and a bare "+" is a space. S3 shows what it
// computed in the CanonicalRequest of its SignatureDoesNotMatch
// (https://github.com/curl/curl/issues/13754 for "=",
// https://github.com/anomalizer/ngx_aws_auth/issues/87 for "+").
func s3Path(wire string) (string, error) {
	key, err := url.PathUnescape(strings.ReplaceAll(wire, "+", "%20"))
	if err != nil {
		return "", vending.Refuse(vending.InvalidRequest, "the path cannot be signed: it holds an invalid percent encoding")
	}
	return httpbinding.EscapePath(key, false), nil
}

// authorize sets the headers of the signature on r.
//
// The signer works on a twin: it would rewrite the query, sorted, and take a default port from
// Host. The twin's path is cut from the very request line that net/http will write, and its URL has
// no scheme, so that Host is signed as it is sent.
func (s awsScope) authorize(r *http.Request, keys aws.Credentials, hash string, now time.Time) error {
	wire, _, _ := strings.Cut(r.URL.RequestURI(), "?")
	if !strings.HasPrefix(wire, "/") {
		return vending.Refuse(vending.InvalidRequest, "the path cannot be signed: it must begin with /")
	}
	path, err := s.path(wire)
	if err != nil {
		return err
	}
	host := wireHost(r)
	twin := &http.Request{
		Method: r.Method,
		Host:   host,
		Header: signedHeaders(r.Header),
		URL:    &url.URL{Opaque: "//" + host + path, RawQuery: r.URL.RawQuery},
	}
	// A new signer for each request: it keeps the signing key it derived and finds it again by the
	// access key id alone, so that who knows another's id could have requests signed with the other's
	// secret.
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s.s3() }).
		SignHTTP(r.Context(), keys, twin, hash, s.service, s.region, now)
	if err != nil {
		return fmt.Errorf("signing the request for %s: %w", s.service, err)
	}
	for _, name := range []string{amzAuthorization, amzDate, amzSecurityToken} {
		delete(r.Header, name)
		if values, ok := twin.Header[name]; ok {
			r.Header[name] = values
		}
	}
	return nil
}

// signedHeaders copies what the signature must cover: Content-Type, Content-MD5 and X-Amz-* (and
// Host, which the signer adds). More would break wherever a proxy on the way changes a header.
func signedHeaders(h http.Header) http.Header {
	signed := make(http.Header, 8)
	for name, values := range h {
		switch {
		case name == amzDate, name == amzSecurityToken: // the signer's own
		case name == "Content-Type", name == "Content-Md5", strings.HasPrefix(name, "X-Amz-"):
			signed[name] = values
		}
	}
	return signed
}
