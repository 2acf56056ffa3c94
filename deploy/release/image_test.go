package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestImage starts the program out of the image, as its user, over a read-only root.
func TestImage(t *testing.T) {
	t.Parallel()
	needRoot(t)
	r := testRelease(t, "v1.2.3", "image")
	image := readImage(t, r.only(t, "*_oci.tar"))
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	unpack(t, mutate.Extract(image), root)
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Config.Labels["org.opencontainers.image.version"]; got != "1.2.3" {
		t.Errorf("version label %q", got)
	}
	t.Run("serves", func(t *testing.T) { serve(t, root, file.Config) })
	t.Run("is the Dockerfile's", func(t *testing.T) { compareDockerfile(t, file.Config) })
}

// readImage unpacks the layout, and takes the image of this platform.
func readImage(t *testing.T, path string) v1.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	unpack(t, f, dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	top, err := index.IndexManifest()
	if err != nil || len(top.Manifests) != 1 {
		t.Fatal(top, err)
	}
	if name := top.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; name != "1.2.3" {
		t.Errorf("the layout's tag is %q", name)
	}
	platforms, err := index.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := platforms.IndexManifest()
	if err != nil || len(manifests.Manifests) != 1 || manifests.Manifests[0].Platform.OS != "linux" {
		t.Fatal(manifests, err)
	}
	image, err := platforms.Image(manifests.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// unpack writes a tar with owners and modes, as a container's runtime does.
func unpack(t *testing.T, from io.ReadCloser, dir string) {
	t.Helper()
	defer from.Close()
	for in := tar.NewReader(from); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		e := entry{name: h.Name, text: text, mode: h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSticky), uid: h.Uid}
		if h.Typeflag == tar.TypeDir {
			e.text = nil
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, e.name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := e.unpack(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// chrootScript has the root read-only but for the volume, in namespaces of its own: only its
// loopback is there, so that port 8080 is free.
const chrootScript = `set -e
root=$1 user=$2
shift 2
ip link set lo up
mkdir "$root/proc"
mount --bind "$root" "$root"
mount --bind "$root/data" "$root/data"
mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"
chroot --userspec="$user" "$root" "$@" &
pid=$!
trap 'kill -TERM $pid; wait $pid; echo "exit $?"' EXIT
curl -s -o /dev/null --retry 100 --retry-connrefused --retry-delay 1 http://127.0.0.1:8080/
echo "code $(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/proxy/conn_x/gmail/x)"
echo "code $(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/nothing)"
echo "health $("$root/usr/bin/vendgate" health --url http://127.0.0.1:8080/health/ready)"
echo "uid $(stat -c %u /proc/$pid)"
echo "writable $(touch "$root/etc/x" 2>/dev/null && echo yes || echo no)"
echo "keyset $(stat -c '%u:%g %a' "$root/data/vendgate/keyset.json")"
`

func serve(t *testing.T, root string, config v1.Config) {
	t.Helper()
	args := append([]string{"--mount", "--net", "bash", "-c", chrootScript, "image", root, config.User},
		append(config.Entrypoint, config.Cmd...)...)
	cmd := exec.Command("unshare", args...)
	// The image's variables alone, but that the script finds its own programs.
	cmd.Env = append(slices.Clone(config.Env), "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	timer := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &log)
	}
	const want = "code 401\ncode 404\nhealth ready\nuid 65532\nwritable no\nkeyset 65532:65532 600\nexit 0\n"
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s\nlog:\n%s", out, want, &log)
	}
}

// compareDockerfile compares what the two ways of making the image say of it.
func compareDockerfile(t *testing.T, c v1.Config) {
	t.Helper()
	dockerfile, err := os.ReadFile("../container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, final, _ := strings.Cut(string(dockerfile), "FROM scratch")
	list := func(texts []string) string { return `["` + strings.Join(texts, `", "`) + `"]` }
	wanted := []string{
		"ENV " + strings.Join(c.Env, " "), "USER " + c.User, "WORKDIR " + c.WorkingDir, "VOLUME /data",
		"EXPOSE 8080/tcp", "STOPSIGNAL " + c.StopSignal, "ENTRYPOINT " + list(c.Entrypoint), "CMD " + list(c.Cmd),
		"CMD " + list(c.Healthcheck.Test[1:]),
	}
	for name, value := range c.Labels {
		switch name {
		case "org.opencontainers.image.created", "org.opencontainers.image.revision": // docker's own --label
		case "org.opencontainers.image.version":
			wanted = append(wanted, name+`="${VERSION}"`)
		default:
			wanted = append(wanted, fmt.Sprintf("%s=%q", name, value))
		}
	}
	lines := make(map[string]bool)
	for s := bufio.NewScanner(strings.NewReader(final)); s.Scan(); {
		line := strings.TrimSuffix(strings.TrimSpace(s.Text()), " \\")
		lines[strings.TrimPrefix(line, "LABEL ")] = true
	}
	for _, want := range wanted {
		if !lines[want] {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
}
