package reload

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestReloadCommandUnderSystemdsSockets: systemd's own tool hands over two sockets, as a socket
// unit with two streams does: `vendgate reload` replaces the configuration of a site by HTTP and of
// one by TLS, and no caller loses anything.
func TestReloadCommandUnderSystemdsSockets(t *testing.T) {
	s := newStage(t, ok)
	plain, secure := s.addr, harness.FreeAddr(t)
	s.secure()
	s.addr, s.bind = secure, "bind fd/4 {\nprotocols h1 h2\n}"
	write := func() {
		s.write(s.caddyfile() + fmt.Sprintf("\nhttp://:%s {\nbind fd/3\nvendgate_proxy\n}\n", port(t, plain)))
	}
	write()
	s.process = harness.StartProcess(t, s.env, "/usr/bin/systemd-socket-activate",
		"--listen="+plain, "--listen="+secure, "--setenv=VG_KEY", "--setenv=VG_TENANT", "--setenv=HOME",
		harness.Program(t), "run", "--config", s.config)
	harness.Within(t, "the sockets of systemd", 10*time.Second, func() bool {
		conn, err := net.Dial("tcp", plain) // has the tool start the program
		return err == nil && conn.Close() == nil
	})
	s.ready()
	client := s.client
	s.addr, s.client = plain, nil
	var secured tally
	tally := s.under(func() {
		for n := range 8 {
			write()
			harness.Run(t, s.env, "", harness.Program(t), "reload", "--address", "unix/"+s.socket, "--config", s.config)
			r := &stage{t: t, addr: secure, scheme: "https://localhost"}
			r.callBy(client, &secured, n)
		}
	})
	t.Logf("8 reloads: %s; by TLS: %s", tally, &secured)
	if tally.lost.Load()+tally.reset.Load()+tally.refused.Load()+tally.wrong.Load() != 0 ||
		secured.answered.Load() != 8 {
		t.Error("not every call got its answer")
	}
}
