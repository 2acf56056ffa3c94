package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

const sumsFile = "SHA256SUMS"

// checksums writes SHA256SUMS over all other files of out, in the form that sha256sum -c reads.
func (r *release) checksums() error {
	files, err := os.ReadDir(r.out) // sorted by name
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, f := range files {
		if f.IsDir() || f.Name() == sumsFile {
			continue
		}
		text, err := os.ReadFile(filepath.Join(r.out, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), f.Name())
	}
	return os.WriteFile(r.file(sumsFile), sums.Bytes(), 0o644)
}
