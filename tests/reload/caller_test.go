package reload

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// tally counts what became of calls.
type tally struct {
	// answered calls got their whole answer.
	answered atomic.Int64
	// lost calls went out on a connection that had been promised to last, and got no answer.
	lost atomic.Int64
	// reset calls were the first of a connection, and got no answer.
	reset atomic.Int64
	// refused calls got no connection.
	refused atomic.Int64
	// wrong answers are not the provider's.
	wrong atomic.Int64

	mu    sync.Mutex
	first map[string]string // an example for each kind of failure
}

func (t *tally) fail(kind *atomic.Int64, name string, err error) {
	kind.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = make(map[string]string)
	}
	if _, ok := t.first[name]; !ok {
		t.first[name] = err.Error()
	}
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d calls answered, %d lost, %d first calls of a connection reset, %d dials refused, %d answers "+
		"wrong %v",
		t.answered.Load(), t.lost.Load(), t.reset.Load(), t.refused.Load(), t.wrong.Load(), t.first)
}

// caller calls on one connection for as long as it lasts. It sends no call a second time: a client
// must not repeat a POST by itself (RFC 9110, section 9.2.2).
type caller struct {
	addr    string
	redial  bool // each call on a connection of its own
	conn    net.Conn
	answers *bufio.Reader
	kept    bool // an answer on conn has let it go on
}

// dial connects, unless there is a connection.
func (c *caller) dial() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", c.addr, 10*time.Second)
	c.conn, c.answers, c.kept = conn, bufio.NewReader(conn), false
	if err != nil {
		c.conn = nil
	}
	return err
}

// call makes one call and counts what became of it.
func (c *caller) call(t *tally, method, path string) {
	if err := c.dial(); err != nil {
		t.fail(&t.refused, "refused", err)
		return
	}
	res, err := c.exchange(method, path)
	switch {
	case err != nil && c.kept:
		t.fail(&t.lost, "lost", err)
	case err != nil:
		t.fail(&t.reset, "reset", err)
	default:
		t.answered.Add(1)
		c.kept = true
	}
	if err != nil || res.Close || c.redial {
		c.close()
	}
	if err == nil && res.StatusCode != http.StatusOK {
		t.fail(&t.wrong, "wrong", fmt.Errorf("status %d", res.StatusCode))
	}
}

// exchange sends a request and reads the whole answer.
func (c *caller) exchange(method, path string) (*http.Response, error) {
	if err := c.send(method, path); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res, err
}

// send sends a request with further header lines.
func (c *caller) send(method, path string, lines ...string) error {
	head := method + " " + path + " HTTP/1.1\r\nHost: gateway.example\r\nAuthorization: Bearer " + harness.KeyA +
		"\r\nX-User-Email: " + harness.Alice + "\r\n"
	body := ""
	if method == http.MethodPost {
		body = `{"a": "b"}`
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	for _, line := range lines {
		head += line + "\r\n"
	}
	_, err := io.WriteString(c.conn, head+"\r\n"+body)
	return err
}

// close resets the connection: nothing is under way on it, and a port must not wait in TIME_WAIT.
func (c *caller) close() {
	if c.conn == nil {
		return
	}
	_ = c.conn.(*net.TCPConn).SetLinger(0)
	_ = c.conn.Close()
	c.conn = nil
}
