package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

var chartVersions = regexp.MustCompile(`(?m)^(version|appVersion):.*$`)

// chart writes the Helm chart as `helm package` does, with the release's version, which is also the
// tag of the image. It has no requirements to fetch.
func (r *release) chart(context.Context) error {
	dir := filepath.Join(r.root, "deploy", "helm", "vendgate")
	definition, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := folder(dir, "vendgate")
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.name == "vendgate/Chart.yaml" })
	definition = chartVersions.ReplaceAll(definition, []byte(`${1}: "`+r.bare()+`"`))
	entries = append(entries, entry{name: "vendgate/Chart.yaml", text: definition, mode: 0o644})
	return r.writeTarGz("vendgate-"+r.bare()+".tgz", entries)
}
