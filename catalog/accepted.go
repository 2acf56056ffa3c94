package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Accepted is an answer to a verify request that is no success, and yet says that the credential is
// right: it may not make this request, or its account has no credit.
type Accepted struct {
	// Status is that of such answers, from 400 to 499.
	Status int `json:"status"`
	// Body are texts of which one must occur, as it is written here, in the first 8 KiB of the
	// answer's body. Only 402 may do without.
	Body []string `json:"body,omitempty"`
}

// Accepts reports whether an answer that is no success says that the credential is right. body is
// the decoded body or its beginning; it may be nil where [Verify.AcceptanceInBody] says that it
// does not matter.
func (v *Verify) Accepts(status int, body []byte) bool {
	body = body[:min(len(body), RefusedPrefix)]
	occurs := func(text string) bool { return bytes.Contains(body, []byte(text)) }
	return slices.ContainsFunc(v.Accepted, func(a Accepted) bool {
		return a.Status == status && (len(a.Body) == 0 || slices.ContainsFunc(a.Body, occurs))
	})
}

// AcceptanceInBody reports whether it depends on the body if an answer accepts the credential.
func (v *Verify) AcceptanceInBody(status int) bool {
	return slices.ContainsFunc(v.Accepted, func(a Accepted) bool { return a.Status == status && len(a.Body) > 0 })
}

// checkAccepted checks which failures say that the credential is right.
func (v *Verify) checkAccepted() error {
	for _, a := range v.Accepted {
		switch {
		case a.Status < 400 || a.Status > 499:
			return fmt.Errorf("verify.accepted: status %d: write one from 400 to 499, such as 401", a.Status)
		case slices.Contains(notWrong, a.Status):
			return fmt.Errorf("verify.accepted: %d says nothing of a credential: take it out", a.Status)
		case slices.Contains(v.Wrong, a.Status) && len(a.Body) == 0:
			return fmt.Errorf("verify.accepted: %d is in verify.wrong, too: take it out of one of them", a.Status)
		case len(a.Body) == 0 && a.Status != http.StatusPaymentRequired:
			return fmt.Errorf("verify.accepted: %d may mean a wrong credential: write the text (body) that tells it", a.Status)
		}
		for _, text := range a.Body {
			if text == "" || len(text) > maxRefusedText || strings.ContainsFunc(text, isControl) {
				return errors.New("verify.accepted: each text must have 1 to 256 bytes and no control character: " +
					"write what only such a body holds, like missing_permissions")
			}
		}
	}
	return nil
}
