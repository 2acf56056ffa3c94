package inject

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	// Maintained for a decade with nothing below it, and it knows both the signature and the way to a
	// token.
	"github.com/dghubble/oauth1"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// oauth1Signer signs by RFC 5849, section 3, with HMAC-SHA1 and the signature in Authorization. It
// holds no key.
//
// The library signs, but the base string is made here: the library's leaves repeated parameters
// out, knows a form only by its bare media type, takes 80 and 443 for the default port of either
// scheme, and reads the path from a URL that may not be what goes over the wire.
type oauth1Signer struct {
	nonce func() string
}

var _ signer = oauth1Signer{}

func newOAuth1Signer() oauth1Signer { return oauth1Signer{nonce: rand.Text} }

func (oauth1Signer) headers() []string { return []string{"Authorization"} }

func (s oauth1Signer) sign(r *http.Request, cred vending.Credential, now time.Time) (err error) {
	keys, err := oauth1KeysOf(cred)
	if err != nil {
		return err
	}
	if r.URL.RawQuery, err = signableQuery(r.URL.RawQuery, isOAuth1); err != nil {
		return err
	}
	body, err := formOf(r)
	if err != nil {
		return err
	}
	protocol := []oauth1Parameter{
		{"oauth_consumer_key", keys.consumer},
		{"oauth_nonce", s.nonce()},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(now.Unix(), 10)},
		{"oauth_token", keys.token},
		{"oauth_version", "1.0"},
	}
	base, err := oauth1Base(r, protocol, body)
	if err != nil {
		return err
	}
	signature, err := (&oauth1.HMACSigner{ConsumerSecret: keys.consumerSecret}).Sign(keys.tokenSecret, base)
	if err != nil {
		return fmt.Errorf("signing by OAuth 1: %w", err)
	}
	r.Header["Authorization"] = []string{oauth1Header(append(protocol, oauth1Parameter{"oauth_signature", signature}))}
	return nil
}

// oauth1Keys are what signs. The token is where every OAuth credential has it.
type oauth1Keys struct{ consumer, consumerSecret, token, tokenSecret string }

func oauth1KeysOf(cred vending.Credential) (k oauth1Keys, err error) {
	for _, f := range []struct {
		name string
		into *string
	}{
		{catalog.ConsumerKey, &k.consumer},
		{catalog.ConsumerSecret, &k.consumerSecret},
		{vending.AccessToken, &k.token},
		{catalog.OAuthTokenSecret, &k.tokenSecret},
	} {
		value, ok := cred.Field(f.name)
		if !ok {
			return k, malformed(f.name, "is missing")
		}
		if *f.into, err = headerText(value); err != nil {
			return k, malformed(f.name, err.Error())
		}
	}
	return k, nil
}

// isOAuth1 reports whether a server might read a parameter as one of the protocol's. The caller's
// are refused: a body must go out as it came, and a provider that found them in two places would
// refuse the request, or believe the wrong ones.
func isOAuth1(key string) bool {
	return strings.HasPrefix(foldKey(key), "oauth-")
}

// formOf returns the parameters of a form, which the signature covers (RFC 5849, section
// 3.4.1.3.1); the body is held for that, and goes out byte for byte. Any other body streams.
func formOf(r *http.Request) (url.Values, error) {
	if !isForm(r.Header.Get("Content-Type")) {
		return nil, nil
	}
	body, err := holdBody(r, defaultMaxBody)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, vending.Refuse(vending.InvalidRequest,
			"the form cannot be signed: it holds a semicolon, an invalid percent encoding or too many parameters")
	}
	for key := range form {
		if isOAuth1(key) {
			return nil,
				vending.Refuse(vending.InvalidRequest, "the form holds OAuth parameters already: send the request unsigned")
		}
	}
	return form, nil
}

func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil { // a broken parameter makes it no other media type
		media, _, _ = strings.Cut(contentType, ";")
	}
	return strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}

// oauth1Parameter is one name and value, plain or escaped.
type oauth1Parameter struct{ name, value string }

func (p oauth1Parameter) escape() oauth1Parameter {
	return oauth1Parameter{oauth1.PercentEncode(p.name), oauth1.PercentEncode(p.value)}
}

// oauth1Base is the signature base string (section 3.4.1) of r as net/http will send it.
func oauth1Base(r *http.Request, protocol []oauth1Parameter, form url.Values) (string, error) {
	target, query, _ := strings.Cut(r.URL.RequestURI(), "?")
	if !strings.HasPrefix(target, "/") {
		return "", vending.Refuse(vending.InvalidRequest, "the path cannot be signed: it must begin with /")
	}
	parameters := make([]oauth1Parameter, 0, len(protocol)+len(form))
	for _, p := range protocol {
		parameters = append(parameters, p.escape())
	}
	asked, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("signing by OAuth 1: the query changed after it was read")
	}
	for _, values := range []url.Values{asked, form} {
		for name, list := range values {
			for _, value := range list {
				parameters = append(parameters, oauth1Parameter{name, value}.escape())
			}
		}
	}
	// Section 3.4.1.3.2. Sorted as joined pairs, "a-" would come before "a".
	slices.SortFunc(parameters, func(a, b oauth1Parameter) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	pairs := make([]string, len(parameters))
	for i, p := range parameters {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.Join([]string{
		strings.ToUpper(r.Method), oauth1.PercentEncode(oauth1Origin(r) + target),
		oauth1.PercentEncode(strings.Join(pairs, "&")),
	}, "&"), nil
}

// oauth1Origin is scheme and authority of the base string's URI, without the scheme's own port
// (section 3.4.1.2).
func oauth1Origin(r *http.Request) string {
	scheme, host := strings.ToLower(r.URL.Scheme), strings.ToLower(wireHost(r))
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return scheme + "://" + strings.TrimSuffix(host, port)
}

// oauth1Header writes the protocol's parameters as Authorization has them (section 3.5.1).
func oauth1Header(protocol []oauth1Parameter) string {
	fields := make([]string, len(protocol))
	for i, p := range protocol {
		escaped := p.escape()
		fields[i] = escaped.name + `="` + escaped.value + `"`
	}
	return "OAuth " + strings.Join(fields, ", ")
}
