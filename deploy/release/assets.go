package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// assets generates what packages and archives have besides the program, once, and returns the
// folder: completions/, man/, copyright, changelog.gz and changelog.Debian.gz.
func (r *release) assets(ctx context.Context) (string, error) {
	dir := filepath.Join(r.work, "assets")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	binary, err := r.hostBinary(ctx)
	if err != nil {
		return "", err
	}
	for _, make := range []func(context.Context, string, string) error{r.completions, r.manual, r.documents} {
		if err := make(ctx, binary, dir); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// says runs the program in a home of its own: Caddy's commands may make folders there.
func (r *release) says(ctx context.Context, binary string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "HOME="+r.work, "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.time.Unix(), 10))
	return output(cmd)
}

func (r *release) completions(ctx context.Context, binary, dir string) error {
	dir = filepath.Join(dir, "completions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "vendgate.bash", "zsh": "_vendgate", "fish": "vendgate.fish"} {
		script, err := r.says(ctx, binary, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), script, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var manTitle = regexp.MustCompile(`(?m)^\.TH "Caddy" "8" "([^"]*)" "[^"]*" ""$`)

// manual writes the manual pages. Caddy's generator calls each page Caddy, and man shows that as
// the title.
func (r *release) manual(ctx context.Context, binary, dir string) error {
	plain, dir := filepath.Join(r.work, "manpages"), filepath.Join(dir, "man")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := r.says(ctx, binary, "manpage", "--directory", plain); err != nil {
		return err
	}
	pages, err := filepath.Glob(filepath.Join(plain, "*.8"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		title := strings.ToUpper(strings.TrimSuffix(filepath.Base(page), ".8"))
		text = manTitle.ReplaceAll(text, []byte(`.TH "`+title+`" "8" "$1" "Vendgate `+r.bare()+`" ""`))
		// The whatis line: the top page has no short description of its own.
		text = bytes.Replace(text, []byte("\nvendgate -\n"),
			[]byte("\nvendgate - reverse proxy that puts customers' credentials into API requests\n"), 1)
		if err := r.writeGzip(filepath.Join(dir, filepath.Base(page)+".gz"), text); err != nil {
			return err
		}
	}
	return nil
}

const debianChangelog = `vendgate (%s-1) unstable; urgency=medium

  * Release %s. changelog.gz says what changed.

 -- Vendgate maintainers <maintainers@vendgate.invalid>  %s
`

// documents writes what Debian wants in /usr/share/doc.
func (r *release) documents(_ context.Context, _, dir string) error {
	changes, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	if err := r.writeGzip(filepath.Join(dir, "changelog.gz"), changes); err != nil {
		return err
	}
	entry := fmt.Sprintf(debianChangelog, strings.Replace(r.bare(), "-", "~", 1), r.version,
		r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	if err := r.writeGzip(filepath.Join(dir, "changelog.Debian.gz"), []byte(entry)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "copyright"), []byte(fmt.Sprintf(copyright, r.time.Year())),
		0o644)
}

// copyright names Debian's copy of the licence, as its policy asks for.
const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: vendgate
Source: https://github.com/vendgate/vendgate

Files: *
Copyright: %d the Vendgate authors
Comment: third-party-notices.gz has the notices of the modules that the program is built from.
License: Apache-2.0
 On Debian systems, the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
`

func (r *release) writeGzip(path string, text []byte) error {
	var b bytes.Buffer
	err := gzipped(&b, gzip.BestCompression, r.time, func(w io.Writer) error { _, err := w.Write(text); return err })
	if err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
