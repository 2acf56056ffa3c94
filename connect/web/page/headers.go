package page

import (
	"net/http"
	"net/url"
	"strings"
)

// HeaderOptions say which page the headers are for.
type HeaderOptions struct {
	// Dashboard allows the dashboard's script and its calls, and cuts the page off from whatever
	// window opened it.
	Dashboard bool
	// Script allows the page's own script.
	Script bool
	// LogoURL is the tenant's logo, whose origin images may come from.
	LogoURL string
	// FrameAncestors are the origins that may frame the page, such as `https://app.example.com` or
	// `https://*.example.com`; none means that no page may.
	FrameAncestors []string
	// TLS says that the browser reached us by https.
	TLS bool
}

// SecurityHeaders sets the headers that every page is served with: a policy under which nothing
// runs, loads or posts but what the pages need, and no copy or referrer that would carry a request
// token elsewhere.
func SecurityHeaders(h http.Header, o HeaderOptions) {
	ancestors := cspSources(o.FrameAncestors)
	h.Set("Content-Security-Policy", contentPolicy(o, ancestors))
	if ancestors == "'none'" {
		h.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors; it cannot name origins
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()")
	if o.Dashboard {
		// The hosted pages go without: the helper must see when its popup closes.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if o.TLS {
		h.Set("Strict-Transport-Security", "max-age=31536000") // of this host alone: the others are not ours to bind
	}
}

func contentPolicy(o HeaderOptions, ancestors string) string {
	images := "'self'"
	if origin := LogoOrigin(o.LogoURL); origin != "" {
		images += " " + origin
	}
	p := "default-src 'none'; style-src 'self'; img-src " + images +
		"; form-action 'self'; base-uri 'none'; frame-ancestors " + ancestors
	switch {
	case o.Dashboard:
		p += "; script-src 'self'; connect-src 'self'"
	case o.Script:
		p += "; script-src 'self'"
	}
	return p
}

// LogoOrigin returns the origin of an `https` URL as a policy names it, or "" for any other text.
func LogoOrigin(logo string) string {
	u, err := url.Parse(logo)
	if err != nil || u.Scheme != "https" || u.User != nil || !plainHost(u.Host) {
		return ""
	}
	return "https://" + u.Host
}

// plainHost refuses what would end a host inside a policy.
func plainHost(host string) bool {
	return host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == "" &&
		host[0] != ':'
}

// cspSources returns the origins among ancestors as a policy lists them. Anything else is left
// out: it could widen the policy.
func cspSources(ancestors []string) string {
	var list []string
	for _, a := range ancestors {
		u, err := url.Parse(a)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil &&
			plainHost(strings.TrimPrefix(u.Host, "*.")) {
			list = append(list, u.Scheme+"://"+u.Host)
		}
	}
	if list == nil {
		return "'none'"
	}
	return strings.Join(list, " ")
}
