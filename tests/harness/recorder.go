package harness

import (
	"bytes"
	"net"
	"strconv"
	"strings"
)

// recorder cuts the bytes of a connection into requests, by its own reading of HTTP/1.1 and not by
// net/http's, whose opinion is under test too.
type recorder struct {
	conn net.Conn
	buf  []byte
}

// request returns the next request, head and body, exactly as received.
func (r *recorder) request() (string, error) {
	head, err := r.until("\r\n\r\n")
	if err != nil {
		return string(head), err
	}
	lower := strings.ToLower(string(head))
	switch {
	case strings.Contains(lower, "\r\ntransfer-encoding: chunked"):
		body, err := r.chunks()
		return string(head) + string(body), err
	case strings.Contains(lower, "\r\ncontent-length: "):
		_, rest, _ := strings.Cut(lower, "\r\ncontent-length: ")
		digits, _, _ := strings.Cut(rest, "\r\n")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return string(head), err
		}
		body, err := r.exactly(n)
		return string(head) + string(body), err
	}
	return string(head), nil
}

// chunks reads a chunked body with its trailers.
func (r *recorder) chunks() ([]byte, error) {
	var all []byte
	for {
		size, err := r.until("\r\n")
		all = append(all, size...)
		if err != nil {
			return all, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(size)), 16, 64)
		if err != nil {
			return all, err
		}
		if n == 0 {
			break
		}
		chunk, err := r.exactly(int(n) + 2)
		all = append(all, chunk...)
		if err != nil {
			return all, err
		}
	}
	for {
		line, err := r.until("\r\n")
		all = append(all, line...)
		if err != nil || len(line) == 2 {
			return all, err
		}
	}
}

func (r *recorder) until(mark string) ([]byte, error) {
	for {
		if i := bytes.Index(r.buf, []byte(mark)); i >= 0 {
			return r.take(i + len(mark)), nil
		}
		if err := r.fill(); err != nil {
			return r.take(len(r.buf)), err
		}
	}
}

func (r *recorder) exactly(n int) ([]byte, error) {
	for len(r.buf) < n {
		if err := r.fill(); err != nil {
			return r.take(len(r.buf)), err
		}
	}
	return r.take(n), nil
}

func (r *recorder) take(n int) []byte {
	out := bytes.Clone(r.buf[:n])
	r.buf = r.buf[n:]
	return out
}

func (r *recorder) fill() error {
	chunk := make([]byte, 16<<10)
	n, err := r.conn.Read(chunk)
	r.buf = append(r.buf, chunk[:n]...)
	return err
}
