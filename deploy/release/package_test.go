package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func run1(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestRPM reads the package with rpm, and installs and removes it in an overlay.
func TestRPM(t *testing.T) {
	t.Parallel()
	rpm := testRelease(t, "v1.2.3-rc.1", "rpm").only(t, "*.rpm")
	if got := run1(t, "rpm", "-qp", "--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{LICENSE}", rpm); got !=
		"vendgate 1.2.3~rc.1 1 Apache-2.0" {
		t.Errorf("got %s", got)
	}
	if got := run1(t, "rpm", "-qp", "--configfiles", rpm); got != "/etc/vendgate/Caddyfile" {
		t.Errorf("configuration files: %s", got)
	}
	files := strings.Split(run1(t, "rpm", "-qp", "--queryformat",
		"[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME}\n]", rpm), "\n")
	for _, want := range []string{
		"/etc/vendgate/Caddyfile -rw-r----- root:vendgate",
		"/etc/vendgate/credentials drwx------ root:root",
		"/usr/bin/vendgate -rwxr-xr-x root:root",
		"/usr/lib/systemd/system/vendgate.service -rw-r--r-- root:root",
		"/usr/lib/systemd/system/vendgate.socket -rw-r--r-- root:root",
		"/usr/lib/sysusers.d/vendgate.conf -rw-r--r-- root:root",
		"/usr/lib/tmpfiles.d/vendgate.conf -rw-r--r-- root:root",
		"/usr/share/man/man8/vendgate.8.gz -rw-r--r-- root:root",
		"/usr/share/zsh/site-functions/_vendgate -rw-r--r-- root:root",
		"/usr/share/licenses/vendgate/LICENSE -rw-r--r-- root:root",
		"/usr/share/licenses/vendgate/" + noticesFile + " -rw-r--r-- root:root",
	} {
		if !slices.Contains(files, want) {
			t.Errorf("lacks %q", want)
		}
	}
	needRoot(t)
	run1(t, "unshare", "--mount", "bash", "-c", rpmScript, "rpm", t.TempDir(), rpm)
}

// rpmScript has a database of rpm's own, and none of Debian's packages, so dependencies do not
// count.
const rpmScript = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2" "$1/root/root/vendgate.rpm"
mount -t proc proc "$1/root/proc"
chroot "$1/root" sh -ec '
rpm="rpm --dbpath /root/rpmdb"
$rpm --install --nodeps /root/vendgate.rpm
[ "$(stat -c "%U:%G %a" /etc/vendgate/Caddyfile)" = "root:vendgate 640" ]
[ "$(stat -c "%U:%G %a" /var/lib/vendgate)" = "vendgate:vendgate 700" ]
runuser -u vendgate -- env XDG_DATA_HOME=/tmp XDG_CONFIG_HOME=/tmp vendgate validate --config /etc/vendgate/Caddyfile
echo "# mine" >>/etc/vendgate/Caddyfile
touch /var/lib/vendgate/keyset.json
$rpm --erase vendgate
[ -e /etc/vendgate/Caddyfile.rpmsave ] && [ -e /var/lib/vendgate/keyset.json ] && [ ! -e /usr/bin/vendgate ]
'
`

// TestLintian holds the .deb to Debian's own rules; what is meant to break one is in the overrides.
func TestLintian(t *testing.T) {
	t.Parallel()
	deb := testRelease(t, "v1.2.3", "deb").only(t, "*.deb")
	if files := run1(t, "dpkg-deb", "--contents", deb); !strings.Contains(files, "/doc/vendgate/third-party-notices.gz") {
		t.Error("it has no notices of the program's modules")
	}
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", deb).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCompletionsAndManual reads what an archive has of them, as a shell and man do.
func TestCompletionsAndManual(t *testing.T) {
	t.Parallel()
	r := testRelease(t, "v1.2.3", "sbom")
	dir, err := r.assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run1(t, "bash", "-n", filepath.Join(dir, "completions", "vendgate.bash"))
	pages, err := filepath.Glob(filepath.Join(dir, "man", "*.8.gz"))
	if err != nil || len(pages) < 30 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		title := strings.ToUpper(strings.TrimSuffix(filepath.Base(page), ".8.gz"))
		if text := run1(t, "gzip", "-dc", page); !strings.Contains(text, `.TH "`+title+`" "8" `) {
			t.Errorf("%s begins with %.80q", page, text)
		}
	}
	own := run1(t, "gzip", "-dc", filepath.Join(dir, "man", "vendgate-caller-key-create.8.gz"))
	if !strings.Contains(own, "vendgate caller-key create") {
		t.Error("the manual lacks commands of ours")
	}
	bom, err := os.ReadFile(r.only(t, "*.cdx.json"))
	if err != nil || !strings.Contains(string(bom), "pkg:golang/github.com/caddyserver/caddy/v2@") {
		t.Errorf("the bill of materials lacks Caddy: %v", err)
	}
}
