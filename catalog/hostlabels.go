package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LabelSeparator joins an app's slug and the label of one of its extra hosts to one DNS label.
const LabelSeparator = "--"

// hostLabels checks the names of extra hosts: each must fit, with the slug, into one DNS label.
func (c checker) hostLabels() error {
	seen := map[string]bool{}
	for _, label := range slices.Sorted(maps.Keys(c.HostLabels)) {
		host := c.HostLabels[label]
		switch {
		case label == "" || !consistsOf(label, '-') || label[0] == '-' || label[len(label)-1] == '-' || strings.Contains(label, LabelSeparator):
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
