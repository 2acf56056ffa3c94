package vending

import (
	"errors"
	"net/url"
	"strings"
)

// ParseEndpoint returns the base URL of a remote source without its trailing slash. It is https, or
// http where that is allowed. Its errors do not repeat the text.
func ParseEndpoint(text string, allowHTTP bool) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.New("it is no URL") // err repeats the text
	case u.Scheme != "https" && (u.Scheme != "http" || !allowHTTP):
		return "", errors.New("it must be https, or http where that is allowed")
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("it has no host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it must not have user info, a query or a fragment")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}
