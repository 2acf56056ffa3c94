package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Links say where an app's answers hold addresses that its clients call, besides `Location`,
// `Content-Location` and `Link`. Those of the app's own hosts become addresses of the gateway, and
// all others stay. An address is absolute, of http, https, ws or wss, or a bare host that clients
// put a scheme before. Paths alone are left to the client, which joins them with its own base URL.
type Links struct {
	// Members are members of JSON answers whose value is an address, or a list of them. `next` is
	// every member of that name, at any depth. `paging.next` is one inside a member `paging`, and one
	// that has the dot in its name, like `@odata.nextLink`. Lists on the way have no name. Case
	// matters.
	Members []string `json:"members,omitempty"`
	// Headers are response headers whose value is an address, or a path as in `Location`.
	Headers []string `json:"headers,omitempty"`
}

// maxLinkMember bounds an entry of [Links.Members], in bytes.
const maxLinkMember = 256

// rewrittenAnyway are the headers whose addresses are rewritten for every app.
var rewrittenAnyway = []string{"Location", "Content-Location", "Link"}

func (c checker) links() error {
	l := c.Links
	switch {
	case l == nil:
		return nil
	case len(l.Members)+len(l.Headers) == 0:
		return errors.New("links is empty: write members or headers, or leave it out")
	}
	for i, name := range l.Members {
		switch {
		case name == "" || len(name) > maxLinkMember || strings.ContainsFunc(name, isControl) ||
			strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
			return fmt.Errorf("links.members: %q is invalid: write the name of a member like next", name)
		case slices.Contains(l.Members[:i], name):
			return fmt.Errorf("links.members: %s is a duplicate: keep one", name)
		}
	}
	for i, name := range l.Headers {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("links.headers: %w", err)
		}
		if slices.ContainsFunc(rewrittenAnyway, func(known string) bool { return strings.EqualFold(known, name) }) {
			return fmt.Errorf("links.headers: %s is rewritten for every app: take it out", name)
		}
		if slices.ContainsFunc(l.Headers[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			return fmt.Errorf("links.headers: %s is a duplicate: keep one", name)
		}
	}
	return nil
}
