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
		return "", errors.New("write a URL, like https://api.example.com") // err repeats the text
	case u.Scheme != "https" && (u.Scheme != "http" || !allowHTTP):
		return "", errors.New("write an https URL, or allow plain http by allow_http")
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("the URL has no host: write one like https://api.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("remove user info, query and fragment from the URL")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}
