package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// Domains are what the names begin in front of by which apps are addressed by host,
// `{app}.gw.example.com`. It is immutable and safe for parallel use.
type Domains []string

const (
	// maxLabel bounds one label of a host name, in bytes (RFC 1035, section 2.3.4).
	maxLabel = 63
	// maxDomain bounds a domain, so that any label and its dot fit in front: 253 is the most that a
	// name has.
	maxDomain = 253 - maxLabel - 1
)

// Check reports the first domain that no app can be addressed below. Its text may quote it: there
// is no secret in a host name.
func (d Domains) Check() error {
	for i, domain := range d {
		if err := checkDomain(domain); err != nil {
			return err
		}
		for _, other := range d[:i] {
			if domain == other {
				return fmt.Errorf("%q is a duplicate: keep one", domain)
			}
			// Its first label would name an app below one of them, and nothing below the other.
			if below(domain, other) || below(other, domain) {
				return fmt.Errorf("%q and %q overlap: keep one of them", other, domain)
			}
		}
	}
	return nil
}

func checkDomain(domain string) error {
	switch rest, wildcard := strings.CutPrefix(domain, "*."); {
	case wildcard:
		return fmt.Errorf("%q has a wildcard: write the domain alone, like %s", domain, rest)
	case strings.Contains(domain, ":"):
		return fmt.Errorf("%q has a port or a scheme: write the domain alone, like gw.example.com; "+
			"every port is accepted", domain)
	case domain != strings.ToLower(domain) && !strings.ContainsAny(domain, "{}"):
		return fmt.Errorf("%q has upper-case letters: write %s", domain, strings.ToLower(domain))
	case len(domain) > maxDomain:
		return fmt.Errorf("%q is too long: write at most %d bytes, so that an app's name fits in front", domain, maxDomain)
	}
	last := ""
	for last = range strings.SplitSeq(domain, ".") {
		if !isLabel(last) {
			return fmt.Errorf("%q is not a DNS name: write a domain like gw.example.com", domain)
		}
	}
	if strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("%q is an address: write a domain like gw.example.com, "+
			"because addresses have no names below them", domain)
	}
	return nil
}

// isLabel accepts one label of a host name in lower case (RFC 1123, section 2.1).
func isLabel(label string) bool {
	return len(label) > 0 && len(label) <= maxLabel && label[0] != '-' && label[len(label)-1] != '-' &&
		!strings.ContainsFunc(label, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// Split takes the Host header of a request apart (RFC 9110, section 7.2). ok is false unless the
// host is one of the domains with exactly one label in front, in any case, with or without the dot
// of the root and a port. The label is in lower case and not checked further; the port has its
// colon, and is empty if the header has none.
func (d Domains) Split(host string) (label, domain, port string, ok bool) {
	if len(d) == 0 {
		return "", "", "", false
	}
	name := host
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 {
		if name, port = host[:colon], host[colon:]; !isPort(port) {
			return "", "", "", false
		}
	}
	if port == ":" {
		port = ""
	}
	name = strings.TrimSuffix(name, ".")
	dot := strings.IndexByte(name, '.')
	if dot <= 0 {
		return "", "", "", false
	}
	for _, domain := range d {
		if strings.EqualFold(name[dot+1:], domain) {
			return strings.ToLower(name[:dot]), domain, port, true
		}
	}
	return "", "", "", false
}

// AppHost is an app as a host below one of the domains names it.
type AppHost struct {
	// Slug is the app's, as far as it is one.
	Slug string
	// Domain is one of the domains; Port is that of the Host header with its colon, or empty.
	Domain, Port string
	// Label is that of an extra host of the app, or empty.
	Label string
}

// App reads from a Host header which app it names, if it is below one of the domains.
func (d Domains) App(host string) (a AppHost, ok bool) {
	label, domain, port, ok := d.Split(host)
	if !ok {
		return a, false
	}
	slug, extra, labelled := strings.Cut(label, catalog.LabelSeparator)
	if labelled && extra == "" {
		slug = label // of no app: a slug has single hyphens
	}
	return AppHost{Slug: slug, Domain: domain, Port: port, Label: extra}, true
}

// isPort accepts a colon and up to five digits, or none (RFC 3986, section 3.2.3).
func isPort(port string) bool {
	return len(port) <= len(":65535") && strings.Trim(port[1:], "0123456789") == ""
}

// Hold reports whether name, which has neither port nor final dot, is one of the domains or lies
// below one, at any depth.
func (d Domains) Hold(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(d, func(domain string) bool { return name == domain || below(name, domain) })
}

func below(name, domain string) bool {
	rest, ok := strings.CutSuffix(name, domain)
	return ok && strings.HasSuffix(rest, ".")
}
