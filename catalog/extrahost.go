package catalog

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// anyLabels is what stands in an extra host for what the provider names its hosts by.
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
	invalid := fmt.Errorf("extra_hosts: %q is invalid: write at most one * in a label, behind the last of them "+
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
		return fmt.Errorf("extra_hosts: below %s anyone may have a host, who would get the credential: "+
			"write the hosts out", suffix)
	}
	if err := c.otherHost("extra_hosts", strings.ReplaceAll(pattern, anyLabels, "x")); err != nil {
		return err
	}
	if c.coversUpstream(pattern) {
		return fmt.Errorf("extra_hosts: %s is the upstream's host, too: write a narrower pattern, "+
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
