package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// configuration is the package's own with an app whose provider is in the machine, and a tenant
// whose key and credential come from where the unit takes secrets.
const addedOptions = `		source local
		app stub {
			auth_type api_key
			upstream http://127.0.0.1:9000
			field api_key "API key" secret
			header X-Api-Key {api_key}
			allow_http
			allow_private 127.0.0.0/8
		}
		tenant configured {
			key {env.CONFIGURED_KEY}
			source static
		}
		source static {
			connection shared {
				tenant configured
				app stub
				field api_key {file./run/credentials/vendgate.service/secret_stub}
			}
		}
`

// socketConfig has the sockets of vendgate.socket instead of ports of its own.
const socketConfig = `{
	admin unix//run/vendgate/admin.sock
	auto_https disable_redirects
	skip_install_trust
	vendgate {
		data_dir /var/lib/vendgate
		public_url https://localhost
	}
}
http://localhost {
	bind fd/3 {
		protocols h1
	}
	vendgate_proxy
	vendgate_not_found
}
https://localhost {
	bind fd/4 {
		protocols h1 h2
	}
	tls internal
	vendgate_proxy
	vendgate_not_found
}
`

const asVendgate = "runuser -u vendgate -- vendgate "

// TestInstall goes through the life of the .deb on a machine with a real systemd.
func TestInstall(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dist := t.TempDir()
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		deb := testRelease(t, version, "deb").only(t, "*.deb")
		if err := exec.Command("mv", deb, filepath.Join(dist, version+".deb")).Run(); err != nil {
			t.Fatal(err)
		}
	}
	m := boot(t, dist)
	t.Run("install", func(t *testing.T) { m.install(t) })
	t.Run("first call", func(t *testing.T) { m.firstCall(t) })
	t.Run("secrets", func(t *testing.T) { m.secrets(t) })
	t.Run("privileges", func(t *testing.T) { m.privileges(t) })
	t.Run("upgrade", func(t *testing.T) { m.upgrade(t) })
	t.Run("sockets", func(t *testing.T) { m.sockets(t) })
	t.Run("remove", func(t *testing.T) { m.remove(t) })
}

func (m *machine) install(t *testing.T) {
	m.run(t, "dpkg --install /dist/v1.0.0.deb")
	m.want(t, "systemctl is-active vendgate", "active")
	m.want(t, "systemctl is-enabled vendgate", "enabled")
	m.want(t, "systemctl is-enabled vendgate.socket || true", "disabled")
	m.want(t, "stat -c '%U:%G %a' /etc/vendgate/Caddyfile", "root:vendgate 640")
	m.want(t, "stat -c '%U:%G %a' /etc/vendgate/credentials", "root:root 700")
	m.want(t, "stat -c '%U:%G %a' /var/lib/vendgate", "vendgate:vendgate 700")
	m.want(t, "stat -c '%U:%G %a' /var/lib/vendgate/keyset.json", "vendgate:vendgate 600")
	m.want(t, "curl -s -o /dev/null -w '%{http_code}' http://localhost:8080/nothing", "404")
	m.want(t, "runuser -u vendgate -- vendgate health", "ready")
	m.want(t, "man --where vendgate-tenant-create", "/usr/share/man/man8/vendgate-tenant-create.8.gz")
	m.want(t, `. /usr/share/bash-completion/completions/vendgate; type -t __start_vendgate`, "function")
	// The other users of the machine reach neither the store nor the admin API.
	const readConfig = "runuser -u nobody -- curl -sS --unix-socket /run/vendgate/admin.sock http://x/config/"
	if out, err := m.try(readConfig); err == nil {
		t.Errorf("another user reads the configuration: %s", out)
	}
}

// firstCall is the README's, to a provider in the machine.
func (m *machine) firstCall(t *testing.T) {
	m.run(t, `systemd-run --quiet --unit stub vendgate respond --listen 127.0.0.1:9000 \
		'{http.request.header.X-Api-Key} {http.request.uri}'
curl -s -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 http://127.0.0.1:9000/`)
	config := m.run(t, "cat /etc/vendgate/Caddyfile")
	config = strings.Replace(config, "\tvendgate {\n", "\tvendgate {\n"+addedOptions, 1)
	m.write(t, "/root/Caddyfile", "644", config+"\n")
	// Variables and credentials are read at the start.
	m.run(t, `cat /root/Caddyfile >/etc/vendgate/Caddyfile
echo CONFIGURED_KEY=pk_live_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG | install -m 600 /dev/stdin /etc/vendgate/env
echo key-of-the-file | install -m 600 /dev/stdin /etc/vendgate/credentials/stub
systemctl restart vendgate`)
	m.run(t, asVendgate+`tenant create acme --email you@example.com --config /etc/vendgate/Caddyfile >/root/key
echo '{"api_key":"key-of-alice"}' | `+asVendgate+`connection import --tenant acme \
	--user alice@example.com --app stub --config /etc/vendgate/Caddyfile >/root/connection`)
	m.calls(t)
}

// calls is one call with what was stored.
func (m *machine) calls(t *testing.T) {
	t.Helper()
	m.want(t, `curl -s -H "Authorization: Bearer $(cat /root/key)" -H 'x-user-email: alice@example.com' \
	"http://localhost:8080/proxy/$(cat /root/connection)/stub/api/me"`, "key-of-alice /api/me")
}

func (m *machine) secrets(t *testing.T) {
	m.want(t, `. /etc/vendgate/env
curl -s -H "Authorization: Bearer $CONFIGURED_KEY" -H 'x-user-email: alice@example.com' \
	http://localhost:8080/proxy/shared/stub/api/me`, "key-of-the-file /api/me")
	m.want(t, "stat -c '%U %a' /run/credentials/vendgate.service/secret_stub", "vendgate 400")
	if out, err := m.try(`journalctl --unit vendgate | grep -E "key-of-|pk_live_|\"level\":\"error\""`); err == nil {
		t.Errorf("the journal has a secret, or an error: %s", out)
	}
}

// privileges are those of the running process, and not only of the unit's text.
func (m *machine) privileges(t *testing.T) {
	const pid = "$(systemctl show --property MainPID --value vendgate)"
	for name, want := range map[string]string{
		"CapEff": "0000000000000400", "CapBnd": "0000000000000400", "NoNewPrivs": "1", "Seccomp": "2",
	} {
		m.want(t, "grep -h ^"+name+": /proc/"+pid+"/status | cut -f 2", want)
	}
	m.want(t, "grep -c '^Max core file size *0 *0' /proc/"+pid+"/limits", "1")
	m.want(t, `nsenter --target `+pid+` --mount \
	sh -c 'touch /etc/x || touch /usr/bin/x || ls /home/x' 2>/dev/null || echo refused`, "refused")
}

func (m *machine) upgrade(t *testing.T) {
	before := m.run(t, "sha256sum /etc/vendgate/Caddyfile; systemctl show --property MainPID vendgate")
	m.run(t, "dpkg --install /dist/v1.1.0.deb")
	m.want(t, "dpkg-query -W -f '${Version}' vendgate", "1.1.0-1")
	after := m.run(t, "sha256sum /etc/vendgate/Caddyfile; systemctl show --property MainPID vendgate")
	digest, pid, _ := strings.Cut(before, "\n")
	if newDigest, newPID, _ := strings.Cut(after, "\n"); newDigest != digest || newPID == pid {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	m.want(t, "stat -c '%U:%G %a' /etc/vendgate/Caddyfile", "root:vendgate 640")
	m.calls(t)

	// What an administrator stopped stays stopped.
	m.run(t, "systemctl stop vendgate; dpkg --install /dist/v1.0.0.deb")
	m.want(t, "systemctl is-active vendgate || true", "inactive")
	m.run(t, "systemctl start vendgate")
	m.calls(t)
}

// sockets hands over ports 80 and 443. New connections all the time meet reloads, and a service
// that is down.
func (m *machine) sockets(t *testing.T) {
	m.write(t, "/root/Caddyfile", "644", socketConfig)
	m.run(t, `systemctl stop vendgate
cat /root/Caddyfile >/etc/vendgate/Caddyfile
systemctl enable --now vendgate.socket
systemctl start vendgate`)
	const status = "curl -sk -o /dev/null -w '%{http_code}' "
	m.want(t, status+"http://localhost/nothing", "404")
	// Caddy makes the certificate after it has started.
	m.want(t, status+"--retry 30 --retry-all-errors --retry-delay 1 https://localhost/nothing", "404")

	codes := m.run(t, `(while [ ! -e /root/stop ]; do
	`+status+`http://localhost/nothing || echo " curl $?"; echo
done) >/root/codes &
for i in $(seq 10); do systemctl reload vendgate; done
touch /root/stop
wait
sort /root/codes | uniq -c`)
	// curl's 7 is a refused connection. That each call is answered is what the tests of reloads are
	// about.
	if strings.Contains(codes+"\n", "curl 7\n") || !strings.Contains(codes, " 404") {
		t.Errorf("calls during reloads: %s", codes)
	}

	// A connection waits for the service, and starts it.
	m.run(t, "systemctl stop vendgate.service")
	m.want(t, status+"http://localhost/nothing", "404")
}

func (m *machine) remove(t *testing.T) {
	m.run(t, "dpkg --remove vendgate")
	m.want(t, "systemctl is-active vendgate vendgate.socket || true", "inactive\ninactive")
	m.run(t, "test -s /etc/vendgate/Caddyfile && test -s /var/lib/vendgate/vendgate.db")
	m.run(t, "dpkg --purge vendgate")
	m.want(t, "ls /etc/vendgate", "credentials\nenv")
	// Grants and the keys that open them outlive a purge.
	m.run(t, "test -s /var/lib/vendgate/keyset.json && test -s /var/lib/vendgate/vendgate.db")
	m.want(t, "find /etc/systemd /var/lib/systemd -name 'vendgate.s*'", "")
}
