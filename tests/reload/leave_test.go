package reload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// open returns a caller that has made a call, on a connection that the gateway keeps open.
func (s *stage) open() *caller {
	s.t.Helper()
	c := &caller{addr: s.addr}
	if err := c.dial(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.close)
	if res, err := c.exchange(http.MethodGet, path); err != nil || res.Close {
		s.t.Fatalf("the first call: %v, %v", res, err)
	}
	return c
}

// leave reloads in the background and returns when the old configuration has begun to take leave.
// Some connection must hold it there. The channel says how the reload ended.
func (s *stage) leave() <-chan error {
	s.t.Helper()
	probe, done := s.open(), make(chan error, 1)
	next := s.caddyfile()
	go func() { done <- s.load(next) }()
	harness.Within(s.t, "taking leave", 10*time.Second, func() bool {
		res, err := probe.exchange(http.MethodGet, path)
		if err != nil {
			s.t.Fatalf("a call during the reload: %v", err)
		}
		return res.Close
	})
	return done
}

// ends waits for the end of a reload, which must not last as long as its grace.
func (s *stage) ends(done <-chan error) {
	s.t.Helper()
	select {
	case err := <-done:
		if err != nil {
			s.t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatal("the reload still waits, and no connection is left")
	}
}

// patient holds a leave for as long as a connection is kept.
const patient = "reload_grace 1m"

// TestAnswersOfTheLeave: the answers of the old configuration's handlers say `Connection: close`,
// also those to calls that were under way when it began. Those of the new one do not. The reload
// goes on when the last connection that was kept is gone.
func TestAnswersOfTheLeave(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	s := newStage(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/slow") {
			close(arrived)
			<-proceed
		}
		ok(w, r)
	})
	s.vendgate = patient + "\nsource local\ndefault_source static"
	s.site = "vendgate_connect\nvendgate_not_found"
	s.start(s.handOver())

	idle, slow := s.open(), s.open()
	cases := map[string]*caller{
		path: s.open(), "/proxy/none/key/": s.open(), "/platform/v1/none": s.open(), "/connect/dashboard": s.open(),
		"/none": s.open(),
	}
	if err := slow.send(http.MethodPost, path+"/slow"); err != nil {
		t.Fatal(err)
	}
	<-arrived
	done := s.leave()
	for address, c := range cases {
		if res, err := c.exchange(http.MethodPost, address); err != nil || !res.Close {
			t.Errorf("%s: %v, %v", address, res, err)
		}
	}
	close(proceed)
	if res, err := http.ReadResponse(slow.answers, nil); err != nil || !res.Close {
		t.Errorf("a call that was under way: %v, %v", res, err)
	}
	s.open() // the new configuration answers already, and keeps the connection
	select {
	case err := <-done:
		t.Errorf("the reload did not wait for the connection that was kept: %v", err)
	default:
	}
	idle.close()
	s.ends(done)
}

// TestUpgradesOfTheLeave: an upgrade keeps its own `Connection`, interim answers have none, and
// what was upgraded outlives the configuration.
func TestUpgradesOfTheLeave(t *testing.T) {
	s := newStage(t, upgrade)
	s.vendgate = patient
	s.start(s.handOver())
	idle, socket, interim := s.open(), s.open(), s.open()
	done := s.leave()
	if err := interim.send(http.MethodGet, path+"/interim"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ status, connection string }{{"103 Early Hints", ""}, {"200 OK", "close"}} {
		if status, connection := head(t, interim.answers); status != want.status || connection != want.connection {
			t.Errorf("%s says %q", status, connection)
		}
	}
	if err := socket.send(http.MethodGet, path, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="); err != nil {
		t.Fatal(err)
	}
	if status, connection := head(t, socket.answers); status != "101 Switching Protocols" || connection != "Upgrade" {
		t.Errorf("%s says %q", status, connection)
	}
	idle.close()
	s.ends(done)
	s.reload()
	if _, err := io.WriteString(socket.conn, "ping\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := socket.answers.ReadString('\n'); err != nil || line != "ping\n" {
		t.Errorf("after two reloads the socket answers %q, %v", line, err)
	}
}

// head reads the head of an answer.
func head(t *testing.T, r *bufio.Reader) (status, connection string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSpace(line)
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			return status, connection
		case status == "":
			_, status, _ = strings.Cut(line, " ")
		case name == "Connection":
			connection += value
		}
	}
}

// upgrade answers an upgrade to a WebSocket by an echo of what comes, and sends an interim answer
// where it is asked for one.
func upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		if strings.HasSuffix(r.URL.Path, "/interim") {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		}
		ok(w, r)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

// TestRefusedReloadTakesNoLeave: a configuration that is refused, be it while it is being
// provisioned or by an app that does not start, leaves connections as they were.
func TestRefusedReloadTakesNoLeave(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := newStage(t, ok)
	s.vendgate = patient
	s.start()
	kept := s.open()
	for range 5 { // apps start in random order
		for what, caddyfile := range map[string]string{
			"provision": s.caddyfile() + "\nhttp://other.example {\nvendgate_proxy {\nprefix /\n}\n}\n",
			"start":     s.caddyfile() + fmt.Sprintf("\nhttp://:%d {\nbind 127.0.0.1\n}\n", taken.Addr().(*net.TCPAddr).Port),
		} {
			if err := s.load(caddyfile); err == nil {
				t.Fatalf("%s: accepted", what)
			}
			if res, err := kept.exchange(http.MethodPost, path); err != nil || res.Close {
				t.Fatalf("%s: %v, %v", what, res, err)
			}
		}
	}
}

// TestNoGrace: with `reload_grace 0` a reload waits for nothing.
func TestNoGrace(t *testing.T) {
	s := newStage(t, ok)
	s.vendgate = "reload_grace 0"
	s.start()
	idle := s.open()
	s.reload()
	if _, err := idle.answers.ReadByte(); err == nil {
		t.Error("the idle connection is still open")
	}
}

// TestEndDuringTheLeave: the end of the process does not wait for the leave of a reload.
func TestEndDuringTheLeave(t *testing.T) {
	s := newStage(t, ok)
	s.vendgate = patient
	s.start(s.handOver())
	s.open()
	s.leave()
	s.process.Signal(t, syscall.SIGTERM)
	if code := s.process.Ended(t, 20*time.Second); code != 0 {
		t.Errorf("the process ended with %d", code)
	}
}

// TestRestartOnASocketHandedOver: a process that ends takes leave as well, so that on a socket that
// outlives it, a restart loses no call and resets no connection.
func TestRestartOnASocketHandedOver(t *testing.T) {
	s := newStage(t, ok)
	socket := s.handOver()
	s.start(socket)
	tally := s.under(func() {
		for range 5 {
			s.process.Signal(t, syscall.SIGTERM)
			s.process.Ended(t, 20*time.Second)
			s.process = harness.StartInherited(t, s.env, []*os.File{socket}, harness.Program(t), "run", "--config", s.config)
			s.ready()
		}
	})
	t.Logf("5 restarts: %s", tally)
	if tally.lost.Load()+tally.reset.Load()+tally.refused.Load()+tally.wrong.Load() != 0 {
		t.Error("not every call got its answer")
	}
}

// TestUnusedConnections: a connection on which no request has come when the servers are stopped is
// closed at once. Clients keep such connections in reserve, and net/http would take a request on
// them and close without an answer.
func TestUnusedConnections(t *testing.T) {
	s := newStage(t, ok)
	s.start(s.handOver())
	unused := &caller{addr: s.addr}
	if err := unused.dial(); err != nil {
		t.Fatal(err)
	}
	s.t.Cleanup(unused.close)
	s.open() // what was made before has been accepted
	s.reload()
	_ = unused.conn.SetReadDeadline(time.Now().Add(3 * time.Second)) // net/http's own limit is five seconds
	if _, err := unused.answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is %v, and not closed", err)
	}
}
