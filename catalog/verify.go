package catalog

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

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
