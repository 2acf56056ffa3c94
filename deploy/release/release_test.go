package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReproducible builds one commit in two clones at different paths, and compares each artefact.
// With VENDGATE_SOAK it does so for all platforms.
func TestReproducible(t *testing.T) {
	t.Parallel()
	platforms := []string{hostPlatform}
	if os.Getenv("VENDGATE_SOAK") != "" {
		platforms = allPlatforms
	}
	one, another := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "another", "deeper")
	run1(t, "git", "clone", "--quiet", "--no-local", "../..", one)
	run1(t, "git", "clone", "--quiet", "--no-local", one, another)
	var outs []string
	for _, clone := range []string{one, another} {
		// Neither the time of a file nor who may read it may matter.
		now := time.Now()
		if err := os.Chtimes(filepath.Join(clone, "LICENSE"), now, now); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(clone, "dist")
		r, err := newRelease(t.Context(), clone, out, "v1.2.3", platforms)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		r.profile = profile()
		if err := r.run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
	}
	var sums [2][]byte
	for i, out := range outs {
		var err error
		if sums[i], err = os.ReadFile(filepath.Join(out, sumsFile)); err != nil {
			t.Fatal(err)
		}
		check := exec.Command("sha256sum", "--check", "--quiet", sumsFile)
		check.Dir = out
		if text, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	archive := "vendgate_1.2.3_" + strings.ReplaceAll(hostPlatform, "/", "_") + ".tar.gz"
	files := run1(t, "tar", "-tzf", filepath.Join(outs[0], archive))
	if !strings.Contains(files, "/"+noticesFile) {
		t.Errorf("the archive has no notices of the program's modules:\n%s", files)
	}
	// An archive, two packages, an image and a bill of materials.
	if n := bytes.Count(sums[0], []byte("\n")); n < 5 {
		t.Errorf("%d artefacts:\n%s", n, sums[0])
	}
	if !bytes.Equal(sums[0], sums[1]) {
		t.Errorf("the builds differ:\n%s\n%s", sums[0], sums[1])
	}
	t.Logf("%s", sums[0])
}

func TestVersions(t *testing.T) {
	for tag, want := range map[string]string{"v1.2.3": "v1.2.4", "v1.2.3-rc.1": "v1.2.3", "v0.0.9": "v0.0.10"} {
		if got := nextPatch(tag); got != want {
			t.Errorf("after %s comes %s, want %s", tag, got, want)
		}
	}
	for _, version := range []string{"1.2.3", "v1.2", "v1.2.3+x", "v01.2.3", "v1.2.3-rc 1", "latest"} {
		if _, err := readSource(t.Context(), "../..", version); err == nil {
			t.Errorf("version %q was taken", version)
		}
	}
	s, err := readSource(t.Context(), "../..", "")
	if err != nil || !semver.MatchString(s.version) {
		t.Errorf("got %+v, %v", s, err)
	}
	t.Run("no checkout", func(t *testing.T) {
		s, err := readSource(t.Context(), t.TempDir(), "")
		if err != nil || s.commit != "unknown" || s.version != "v0.0.0-dev.19800101000000" {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}

// TestChart packs a chart as helm does.
func TestChart(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "deploy", "helm", "vendgate")
	if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: vendgate\nversion: 0.0.0\nappVersion: \"0.0.0\"\n", "templates/a.yaml": "a: 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &release{root: root, out: t.TempDir(), version: "v1.2.3", time: time.Unix(1700000000, 0)}
	if err := r.chart(t.Context()); err != nil {
		t.Fatal(err)
	}
	tgz := r.only(t, "vendgate-1.2.3.tgz")
	if got := run1(t, "tar", "-tzf", tgz); got != "vendgate/Chart.yaml\nvendgate/templates/a.yaml" {
		t.Errorf("files: %s", got)
	}
	if got := run1(t, "tar", "-xzOf", tgz, "vendgate/Chart.yaml"); got !=
		"apiVersion: v2\nname: vendgate\nversion: \"1.2.3\"\nappVersion: \"1.2.3\"" {
		t.Errorf("chart: %s", got)
	}
}
