package catalog

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Steering names what lets a request to the app stand for another one than its request line says.
// Rules and the bounds of caller keys judge request lines; where they apply, such a request is
// refused. Names that nothing else is called by (`_method`, `$httpMethod`, `rest_route`) are known
// for every app and need no entry; here belongs a name that is ordinary data at other providers.
type Steering struct {
	// Query are query parameters that name another method, path or nested request, like `method` of
	// Facebook's Graph API.
	Query []string `json:"query,omitempty"`
	// Body are fields of a form, or members of a JSON object, that do. Where the app has any, forms
	// and JSON are read before they are sent, and refused beyond the bound of held bodies.
	Body []string `json:"body,omitempty"`
	// Headers are request headers that do.
	Headers []string `json:"headers,omitempty"`
	// Batch are patterns, in the form of a rule's path, of endpoints whose bodies hold requests of
	// their own: batches and GraphQL.
	Batch []string `json:"batch,omitempty"`
	// SplitsFirst says that the provider's servers split a path before they decode it, so that an
	// encoded slash, question mark or number sign is a plain character of its segment (GitLab's
	// `group%2Fproject`).
	SplitsFirst bool `json:"splits_first,omitempty"`
}

// steering checks what the app declares of itself.
func (c checker) steering() error {
	s := c.Steering
	if s == nil {
		return nil
	}
	if len(s.Query)+len(s.Body)+len(s.Headers)+len(s.Batch) == 0 && !s.SplitsFirst {
		return errors.New("steering is empty: take it out")
	}
	for _, list := range []struct {
		name  string
		names []string
	}{{"query", s.Query}, {"body", s.Body}} {
		for i, name := range list.names {
			if name == "" || strings.TrimSpace(name) != name || strings.ContainsAny(name, "&=;#?%+[]") ||
				strings.ContainsFunc(name, isControl) {
				return fmt.Errorf("steering.%s: %q is invalid: write the decoded name of one parameter, like method", list.name,
					name)
			}
			if containsFold(list.names[:i], name) {
				return fmt.Errorf("steering.%s: %s is a duplicate: keep one", list.name, name)
			}
		}
	}
	for i, name := range s.Headers {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("steering.headers: %w", err)
		}
		if containsFold(s.Headers[:i], name) {
			return fmt.Errorf("steering.headers: %s is a duplicate: keep one", name)
		}
	}
	for _, pattern := range s.Batch {
		if err := checkPathPattern(pattern); err != nil {
			return fmt.Errorf("steering.batch: %w", err)
		}
	}
	return nil
}

// checkPathPattern holds a pattern to the form of a rule's path.
func checkPathPattern(pattern string) error {
	base := strings.TrimSuffix(pattern, "/**")
	_, err := path.Match(base, "/")
	switch {
	case !strings.HasPrefix(pattern, "/") || err != nil || strings.Contains(base, "**") || strings.Contains(base, "//"),
		strings.ContainsAny(pattern, "%?#;"), base == "", len(pattern) > 1 && strings.HasSuffix(pattern, "/"):
		return fmt.Errorf("%q is invalid: write a decoded path like /v1/$batch, where * stands for one segment and a last "+
			"/** for any rest", pattern)
	}
	return nil
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
