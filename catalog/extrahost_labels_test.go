package catalog

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// knownLabels has a line for each label that was ever given: slug, label, host. Addresses of
// gateways hold labels, so that a line is added for a new one, and none is ever changed.
//
//go:embed testdata/host_labels.txt
var knownLabels string

// TestHostLabels: each extra host has a label, and keeps it.
func TestHostLabels(t *testing.T) {
	var lines []string
	for _, app := range embeddedApps(t) {
		labelled := slices.Collect(maps.Values(app.HostLabels))
		for _, host := range app.ExtraHosts {
			if !strings.Contains(host, "*") && !slices.Contains(labelled, host) {
				t.Errorf("%s: %s has no label in host_labels", app.Slug, host)
			}
		}
		for label, host := range app.HostLabels {
			lines = append(lines, fmt.Sprintf("%s %s %s", app.Slug, label, host))
		}
	}
	known := strings.Split(strings.TrimSpace(knownLabels), "\n")
	for _, line := range known {
		if !slices.Contains(lines, line) {
			t.Errorf("the label is gone, or leads elsewhere: %s", line)
		}
	}
	for _, line := range lines {
		if !slices.Contains(known, line) {
			t.Errorf("add to testdata/host_labels.txt: %s", line)
		}
	}
}

// TestHostsOfTwilio has those of the classes of twilio-node (lib/rest/*Base.js, 6.3.1).
func TestHostsOfTwilio(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	app, _ := c.App("twilio")
	for name := range strings.FieldsSeq(`accounts bulkexports chat content conversations events flex-api frontline-api
		iam insights intelligence ip-messaging knowledge lookups marketplace memory messaging monitor notify numbers oauth
		preview preview-iam pricing proxy routes serverless studio supersim sync taskrouter trunking trusthub verify
		video voice webhooks wireless`) {
		if app.HostLabels[name] != name+".twilio.com" {
			t.Errorf("%s leads to %q", name, app.HostLabels[name])
		}
	}
}
