package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Capture finds one value when an end user authorizes, and keeps it with the connection.
type Capture struct {
	// Field is the declared field, from `grant`, that gets the value.
	Field string `json:"field"`
	// From is `token` for the token endpoint's answer, `callback` for a parameter of the provider's
	// redirect, or `call` for the answer to a request of its own with the new credential.
	From string `json:"from"`
	// URL is what `call` requests by GET. It has one of the app's fixed hosts: the upstream's, an
	// extra one or an endpoint's.
	URL string `json:"url,omitempty"`
	// Path leads to the value: names and indexes joined by dots, `accounts[is_default=true].base_uri`,
	// where brackets take the one element of a list that has such a member, and `0` takes the only
	// one. Of several, the first may be another account than the one that was just authorized, so that
	// there is no value then, unless they all lead to the same. Where that is how a provider answers,
	// the end user says which one it is: brackets may hold fields that they enter,
	// `[url=https://{site}.example.com].id`, and upper case does not matter there. With no name before
	// them, brackets look into the answer itself. For `callback` it is the parameter's name.
	Path string `json:"path"`
	// Pattern is a regular expression with one group, which is the value; empty takes all of the text.
	// It must match the whole text.
	Pattern string `json:"pattern,omitempty"`
}

// Where a Capture finds its value.
const (
	CaptureToken    = "token"
	CaptureCallback = "callback"
	CaptureCall     = "call"
)

const (
	captureName   = `[A-Za-z0-9_-]+`
	captureFilter = `\[` + captureName + `=([^\[\]]*)\]`
)

var (
	// capturePath is the form of a path: names and indexes, each with a filter at most, joined by
	// dots. The first may be a filter alone.
	capturePath = regexp.MustCompile(`^(` + captureFilter + `|` + captureName + `(` + captureFilter + `)?)(\.` +
		captureName + `(` + captureFilter + `)?)*$`)
	// captureWanted finds the values of its filters.
	captureWanted = regexp.MustCompile(captureFilter)
)

// Choices are the values of the filters of c's path that depend on what the end user entered, like
// `https://{site}.example.com`.
func (c Capture) Choices() (templates []string) {
	for _, filter := range captureWanted.FindAllStringSubmatch(c.Path, -1) {
		if len(fieldNames(filter[1])) > 0 {
			templates = append(templates, filter[1])
		}
	}
	return templates
}

// ChosenBy names the fields in c's [Capture.Choices].
func (c Capture) ChosenBy() (names []string) {
	for _, template := range c.Choices() {
		names = append(names, fieldNames(template)...)
	}
	return names
}

// OnlyChooses reports whether what the end user enters into the field called name serves to find
// what a capture of a takes, and nothing else: a connection that has that can do without.
func (a *App) OnlyChooses(name string) bool {
	if a.OAuth2 == nil || !slices.ContainsFunc(a.OAuth2.Capture, func(c Capture) bool {
		return slices.Contains(c.ChosenBy(), name)
	}) {
		return false
	}
	rest, o := *a, *a.OAuth2
	rest.OAuth2, o.Capture = &o, nil
	text, err := json.Marshal(rest)
	return err == nil && !strings.Contains(string(text), "{"+name+"}")
}

// captures checks that each field from the grant has exactly one capture, and each capture such a
// field.
func (c checker) captures() error {
	found := map[string]bool{}
	if c.OAuth2 != nil {
		if err := c.OAuth2.checkAccount(); err != nil {
			return err
		}
		for _, capture := range c.OAuth2.Capture {
			if err := c.capture(capture); err != nil {
				return fmt.Errorf("oauth2.capture %s: %w", capture.Field, err)
			}
			if found[capture.Field] {
				return fmt.Errorf("oauth2.capture %s is a duplicate: keep one of them", capture.Field)
			}
			found[capture.Field] = true
		}
	}
	for _, f := range c.Fields {
		if f.From == FromGrant && !found[f.Name] {
			return fmt.Errorf("field %s is from the grant, and no oauth2.capture finds it: declare one", f.Name)
		}
	}
	return nil
}

func (o *OAuth2) checkAccount() error {
	switch {
	case o.Account == "":
		return nil
	case o.AuthorizeURL == "":
		return errors.New("oauth2.account: the app has no authorization that could name one: write an authorize_url")
	case !capturePath.MatchString(o.Account), strings.ContainsAny(o.Account, "[]"):
		return errors.New("oauth2.account: write the member that names the account, like workspace_name or team.name")
	case strings.HasSuffix(o.Account, "token"):
		return errors.New("oauth2.account: a token names no account, and must not be shown: write another member")
	}
	return nil
}

func (c checker) capture(capture Capture) error {
	switch {
	case c.fieldFrom(capture.Field) != FromGrant:
		return errors.New("no field of that name is from the grant: declare it with from grant")
	case c.OAuth2.AuthorizeURL == "":
		return errors.New("the app has no authorization that could provide it: write an authorize_url")
	case !capturePath.MatchString(capture.Path), capture.From == CaptureCallback &&
		strings.ContainsAny(capture.Path, ".[]"):
		return errors.New("path must be names joined by dots, like accounts[is_default=true].base_uri, or for callback " +
			"one name")
	}
	if pattern, err := regexp.Compile(capture.Pattern); err != nil || capture.Pattern != "" && pattern.NumSubexp() != 1 {
		return errors.New("pattern must be a regular expression with one group: write it like " +
			"^https://([a-z]+)\\.example\\.com$")
	}
	if err := c.captureFilters(capture.Path); err != nil {
		return err
	}
	switch capture.From {
	case CaptureToken, CaptureCallback:
		if capture.URL != "" {
			return errors.New("url is for from call alone: take it out")
		}
		return nil
	case CaptureCall:
		return c.captureURL(capture.URL)
	}
	return fmt.Errorf("from %q is unknown: write token, callback or call", capture.From)
}

// captureFilters checks the placeholders of a path: an end user chooses by what they enter and may
// see.
func (c checker) captureFilters(path string) error {
	for _, filter := range captureWanted.FindAllStringSubmatch(path, -1) {
		parts, err := scan(filter[1])
		if err != nil {
			return fmt.Errorf("path: %w", err)
		}
		for _, p := range parts {
			f, ok := c.field(p.text)
			switch {
			case !p.field:
			case !ok:
				return fmt.Errorf("path: {%s} is not a declared field: add it to fields", p.text)
			case f.From != "":
				return fmt.Errorf("path: field %s is from the %s, and only what the end user enters can choose: take its from out",
					p.text, f.From)
			case f.Secret:
				return fmt.Errorf("path: field %s is secret, and what is compared with an answer is not: take secret out", p.text)
			}
		}
		if !holdsField(parts) || !strings.HasPrefix(filter[1], "https://") {
			continue
		}
		if err := c.slottedURL("path", filter[1]); err != nil {
			return err
		}
	}
	return nil
}

// captureURL checks where a call takes the new token.
func (c checker) captureURL(raw string) error {
	u, err := c.endpoint("url", raw)
	if err != nil {
		return err
	}
	for _, known := range []string{c.Upstream, c.OAuth2.AuthorizeURL, c.OAuth2.TokenURL} {
		if k, err := url.Parse(known); err == nil && k.Host == u.Host {
			return nil
		}
	}
	for _, host := range c.ExtraHosts {
		if host == u.Host {
			return nil
		}
	}
	return errors.New("url has a host that the app does not have: add it to extra_hosts")
}

// found are the patterns that [Find] has compiled. There are no more of them than entries have.
var found sync.Map // of *regexp.Regexp by pattern

// Find returns what the group of an entry's pattern finds in text, which the pattern must match as
// a whole, or "".
func Find(pattern, text string) string {
	known, ok := found.Load(pattern)
	if !ok {
		compiled, err := regexp.Compile(`^(?:` + pattern + `)$`)
		if err != nil {
			return ""
		}
		known, _ = found.LoadOrStore(pattern, compiled)
	}
	m := known.(*regexp.Regexp).FindStringSubmatch(text)
	if len(m) != 2 {
		return ""
	}
	return m[1]
}
