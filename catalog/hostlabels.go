package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

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
