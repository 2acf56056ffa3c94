package policy

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// KeyHeader takes the key where an SDK fills Authorization itself.
const KeyHeader = "X-Vendgate-Key"

// KeyOf reads the key of a request from the one place that holds it: [KeyHeader], or else
// Authorization. Two values, of which another hop might read the other, are refused.
func KeyOf(h http.Header) (string, error) {
	values, bare := h[KeyHeader], true
	if len(values) == 0 {
		values, bare = h["Authorization"], false
	}
	switch {
	case len(values) == 0:
		return "", vending.Refuse(vending.InvalidTenantKey, "")
	case len(values) > 1:
		return "", vending.Refuse(vending.InvalidRequest, "the header with the tenant key occurs more than once")
	case bare:
		return values[0], nil
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	switch {
	case takesKey(scheme):
		return rest, nil
	case strings.EqualFold(scheme, "Basic"):
		if decoded, err := base64.StdEncoding.DecodeString(rest); err == nil {
			key, _, _ := strings.Cut(string(decoded), ":")
			return key, nil
		}
	}
	return "", vending.Refuse(vending.InvalidTenantKey, "")
}

// takesKey reports whether a scheme is one under which keys of every kind are read; `token` is that
// of GitHub's SDKs.
func takesKey(scheme string) bool {
	return strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token")
}
