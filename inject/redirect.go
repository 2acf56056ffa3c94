package inject

import (
	"net/http"
	"strings"
)

// LeadsAway returns where an answer leads a client that follows redirects, if that is past the
// gateway: the first such Location of a 3xx, as the provider wrote it. RFC 9110, section 15.4, has
// clients follow some statuses, and curl follows all. What is left of a Location by
// [Injection.RewriteLinks] is what counts: a path of the app's, or its own host, leads back here,
// and what is removed leads nowhere.
func (x *Injection) LeadsAway(res *http.Response, gw func() Gateway) (location string, away bool) {
	if res.StatusCode < 300 || res.StatusCode > 399 {
		return "", false
	}
	for _, v := range res.Header["Location"] {
		if to, inside := x.rewrite(v, gw); !inside && to != "" {
			return v, true
		}
	}
	return "", false
}

// LeadsBelow reports whether location is at a host of the same name as host, at whatever port, or
// of one below it.
func (x *Injection) LeadsBelow(location, host string) bool {
	there, _ := parseReference(location).host()
	if there == "" {
		there = x.host // a path that only the upstream can serve
	}
	name, _ := cutPort(asciiHost(there))
	own, _ := cutPort(host)
	own, name = strings.ToLower(asciiName(own)), strings.ToLower(asciiName(name))
	return own != "" && (name == own || strings.HasSuffix(name, "."+own))
}

// RedirectHost is what a message may say of where location leads: the host, or the scheme where
// there is none. Paths and queries are never shown: they may be signed.
func (x *Injection) RedirectHost(location string) string {
	r := parseReference(location)
	host, _ := r.host()
	if host == "" && r.scheme == "" {
		host = x.host // a path that only the upstream can serve
	}
	if host == "" {
		return "an address of the scheme " + r.scheme
	}
	if !isPlainHost(host) {
		return "a host whose name is invalid"
	}
	return x.ScrubBody([]byte(strings.ToLower(host)), maxHostName+len(":65535"), false)
}

// isPlainHost accepts host names in ASCII and addresses, with a port or without.
func isPlainHost(host string) bool {
	for i := range len(host) {
		if !isAlnum(host[i]) && strings.IndexByte("-._:[]", host[i]) < 0 {
			return false
		}
	}
	return len(host) <= maxHostName+len(":65535")
}
