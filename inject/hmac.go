package inject

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // G505: APIs of some providers know nothing else, and HMAC-SHA1 is not broken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// hmacSigner signs a declared message about the request with HMAC (RFC 2104) and puts the result
// into a header. It is immutable: it holds no key.
type hmacSigner struct {
	hash            func() hash.Hash
	key             template
	decode          func(string) ([]byte, error)
	message         template
	header          string
	prefix          template
	encode          func([]byte) string
	timestampHeader string // empty for none
	timestamp       func(time.Time) string
	readsBody       bool
	maxBody         int64
}

var _ signer = (*hmacSigner)(nil)

func newHMACSigner(s *catalog.Sign, known func(string) bool, maxBody int64) (*hmacSigner, error) {
	h := &hmacSigner{
		hash:            hmacHash(s.Hash),
		decode:          keyDecoder(s.KeyEncoding),
		header:          textproto.CanonicalMIMEHeaderKey(s.Header),
		encode:          signatureEncoder(s.Encoding),
		timestampHeader: textproto.CanonicalMIMEHeaderKey(s.TimestampHeader),
		timestamp:       timestampFormat(s.TimestampFormat),
		maxBody:         maxBody,
	}
	switch {
	case h.hash == nil || h.decode == nil || h.encode == nil || h.timestamp == nil:
		return nil, errors.New("sign: unknown hash, key_encoding, encoding or timestamp_format")
	case s.Key == "" || s.Message == "":
		return nil, errors.New("sign: hmac needs a key and a message")
	case !signable(s.Header) || s.TimestampHeader != "" && !signable(s.TimestampHeader):
		return nil, errors.New("sign: header and timestamp_header must be header names that a request may set")
	case fold(s.Header) == fold(s.TimestampHeader):
		return nil, errors.New("sign: header and timestamp_header are the same")
	}
	if err := h.compile(s, known); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return h, nil
}

func (h *hmacSigner) compile(s *catalog.Sign, known func(string) bool) (err error) {
	for _, name := range requestParts {
		if known(name) {
			return fmt.Errorf("the field %q has the name of a part of the request", name)
		}
	}
	if h.key, err = parseTemplate(s.Key, known); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if h.prefix, err = parseTemplate(s.Prefix, known); err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	for _, p := range h.prefix {
		if !p.field && !httpguts.ValidHeaderFieldValue(p.text) {
			return errors.New("prefix holds a control character")
		}
	}
	h.message, err = parseTemplate(s.Message, func(name string) bool { return isRequestPart(name) || known(name) })
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	for name := range h.message.names {
		h.readsBody = h.readsBody || name == "body" || name == "body_sha256"
		if name == "timestamp" && h.timestampHeader == "" {
			return errors.New("message uses {timestamp}, but no timestamp_header tells it to the provider")
		}
	}
	return nil
}

func (h *hmacSigner) headers() []string {
	if h.timestampHeader == "" {
		return []string{h.header}
	}
	return []string{h.header, h.timestampHeader}
}

func (h *hmacSigner) sign(r *http.Request, cred vending.Credential, now time.Time) error {
	key, err := h.signingKey(cred)
	if err != nil {
		return err
	}
	prefix, err := h.prefix.fill(cred, headerText)
	if err != nil {
		return err
	}
	values := requestValues{request: r, timestamp: h.timestamp(now)}
	if h.readsBody {
		if values.body, err = holdBody(r, h.maxBody); err != nil {
			return err
		}
	}
	mac := hmac.New(h.hash, key)
	if err := h.writeMessage(mac, values, cred); err != nil {
		return err
	}
	r.Header[h.header] = []string{prefix + h.encode(mac.Sum(nil))}
	if h.timestampHeader != "" {
		r.Header[h.timestampHeader] = []string{values.timestamp}
	}
	return nil
}

// signingKey fills and decodes the key. An empty one would sign with what everybody knows.
func (h *hmacSigner) signingKey(cred vending.Credential) ([]byte, error) {
	text, err := h.key.fill(cred, headerText)
	if err != nil {
		return nil, err
	}
	key, err := h.decode(text)
	if err == nil && len(key) > 0 {
		return key, nil
	}
	for name := range h.key.names {
		return nil, malformed(name, "is not encoded as this app's keys are")
	}
	// a key without a field, so no credential's fault
	return nil, errors.New("sign: the key is not in its declared encoding")
}

// writeMessage writes the declared message. Values go in as they are: none is ever read as a
// template.
func (h *hmacSigner) writeMessage(mac hash.Hash, values requestValues, cred vending.Credential) error {
	for _, p := range h.message {
		if p.field && isRequestPart(p.text) {
			_, _ = mac.Write(values.part(p.text)) // a hash.Hash never fails
			continue
		}
		// A line break in a field would let one message read as another.
		text, err := template{p}.fill(cred, headerText)
		if err != nil {
			return err
		}
		_, _ = io.WriteString(mac, text)
	}
	return nil
}

// requestParts are the placeholders that a message takes from the request.
var requestParts = []string{"method", "path", "path_only", "query", "host", "timestamp", "body", "body_sha256"}

func isRequestPart(name string) bool { return slices.Contains(requestParts, name) }

// requestValues is what a message can say of the finished request.
type requestValues struct {
	request   *http.Request
	timestamp string
	body      []byte
}

// part returns the bytes for one of requestParts, as net/http will send them.
func (v requestValues) part(name string) []byte {
	target := v.request.URL.RequestURI()
	path, query, _ := strings.Cut(target, "?")
	switch name {
	case "method":
		return []byte(v.request.Method)
	case "path":
		return []byte(target)
	case "path_only":
		return []byte(path)
	case "query":
		return []byte(query)
	case "host":
		return []byte(wireHost(v.request))
	case "timestamp":
		return []byte(v.timestamp)
	case "body":
		return v.body
	default: // body_sha256
		sum := sha256.Sum256(v.body)
		return []byte(hex.EncodeToString(sum[:]))
	}
}

// wireHost returns what net/http will send as Host.
func wireHost(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}

// hmacHash returns the hash function called name, or nil.
func hmacHash(name string) func() hash.Hash {
	switch name {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// keyDecoder returns how keys of the encoding are read, or nil.
func keyDecoder(encoding string) func(string) ([]byte, error) {
	switch encoding {
	case "", "text":
		return func(key string) ([]byte, error) { return []byte(key), nil }
	case "hex":
		return hex.DecodeString
	case "base64":
		return decodeBase64
	}
	return nil
}

// decodeBase64 reads either alphabet of RFC 4648, with or without padding: providers name all of
// them "base64", and none can be taken for another.
func decodeBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}

// signatureEncoder returns how a signature is written, or nil.
func signatureEncoder(encoding string) func([]byte) string {
	switch encoding {
	case "", "hex":
		return hex.EncodeToString
	case "base64":
		return base64.StdEncoding.EncodeToString
	}
	return nil
}

// timestampFormat returns how a time is written, or nil.
func timestampFormat(format string) func(time.Time) string {
	switch format {
	case "", "unix":
		return func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	case "unix_ms":
		return func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	case "rfc3339":
		return func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	}
	return nil
}
