package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Where a Capture finds its value.
const (
	CaptureToken    = "token"
	CaptureCallback = "callback"
	CaptureCall     = "call"
)

// capturePath is the form of a path: names and indexes, each with a filter at most, joined by dots.
var capturePath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\[[A-Za-z0-9_-]+=[^\[\]]*\])?(\.[A-Za-z0-9_-]+(\[[A-Za-z0-9_-]+=[^\[\]]*\])?)*$`)

// captures checks that each field from the grant has exactly one capture, and each capture such a field.
func (c checker) captures() error {
	found := map[string]bool{}
	if c.OAuth2 != nil {
		for _, capture := range c.OAuth2.Capture {
			if err := c.capture(capture); err != nil {
				return fmt.Errorf("oauth2.capture %s: %w", capture.Field, err)
			}
			if found[capture.Field] {
				return fmt.Errorf("oauth2.capture %s is declared twice: keep one of them", capture.Field)
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

func (c checker) capture(capture Capture) error {
	switch {
	case c.fieldFrom(capture.Field) != FromGrant:
		return errors.New("no field of that name is from the grant: declare it with from grant")
	case c.OAuth2.AuthorizeURL == "":
		return errors.New("there is no authorization that could give it: write an authorize_url")
	case !capturePath.MatchString(capture.Path), capture.From == CaptureCallback && strings.ContainsAny(capture.Path, ".[]"):
		return errors.New("path must be names joined by dots, like accounts[is_default=true].base_uri, or for callback one name")
	}
	if pattern, err := regexp.Compile(capture.Pattern); err != nil || capture.Pattern != "" && pattern.NumSubexp() != 1 {
		return errors.New("pattern must be a regular expression with one group: write it like ^https://([a-z]+)\\.example\\.com$")
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
