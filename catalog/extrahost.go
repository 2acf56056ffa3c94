package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// anyLabels is written in an extra host for what the provider names its hosts by.
const anyLabels = "*"

// IsHostPattern reports whether an entry of ExtraHosts stands for several hosts.
func IsHostPattern(host string) bool { return strings.Contains(host, anyLabels) }

// HasExtraHost reports whether host is one of ExtraHosts or fits a pattern among them, letter for
// letter: in lower case, with a port only where the entry has it, and without the dot of the root.
func (a *App) HasExtraHost(host string) bool {
	for _, entry := range a.ExtraHosts {
		if IsHostPattern(entry) && fitsHost(entry, host) || entry == host && !IsHostPattern(entry) {
			return true
		}
	}
	return false
}

// fitsHost matches label by label, so that no star reaches over a dot.
func fitsHost(pattern, host string) bool {
	if len(host) > maxHost+len(":65535") || strings.Count(host, ".") != strings.Count(pattern, ".") {
		return false
	}
	for more := true; more; {
		var want, label string
		want, pattern, _ = strings.Cut(pattern, ".")
		if label, host, more = strings.Cut(host, "."); !fitsLabel(want, label) {
			return false
		}
	}
	return true
}

// fitsLabel reports whether label is want, or a plain DNS label that fits its star, which stands
// for one character or more. Punycode makes look-alikes, and no provider names machines by it.
func fitsLabel(want, label string) bool {
	before, after, wild := strings.Cut(want, anyLabels)
	if !wild {
		return want == label
	}
	return len(label) > len(before)+len(after) && strings.HasPrefix(label, before) && strings.HasSuffix(label, after) &&
		!badLabel(label) && !strings.HasPrefix(label, "xn--")
}

// hostPattern checks an extra host with stars. The credential goes to whatever fits it, so that
// what follows the last star must be a name that one provider owns.
func (c checker) hostPattern(pattern string) error {
	invalid := fmt.Errorf("extra_hosts: %q is invalid: write at most one * in a label, and after the last one "+
		"at least two fixed labels, like *.svc.example.com", pattern)
	labels := strings.Split(pattern, ".")
	last := 0
	for i, label := range labels {
		if n := strings.Count(label, anyLabels); n > 1 {
			return invalid
		} else if n == 1 {
			last = i
		}
	}
	fixed := labels[last+1:]
	if len(fixed) < 2 {
		return invalid
	}
	suffix, _, _ := strings.Cut(strings.Join(fixed, "."), ":")
	if shared, _ := publicsuffix.PublicSuffix(suffix); shared == suffix {
		return fmt.Errorf("extra_hosts: anyone may have a host below %s and would get the credential there: "+
			"list the hosts", suffix)
	}
	if err := c.otherHost("extra_hosts", strings.ReplaceAll(pattern, anyLabels, "x")); err != nil {
		return err
	}
	if c.coversUpstream(pattern) {
		return fmt.Errorf("extra_hosts: %s also matches the upstream's host: write a narrower pattern, "+
			"since calls reach that one without ~", pattern)
	}
	return nil
}

// coversUpstream reports whether a pattern fits the upstream's host, whatever fills its slots.
func (c checker) coversUpstream(pattern string) bool {
	host, _ := splitURL(c.Upstream)
	for _, name := range fieldNames(host) {
		host = strings.ReplaceAll(host, "{"+name+"}", "x")
	}
	return fitsHost(pattern, host)
}

var errHostPattern = errors.New("a pattern of extra_hosts stands for several hosts: write one host")

// extraHosts checks the other hosts. They get the credential, so that none may be the choice of an
// end user.
func (c checker) extraHosts() error {
	for i, host := range c.ExtraHosts {
		if slices.Contains(c.ExtraHosts[:i], host) {
			return fmt.Errorf("extra_hosts: %s is a duplicate: keep one", host)
		}
		check := func() error { return c.otherHost("extra_hosts", host) }
		if IsHostPattern(host) {
			check = func() error { return c.hostPattern(host) }
		}
		if err := check(); err != nil {
			return err
		}
	}
	if len(c.ExtraHosts) > 0 && c.Placement != nil && c.Placement.PathPrefix != "" {
		return errors.New("extra_hosts: a path prefix is the upstream's alone: declare another app for these hosts")
	}
	return nil
}

// otherHost checks a host besides the upstream's. It may have a port.
func (c checker) otherHost(where, host string) error {
	main, _ := splitURL(c.Upstream)
	switch {
	case strings.ContainsAny(host, "{}"):
		return fmt.Errorf("%s: %q holds a placeholder: write a fixed host", where, host)
	case strings.Contains(host, "/"):
		return fmt.Errorf("%s: %q is not a host: write it like upload.example.com", where, host)
	case host == main:
		return fmt.Errorf("%s: %s is the upstream's host: take it out", where, host)
	}
	u, err := c.endpoint(where, "https://"+host)
	if err != nil {
		return err
	}
	if u.Host != host || u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("%s: %q is not a host: write it like upload.example.com", where, host)
	}
	return nil
}

// LabelSeparator joins an app's slug and the label of one of its extra hosts to one DNS label.
const LabelSeparator = "--"

// shortSlug is the length of slugs behind which the separator would be at the third and fourth
// place of a DNS label: such labels are reserved, like those of international names (RFC 5890,
// section 2.3.1), and some clients refuse them.
const shortSlug = 2

// HostName returns the name by which the app is addressed by host below domain: label is empty for
// the upstream's own host, or one of HostLabels. ok is false where the slug is too long for a DNS
// label, so that the app can be addressed by path only.
func (a *App) HostName(label, domain string) (name string, ok bool) {
	name = a.Slug
	if label != "" {
		name += LabelSeparator + label
	}
	return name + "." + domain, len(name) <= maxLabel
}

// LabelOf returns the label of one of the app's extra hosts.
func (a *App) LabelOf(host string) (label string, ok bool) {
	for label, labelled := range a.HostLabels {
		if labelled == host {
			return label, true // two labels never have one host
		}
	}
	return "", false
}

// hostLabels checks the names of extra hosts: each must fit, with the slug, into one DNS label.
func (c checker) hostLabels() error {
	seen := map[string]bool{}
	for _, label := range slices.Sorted(maps.Keys(c.HostLabels)) {
		host := c.HostLabels[label]
		switch {
		case len(c.Slug) == shortSlug:
			return fmt.Errorf("host_labels: %s%s… would be a reserved name in DNS: give the app a longer slug", c.Slug,
				LabelSeparator)
		case label == "" || !consistsOf(label, '-') || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Contains(label, LabelSeparator):
			return fmt.Errorf("host_labels: %q is invalid: write a-z, 0-9 and single hyphens, like files", label)
		case len(c.Slug)+len(LabelSeparator)+len(label) > maxLabel:
			return fmt.Errorf("host_labels: %s is too long: with the slug it must fit into %d bytes", label, maxLabel)
		case !slices.Contains(c.ExtraHosts, host):
			return fmt.Errorf("host_labels: the host of %s is not one of extra_hosts: add it there", label)
		case IsHostPattern(host):
			return fmt.Errorf("host_labels: %s: %w", label, errHostPattern)
		case seen[host]:
			return fmt.Errorf("host_labels: two labels have the host %s: keep one", host)
		}
		seen[host] = true
	}
	return nil
}
