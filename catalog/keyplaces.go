package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyPlaces are further places where an app's SDKs put the credential. The gateway reads a caller
// key there, removes what is in them from every request, and sends nothing there.
type KeyPlaces struct {
	// Headers are names of request headers. The key is the whole value, or what follows the scheme.
	Headers []string `json:"headers,omitempty"`
	// Query are names of query parameters.
	Query []string `json:"query,omitempty"`
}

func (c checker) keyPlaces() error {
	k := c.KeyPlaces
	switch {
	case k == nil:
		return nil
	case len(k.Headers)+len(k.Query) == 0:
		return errors.New("key_places is empty: write headers or query, or leave it out")
	}
	for i, name := range k.Headers {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("key_places.headers: %w", err)
		}
		if slices.ContainsFunc(k.Headers[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			return fmt.Errorf("key_places.headers: %s is a duplicate: keep one", name)
		}
	}
	for i, name := range k.Query {
		switch {
		case name == "" || strings.ContainsAny(name, "=&;#% ") || strings.ContainsFunc(name, isControl):
			return fmt.Errorf("key_places.query: %q is invalid: write a name like access_token", name)
		case slices.Contains(k.Query[:i], name):
			return fmt.Errorf("key_places.query: %s is a duplicate: keep one", name)
		}
	}
	return nil
}
