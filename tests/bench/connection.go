package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// connection is one caller's, kept open; it is a line of an open loop.
type connection struct {
	net.Conn
	reader  *bufio.Reader
	request []byte
}

// dial opens a connection to c on which its first path will be called.
func (c *contender) dial() (*connection, error) {
	conn, err := net.DialTimeout("tcp", c.addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 4<<10), request: c.rawRequest()}, nil
}

func (c *contender) rawRequest() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", c.path(), c.addr)
	for name, value := range c.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

func (c *connection) send() error {
	_, err := c.Write(c.request)
	return err
}

func (c *connection) receive() error {
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// awaitEvent reads until an event has come.
func (c *connection) awaitEvent() error {
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	status, err := c.reader.ReadString('\n')
	if err == nil && !strings.Contains(status, " 200 ") {
		err = fmt.Errorf("answered %q", strings.TrimSpace(status))
	}
	if err == nil {
		_, err = c.reader.ReadString(eventEnd)
	}
	if err != nil {
		return fmt.Errorf("awaiting an event: %w", err)
	}
	return c.SetReadDeadline(time.Time{})
}
