package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file or, if it has neither source nor text, a folder of an archive.
type entry struct {
	name   string // with slashes, without one at the front
	source string
	text   []byte
	mode   fs.FileMode
	uid    int
}

func (e entry) isDir() bool { return e.source == "" && e.text == nil }

// writeTar writes the entries in the order of their names, with one time and no owner's name, so
// that equal entries give equal bytes.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	out := tar.NewWriter(w)
	for _, e := range entries {
		if err := writeEntry(out, e, at); err != nil {
			return err
		}
	}
	return out.Close()
}

func writeEntry(out *tar.Writer, e entry, at time.Time) error {
	// tar has the Unix bits where Go's FileMode has its own.
	mode := int64(e.mode.Perm())
	if e.mode&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	h := &tar.Header{Name: e.name, Mode: mode, ModTime: at, Uid: e.uid, Gid: e.uid, Format: tar.FormatUSTAR}
	if e.isDir() {
		h.Typeflag, h.Name = tar.TypeDir, e.name+"/"
		return out.WriteHeader(h)
	}
	text := e.text
	if e.source != "" {
		var err error
		if text, err = os.ReadFile(e.source); err != nil {
			return err
		}
	}
	h.Typeflag, h.Size = tar.TypeReg, int64(len(text))
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}

// gzipped compresses without a name and with the time of the release.
func gzipped(w io.Writer, level int, at time.Time, write func(io.Writer) error) error {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	z.ModTime = at
	if err := write(z); err != nil {
		return err
	}
	return z.Close()
}

// folder lists the files below dir, under a name in the archive.
func folder(dir, name string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		entries = append(entries, entry{name: path.Join(name, filepath.ToSlash(rel)), source: p, mode: 0o644})
		return nil
	})
	return entries, err
}

// writeTarGz writes an artefact.
func (r *release) writeTarGz(name string, entries []entry) error {
	var b bytes.Buffer
	err := gzipped(&b, gzip.DefaultCompression, r.time, func(w io.Writer) error { return writeTar(w, entries, r.time) })
	if err != nil {
		return err
	}
	return os.WriteFile(r.file(name), b.Bytes(), 0o644)
}

// archives writes one tar.gz for each platform: the program, what a shell and man use, the example
// configuration and the units.
func (r *release) archives(ctx context.Context) error {
	for _, platform := range r.platforms {
		binary, err := r.binary(ctx, platform)
		if err != nil {
			return err
		}
		assets, err := r.assets(ctx)
		if err != nil {
			return err
		}
		notices, err := r.notices(ctx, platform)
		if err != nil {
			return err
		}
		name := "vendgate_" + r.bare() + "_" + strings.ReplaceAll(platform, "/", "_")
		entries := []entry{
			{name: name + "/vendgate", source: binary, mode: 0o755},
			{name: name + "/" + noticesFile, source: notices, mode: 0o644},
		}
		for _, f := range []string{"LICENSE", "README.md", "CHANGELOG.md", "Caddyfile.example"} {
			entries = append(entries, entry{name: name + "/" + f, source: filepath.Join(r.root, f), mode: 0o644})
		}
		for _, dir := range []struct{ from, to string }{
			{filepath.Join(assets, "completions"), "completions"},
			{filepath.Join(assets, "man"), "man"},
			{filepath.Join(r.root, "deploy", "systemd"), "systemd"},
		} {
			found, err := folder(dir.from, name+"/"+dir.to)
			if err != nil {
				return err
			}
			entries = append(entries, found...)
		}
		if err := r.writeTarGz(name+".tar.gz", entries); err != nil {
			return err
		}
	}
	return nil
}
