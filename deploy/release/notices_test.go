package main

import (
	"debug/buildinfo"
	"os"
	"strings"
	"testing"
)

// TestNotices: the image has a notice of each module that the program holds. The tests of the other
// artefacts look for the file.
func TestNotices(t *testing.T) {
	t.Parallel()
	r := testRelease(t, "v1.2.3", "sbom")
	path, err := r.notices(t.Context(), hostPlatform)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	info, err := buildinfo.ReadFile(r.binaries[hostPlatform])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !strings.Contains(text, "\n"+m.Path+" "+m.Version+"\n") {
			t.Errorf("no notice of %s %s", m.Path, m.Version)
		}
	}
	for _, want := range []string{
		"Apache License\n", "Copyright 2009 The Go Authors.", // a licence of each kind,
		"This product includes software developed at\nSoundCloud Ltd.", // and a NOTICE
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, e := range r.rootfsEntries("", path) {
		if e.source == path {
			return
		}
	}
	t.Error("the image has no notices")
}
