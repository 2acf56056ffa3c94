package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// defaultHeaders checks what is sent where the caller sends nothing else. The text is sent as it
// is.
func (c checker) defaultHeaders() error {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
		value, key := c.Headers[name], strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if seen[key] {
			return fmt.Errorf("headers: %s is set twice: keep one spelling", name)
		}
		seen[key] = true
		switch {
		case key == "x-user-email" || key == "x-external-user-id" || strings.HasPrefix(key, "vendgate-") ||
			strings.HasPrefix(key, "x-vendgate-") ||
			strings.HasPrefix(key, "proxy-") || strings.HasPrefix(key, "x-forwarded") ||
			strings.Contains(key, "method-override") || key == "x-http-method":
			return fmt.Errorf("headers: %s is checked or removed by the gateway: take it out", name)
		case value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, isControl):
			return fmt.Errorf("headers %s: must be text without a line break or spaces around it", name)
		case strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie"):
			return fmt.Errorf("headers: %s is for credentials: write a placement", name)
		case c.Placement != nil && setsHeader(c.Placement.Header, name):
			return fmt.Errorf("headers: the placement sets %s: keep one of them", name)
		}
	}
	return nil
}

// headers checks names and templates. The order is fixed so that the first error is always the
// same.
func (c checker) headers(where string, headers map[string]string) error {
	seen := make(map[string]bool, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if seen[key] {
			return fmt.Errorf("%s: %s is set twice: keep one spelling", where, key)
		}
		seen[key] = true
		if _, err := c.template(where+" "+name, headers[name]); err != nil {
			return err
		}
	}
	return nil
}

// setsHeader reports whether headers has name in any case.
func setsHeader(headers map[string]string, name string) bool {
	for key := range headers {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// reservedHeaders are those that no app may set: the hop-by-hop ones of RFC 9110, section 7.6.1,
// and its forerunners, which end at the next proxy, and what frames and routes the request itself.
var reservedHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// notToken reports whether r cannot stand in a token (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') &&
		!strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func checkHeaderName(name string) error {
	bad := strings.IndexFunc(name, notToken)
	switch {
	case name == "":
		return errors.New("a header has no name: write it like X-Api-Key")
	case bad >= 0:
		// What follows may be a key, in "Authorization: Bearer …".
		return fmt.Errorf("the header name that begins with %q is invalid: write the name alone, like X-Api-Key", name[:bad])
	}
	if slices.Contains(reservedHeaders, textproto.CanonicalMIMEHeaderKey(name)) {
		return fmt.Errorf("the header %s belongs to the connection and not to the app: write another one, like Authorization",
			name)
	}
	return nil
}
