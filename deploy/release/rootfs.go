package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"

	// Mozilla's certificate authorities, in the version that Go's project last read: the machine's own
	// would make the image depend on the machine.
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user of the image, by the number that distroless images use, too: Kubernetes must
// see a number to know that it is not root.
const nonroot = 65532

const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/data:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"
)

// rootfsEntries are the files of the container's image: it has nothing else, no shell either.
func (r *release) rootfsEntries(binary, notices string) []entry {
	var entries []entry
	for _, dir := range []string{"data", "etc", "etc/ssl", "etc/ssl/certs", "etc/vendgate", "tmp", "usr", "usr/bin",
		"usr/share", "usr/share/licenses", "usr/share/licenses/vendgate"} {
		e := entry{name: dir, mode: 0o755}
		switch dir {
		case "data":
			e.mode, e.uid = 0o700, nonroot
		case "tmp": // SQLite's, where one is mounted
			e.mode = 0o777 | fs.ModeSticky
		}
		entries = append(entries, e)
	}
	return append(entries,
		entry{name: "etc/group", text: []byte(group), mode: 0o644},
		// The admin API listens on localhost. Docker and Kubernetes put their own file over this one.
		entry{name: "etc/hosts", text: []byte("127.0.0.1 localhost\n::1 localhost\n"), mode: 0o644},
		entry{name: "etc/passwd", text: []byte(passwd), mode: 0o644},
		entry{name: "etc/ssl/certs/ca-certificates.crt", text: authorities(), mode: 0o644},
		entry{name: "etc/vendgate/Caddyfile", mode: 0o644,
			source: filepath.Join(r.root, "deploy", "container", "Caddyfile")},
		entry{name: "usr/bin/vendgate", source: binary, mode: 0o755},
		entry{name: "usr/share/licenses/vendgate/LICENSE", source: filepath.Join(r.root, "LICENSE"), mode: 0o644},
		entry{name: "usr/share/licenses/vendgate/" + noticesFile, source: notices, mode: 0o644},
	)
}

// authorities leaves out those that Mozilla trusts with conditions that a file cannot express.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return b.Bytes()
}

// rootfs writes the image's files into a folder, for the one platform that was asked for.
func (r *release) rootfs(ctx context.Context) error {
	binary, err := r.binary(ctx, r.platforms[0])
	if err != nil {
		return err
	}
	notices, err := r.notices(ctx, r.platforms[0])
	if err != nil {
		return err
	}
	for _, e := range r.rootfsEntries(binary, notices) {
		if err := e.unpack(r.out); err != nil {
			return err
		}
	}
	return nil
}

// unpack writes the entry below dir, with owner and mode.
func (e entry) unpack(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(e.name))
	if e.isDir() {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	} else {
		text := e.text
		if e.source != "" {
			var err error
			if text, err = os.ReadFile(e.source); err != nil {
				return err
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	if err := os.Chmod(path, e.mode); err != nil {
		return err
	}
	if e.uid == 0 {
		return nil
	}
	return os.Chown(path, e.uid, e.uid)
}
