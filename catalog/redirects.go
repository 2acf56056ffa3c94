package catalog

import "fmt"

// What becomes of a redirect of an app's that leads past the gateway. HTTP clients carry headers of
// their own along to wherever it leads, and remove Authorization alone.
const (
	// RefuseRedirects answers with an error that names the host.
	RefuseRedirects = "refuse"
	// FollowRedirects fetches what is there, without a credential and without the caller's headers.
	FollowRedirects = "follow"
	// PassRedirects leaves it to the client.
	PassRedirects = "pass"
)

// CheckRedirects accepts the empty string and what an option `redirects` may say.
func CheckRedirects(option string) error {
	switch option {
	case "", RefuseRedirects, FollowRedirects, PassRedirects:
		return nil
	}
	return fmt.Errorf("redirects %q is unknown: write refuse, follow or pass, or leave it out", option)
}

func (c checker) redirects() error { return CheckRedirects(c.Redirects) }
