package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// RefusedPrefix is how much of an answer's body, in bytes and without a content coding, may decide
// whether it refuses the credential. Errors are short, and what is streamed must not wait.
const RefusedPrefix = 8 << 10

// maxRefusedText bounds one text of [Refused.Body] and of [OAuth2.Ended], in bytes.
const maxRefusedText = 256

// Refused is an answer by which a provider refuses the credential, besides 401.
type Refused struct {
	// Statuses are those of such answers. One that has a meaning of its own, such as 403, needs
	// When or Body to tell it from an answer to a request that the credential does not allow.
	Statuses []int `json:"statuses"`
	// When are header fields that must all have these values.
	When map[string]string `json:"when,omitempty"`
	// Body are texts of which one must occur, as it is written here, in the first 8 KiB of the
	// answer's body.
	Body []string `json:"body,omitempty"`
}

// RefusesCredential reports whether an answer says that the credential is not or no longer
// accepted: by 401, or in one of the app's own ways. body is the decoded body or its beginning;
// more than [RefusedPrefix] of it is not looked at. It may be nil where [App.RefusalInBody] says
// that it does not matter.
func (a *App) RefusesCredential(status int, h http.Header, body []byte) bool {
	if status == http.StatusUnauthorized {
		return true
	}
	body = body[:min(len(body), RefusedPrefix)]
	for i := range a.Refused {
		if r := &a.Refused[i]; r.heads(status, h) && r.isIn(body) {
			return true
		}
	}
	return false
}

// RefusalInBody reports whether it depends on the body if an answer refuses the credential.
func (a *App) RefusalInBody(status int, h http.Header) bool {
	return !a.RefusesCredential(status, h, nil) &&
		slices.ContainsFunc(a.Refused, func(r Refused) bool { return r.heads(status, h) })
}

func (r *Refused) isIn(body []byte) bool {
	occurs := func(text string) bool { return bytes.Contains(body, []byte(text)) }
	return len(r.Body) == 0 || slices.ContainsFunc(r.Body, occurs)
}

// heads reports whether an answer's status and header are those of r.
func (r *Refused) heads(status int, h http.Header) bool {
	if !slices.Contains(r.Statuses, status) {
		return false
	}
	for name, value := range r.When {
		if !slices.Contains(h.Values(name), value) {
			return false
		}
	}
	return true
}

// refused checks how the provider tells that it refuses the credential.
func (c checker) refused() error {
	for i := range c.Refused {
		r := &c.Refused[i]
		if len(r.Statuses) == 0 {
			return errors.New("refused: statuses are missing: write statuses other than 401 that mean it, such as 403")
		}
		for _, status := range r.Statuses {
			if err := r.status(status); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(r.When)) {
			if name == "" || strings.ContainsFunc(name, notToken) {
				return fmt.Errorf("refused.when: %q is an invalid header name: write it like X-Error-Code", name)
			}
		}
		for _, text := range r.Body {
			if text == "" || len(text) > maxRefusedText || strings.ContainsFunc(text, isControl) {
				return fmt.Errorf("refused.body: each text must have 1 to %d bytes and no control character: "+
					"write what only such a body holds, like invalid_token", maxRefusedText)
			}
		}
	}
	return nil
}

func (r *Refused) status(status int) error {
	switch {
	case status < 200 || status > 599 || status == http.StatusUnauthorized || status == http.StatusTooManyRequests:
		return fmt.Errorf("refused.statuses: %d: write statuses other than 401 that mean it, such as 403", status)
	case len(r.When) == 0 && len(r.Body) == 0 && !ownMeaning(status):
		return fmt.Errorf("refused.statuses: %d has other causes than a refused credential: "+
			"write the header (when) or the text (body) that shows it", status)
	}
	return nil
}

// ownMeaning reports whether a status may stand for a refused credential alone: no specification
// gives it a meaning (419, 440, 498), or none that an API has a use for (203, which Azure DevOps
// answers with a page to sign in at).
func ownMeaning(status int) bool {
	return status == http.StatusNonAuthoritativeInfo || http.StatusText(status) == ""
}
