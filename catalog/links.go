package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Links say where an app's answers hold addresses that its clients call, beside `Location`,
// `Content-Location` and `Link`. Those of the app's own hosts become addresses of the gateway.
type Links struct {
	// Members are names of members of JSON answers, at any depth, whose value is an address or a
	// list of addresses: `@odata.nextLink`. A path like `paging.next` is a member inside another.
	Members []string `json:"members,omitempty"`
	// Headers are response headers whose value is an address.
	Headers []string `json:"headers,omitempty"`
}

func (c checker) links() error {
	l := c.Links
	switch {
	case l == nil:
		return nil
	case len(l.Members)+len(l.Headers) == 0:
		return errors.New("links says nothing: write members or headers, or leave it out")
	}
	for i, name := range l.Members {
		switch {
		case name == "" || strings.ContainsFunc(name, isControl):
			return fmt.Errorf("links.members: %q is invalid: write the name of a member like next", name)
		case slices.Contains(l.Members[:i], name):
			return fmt.Errorf("links.members: %s is a duplicate: keep one", name)
		}
	}
	for i, name := range l.Headers {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("links.headers: %w", err)
		}
		if slices.ContainsFunc(l.Headers[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			return fmt.Errorf("links.headers: %s is a duplicate: keep one", name)
		}
	}
	return nil
}
