package stdlog

import (
	"context"
	"net"
	"time"
)

// watchEvery bounds how long the filter is missing where its replacement was not noticed.
const watchEvery = time.Second

// Watch puts the filter back, should it be missing, every second until ctx ends.
func Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			Install()
		}
	}
}

// Conn is a connection whose bytes are handed out when the filter is in place: what net/http logs
// of a connection, it has read from it before. It has all methods of the TCP connection, which
// net/http and io look for.
type Conn struct{ *net.TCPConn }

// Read implements net.Conn.
func (c Conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	check()
	return n, err
}

// Dialer is a function that dials, as net.Dialer.DialContext.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Guard returns dial with a [Conn] of each TCP connection.
func Guard(dial Dialer) Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			return Conn{tcp}, nil
		}
		return conn, nil
	}
}
