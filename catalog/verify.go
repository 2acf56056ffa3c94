package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Verify is a request to the upstream with the credential placed.
type Verify struct {
	// Method is GET by default.
	Method string `json:"method,omitempty"`
	// Host is one of the extra hosts, if it is not the upstream that is asked.
	Host string `json:"host,omitempty"`
	// Path is appended to the upstream's base URL or to the host; it may hold a query and
	// placeholders.
	Path string `json:"path"`
	// Headers are sent with it.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is sent as JSON where not empty.
	Body string `json:"body,omitempty"`
	// Success says what the answer to an accepted credential holds, for APIs that answer 2xx to a
	// wrong one as well: `ok=true` is the value of a member, `data.me.id` that there is one which
	// is not null. Names are joined by dots; an index is the name of an element of a list.
	Success string `json:"success,omitempty"`
	// Account leads to the member of the answer to an accepted credential that names the account, such
	// as `login` or `data.email`, for people to see which one they connected. Names are joined by
	// dots; an index is the name of an element of a list.
	Account string `json:"account,omitempty"`
	// Wrong are the statuses that mean a wrong credential, besides 401, which always does unless
	// Accepted says otherwise.
	Wrong []int `json:"wrong,omitempty"`
	// Accepted are failures that say that the credential is right, 401 among them.
	Accepted []Accepted `json:"accepted,omitempty"`
	// Inconclusive says that a status from 400 to 499 other than 401 and those in Wrong may have
	// another cause than a wrong credential, such as a scope. Without it, all of them mean a wrong
	// one but 402, which leaves it open, 408 and 429.
	Inconclusive bool `json:"inconclusive,omitempty"`
}

// Accepted is an answer to a verify request that is no success, and yet says that the credential is
// right: it may not make this request, or its account has no credit.
type Accepted struct {
	// Status is that of such answers, from 400 to 499.
	Status int `json:"status"`
	// Body are texts of which one must occur, as it is written here, in the first 8 KiB of the
	// answer's body. Only 402 may do without.
	Body []string `json:"body,omitempty"`
}

// verifySuccess is the form of Verify.Success: names joined by dots and, with a value, what the
// last one must be.
var verifySuccess = regexp.MustCompile(`^(` + captureName + `(?:\.` + captureName + `)*)(?:=(.+))?$`)

// notWrong are the statuses that say nothing about a credential, whatever an entry says: that the
// API is busy, or cannot be reached by what is in front of it.
var notWrong = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// Succeeds splits Success: the names that lead to the member, and the text that its value must
// have, which is empty where any value but null will do. Without a Success there are no names.
func (v *Verify) Succeeds() (path []string, want string) {
	found := verifySuccess.FindStringSubmatch(v.Success)
	if found == nil {
		return nil, ""
	}
	return strings.Split(found[1], "."), found[2]
}

func (c checker) verify() error {
	v := c.Verify
	if v == nil {
		return nil
	}
	switch v.Method {
	case "", "GET", "HEAD", "POST":
	default:
		return fmt.Errorf("verify.method %q: write GET, HEAD or POST: a verify request must change nothing", v.Method)
	}
	if v.Host != "" && !slices.Contains(c.ExtraHosts, v.Host) {
		return fmt.Errorf("verify.host %s is not one of extra_hosts: add it there, or leave it out for the upstream", v.Host)
	}
	if IsHostPattern(v.Host) {
		return fmt.Errorf("verify.host: %w", errHostPattern)
	}
	// "//host" would be read as a host by a lax URL join; a fragment is never sent.
	if !strings.HasPrefix(v.Path, "/") || strings.HasPrefix(v.Path, "//") {
		return errors.New("verify.path must begin with one /: write what follows the upstream, like /users/me")
	}
	if strings.ContainsAny(v.Path, "#\\ ") {
		return errors.New("verify.path holds #, a backslash or a space: write them percent-encoded")
	}
	if _, err := c.template("verify.path", v.Path); err != nil {
		return err
	}
	if err := c.headers("verify.headers", v.Headers); err != nil {
		return err
	}
	if _, err := c.template("verify.body", v.Body); err != nil {
		return err
	}
	return v.checkAnswers()
}

// checkAnswers checks what v says of the answers.
func (v *Verify) checkAnswers() error {
	if v.Success != "" && (!verifySuccess.MatchString(v.Success) || strings.ContainsFunc(v.Success, isControl)) {
		return errors.New("verify.success: write a member and its value like ok=true, or data.me.id for one that is not null")
	}
	if v.Success != "" && v.Method == http.MethodHead {
		return errors.New("verify.success: an answer to HEAD has no body: write method GET, or take success out")
	}
	if err := v.checkAccount(); err != nil {
		return err
	}
	for i, status := range v.Wrong {
		switch {
		case status < 300 || status > 599 || slices.Contains(notWrong, status):
			return fmt.Errorf("verify.wrong: %d does not mean a wrong credential: write those that do, such as 400 or 403",
				status)
		case status == http.StatusUnauthorized:
			return errors.New("verify.wrong: 401 means a wrong credential anyway: take it out")
		case slices.Contains(v.Wrong[:i], status):
			return fmt.Errorf("verify.wrong: %d is a duplicate: keep one of them", status)
		}
	}
	return v.checkAccepted()
}

func (v *Verify) checkAccount() error {
	switch {
	case v.Account == "":
		return nil
	case !capturePath.MatchString(v.Account) || strings.ContainsAny(v.Account, "[]"):
		return errors.New("verify.account: write the member that names the account, like login or data.email")
	case v.Method == http.MethodHead:
		return errors.New("verify.account: an answer to HEAD has no body: write method GET, or take account out")
	}
	return nil
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
			return fmt.Errorf("verify.accepted: %d does not tell about a credential: take it out", a.Status)
		case slices.Contains(v.Wrong, a.Status) && len(a.Body) == 0:
			return fmt.Errorf("verify.accepted: %d is in verify.wrong as well: take it out of one of them", a.Status)
		case len(a.Body) == 0 && a.Status != http.StatusPaymentRequired:
			return fmt.Errorf("verify.accepted: %d may mean a wrong credential: write the text (body) that shows it", a.Status)
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
