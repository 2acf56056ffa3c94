package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sign describes request signing. All of its values but Message and the numbers are templates over
// the fields.
type Sign struct {
	// Scheme is `aws_sigv4` or `hmac`.
	Scheme string `json:"scheme"`

	// Service of `aws_sigv4`, such as `s3`. The keys come from the fields `access_key_id`,
	// `secret_access_key` and, if present, `session_token`.
	Service string `json:"service,omitempty"`
	// Region of `aws_sigv4`, such as `{region}`.
	Region string `json:"region,omitempty"`

	// Hash of `hmac`: `sha1`, `sha256` or `sha512`.
	Hash string `json:"hash,omitempty"`
	// Key is the template of the HMAC key.
	Key string `json:"key,omitempty"`
	// KeyEncoding is how the text of Key encodes it: `text` (the default), `base64` or `hex`.
	KeyEncoding string `json:"key_encoding,omitempty"`
	// Message is the string that is signed. It may use `{method}`, `{path}` (escaped, with the query),
	// `{path_only}`, `{query}`, `{host}`, `{timestamp}`, `{body}`, `{body_sha256}` (hex) and the
	// fields.
	Message string `json:"message,omitempty"`
	// Header receives Prefix followed by the signature.
	Header string `json:"header,omitempty"`
	// Prefix is the text before the signature. Default: none.
	Prefix string `json:"prefix,omitempty"`
	// Encoding is how the signature is written: `hex` (the default) or `base64`.
	Encoding string `json:"encoding,omitempty"`
	// TimestampHeader receives the timestamp. Default: no header does.
	TimestampHeader string `json:"timestamp_header,omitempty"`
	// TimestampFormat is `unix` (the default), `unix_ms` or `rfc3339`.
	TimestampFormat string `json:"timestamp_format,omitempty"`

	// MaxBody bounds, in bytes, the body that is held in memory when the scheme needs all of it before
	// the first byte can go out; a larger one is `request_too_large`. 1 MiB by default.
	MaxBody int64 `json:"max_body,omitempty"`
}

// The signing schemes.
const (
	schemeAWS  = "aws_sigv4"
	schemeHMAC = "hmac"
)

// SessionToken is the field of temporary AWS credentials. No app declares it: long-lived ones have
// none.
const SessionToken = "session_token"

// requestNames are the placeholders that a message takes from the request.
var requestNames = []string{"method", "path", "path_only", "query", "host", "timestamp", "body", "body_sha256"}

func (c checker) sign() error {
	s := c.Sign
	if s == nil {
		return nil
	}
	if s.MaxBody < 0 {
		return errors.New("sign.max_body is negative: write a number of bytes, or leave it out for 1 MiB")
	}
	switch s.Scheme {
	case schemeAWS:
		return c.awsSigV4(s)
	case schemeHMAC:
		return c.hmac(s)
	}
	return fmt.Errorf("sign.scheme %q is unknown: write %s or %s", s.Scheme, schemeAWS, schemeHMAC)
}

// awsSigV4 checks what AWS Signature Version 4 needs. A property of the other scheme would be
// ignored in silence, so that it is an error.
func (c checker) awsSigV4(s *Sign) error {
	if s.Service == "" || s.Region == "" {
		return errors.New("sign: aws_sigv4 needs service and region: write them like s3 and {region}")
	}
	if *s != (Sign{Scheme: s.Scheme, Service: s.Service, Region: s.Region, MaxBody: s.MaxBody}) {
		return errors.New("sign: aws_sigv4 takes service, region and max_body only: take the properties of hmac out")
	}
	for _, t := range [][2]string{{"sign.service", s.Service}, {"sign.region", s.Region}} {
		if _, err := c.template(t[0], t[1]); err != nil {
			return err
		}
	}
	for _, name := range []string{"access_key_id", "secret_access_key"} {
		if _, ok := c.field(name); !ok {
			return fmt.Errorf("sign: aws_sigv4 takes its keys from fields: declare %s", name)
		}
	}
	return c.signedHeaders("Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token")
}

func (c checker) hmac(s *Sign) error {
	if s.Service != "" || s.Region != "" {
		return errors.New("sign: service and region belong to aws_sigv4: take them out")
	}
	if s.Hash == "" || s.Key == "" || s.Message == "" || s.Header == "" {
		return errors.New("sign: hmac needs hash, key, message and header: write them like sha256, {api_secret}, " +
			"{timestamp}{method}{path}{body} and X-Signature")
	}
	for _, p := range []struct {
		name, value string
		allowed     []string
	}{
		{"hash", s.Hash, []string{"sha1", "sha256", "sha512"}},
		{"key_encoding", s.KeyEncoding, []string{"text", "base64", "hex"}},
		{"encoding", s.Encoding, []string{"hex", "base64"}},
		{"timestamp_format", s.TimestampFormat, []string{"unix", "unix_ms", "rfc3339"}},
	} {
		if p.value != "" && !slices.Contains(p.allowed, p.value) {
			return fmt.Errorf("sign.%s %q is unknown: write %s", p.name, p.value, strings.Join(p.allowed, " or "))
		}
	}
	if err := c.hmacTemplates(s); err != nil {
		return err
	}
	if s.TimestampHeader == "" {
		return c.signedHeaders(s.Header)
	}
	return c.signedHeaders(s.Header, s.TimestampHeader)
}

func (c checker) hmacTemplates(s *Sign) error {
	key, err := c.template("sign.key", s.Key)
	if err != nil {
		return err
	}
	// A literal key would be a credential in the catalog, which must never hold one.
	if !holdsField(key) {
		return errors.New("sign.key names no field: write a placeholder like {api_secret}, and the key itself into the " +
			"connection")
	}
	if _, err := c.template("sign.prefix", s.Prefix); err != nil {
		return err
	}
	for _, f := range c.Fields {
		if slices.Contains(requestNames, f.Name) {
			return fmt.Errorf("field %s: {%s} is the request's in sign.message: give the field another name", f.Name, f.Name)
		}
	}
	// Messages are often joined by line feeds, and never sent: literal text is free.
	message, err := scan(s.Message)
	if err != nil {
		return fmt.Errorf("sign.message: %w", err)
	}
	for _, p := range message {
		if !p.field {
			continue
		}
		if err := c.placeholder(p.text, requestNames...); err != nil {
			return fmt.Errorf("sign.message: %w", err)
		}
		if p.text == "timestamp" && s.TimestampHeader == "" {
			return errors.New("sign.message uses {timestamp}, which the provider must be told: name the header in " +
				"timestamp_header")
		}
	}
	return nil
}

// signedHeaders checks the names of the headers that signing sets, and that each is set once.
func (c checker) signedHeaders(names ...string) error {
	set := map[string]string{}
	if c.Placement != nil {
		for name := range c.Placement.Header {
			set[name] = ""
		}
		if c.Placement.Basic != nil {
			set["Authorization"] = ""
		}
	}
	for _, name := range names {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		if setsHeader(set, name) {
			return fmt.Errorf("sign: the header %s is set already: name another one", name)
		}
		set[name] = ""
	}
	return nil
}
