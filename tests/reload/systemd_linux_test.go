package reload

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestReloadCommandUnderSystemdsSockets: systemd's own tool hands over two sockets, as a socket unit
// with two streams does: `vendgate reload` replaces the configuration of a site by HTTP and of one
// by TLS, and no caller loses anything.
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
			r := &stage{t: t, addr: secure}
			r.callBy(client, &secured, n)
		}
	})
	t.Logf("8 reloads: %s; by TLS: %s", tally, &secured)
	if tally.lost.Load()+tally.reset.Load()+tally.refused.Load()+tally.wrong.Load() != 0 ||
		secured.answered.Load() != 8 {
		t.Error("not every call got its answer")
	}
}

// TestLongCallsOutliveReloads: a response that is streamed and an upload go on under the old
// configuration until they end, however many reloads pass.
func TestLongCallsOutliveReloads(t *testing.T) {
	proceed := make(chan struct{})
	s := newStage(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, err := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		if strings.HasSuffix(r.URL.Path, "/stream") {
			<-proceed
		}
		_, _ = io.WriteString(w, "two\n")
	})
	s.start(s.handOver())
	request := func(method, path string, body io.Reader) *http.Response {
		r, err := http.NewRequest(method, "http://"+s.addr+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+harness.KeyA)
		r.Header.Set("X-User-Email", harness.Alice)
		client := &http.Client{Transport: new(http.Transport), Timeout: time.Minute}
		t.Cleanup(client.CloseIdleConnections)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	stream := request(http.MethodGet, path+"/stream", nil)
	defer stream.Body.Close()
	body, upload := io.Pipe()
	answer := make(chan string, 1)
	go func() {
		res := request(http.MethodPost, path, body)
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		answer <- fmt.Sprint(string(raw), err)
	}()
	for range 5 {
		_, _ = io.WriteString(upload, "part\n") // the gateway has read it
		s.reload()
	}
	_ = upload.Close()
	close(proceed)
	if raw, err := io.ReadAll(stream.Body); err != nil || string(raw) != "one\ntwo\n" {
		t.Errorf("the stream is %q, %v", raw, err)
	}
	if got := <-answer; got != "25 <nil><nil>" {
		t.Errorf("the upload's answer is %s", got)
	}
}
