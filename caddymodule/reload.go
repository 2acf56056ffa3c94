package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	defaultReloadGrace = 300 * time.Millisecond
	maxReloadGrace     = time.Minute
	// arrivalGrace is how long the first request of a connection may take to arrive, with the
	// handshake of TLS. A connection that has none for longer is one that its client keeps in reserve.
	arrivalGrace = time.Second
	// ownArrivalGrace is the same where connections wait meanwhile in a socket that will be closed,
	// and be reset by that.
	ownArrivalGrace = 100 * time.Millisecond
	// leaveInterval is how often a leaving configuration looks at its connections.
	leaveInterval = 5 * time.Millisecond
)

// leaving takes leave of the callers when a configuration ends, by a reload or with the process:
// net/http closes a connection whose answer went out before the shutdown began without having said
// `Connection: close`, and one whose first request has not been read, and a client may not repeat a
// POST (RFC 9110, section 9.2.2). So for a moment before Caddy stops the servers, each answer says
// `Connection: close`, and then no connection is accepted any more.
//
// It hangs on Caddy's event `stopping`, which is emitted once all apps of the next configuration
// have started, in whatever order, and before any app of the old one is stopped. A configuration
// that fails to start emits none, and the old one goes on as it was.
type leaving struct {
	// grace bounds the moment; 0 turns it off.
	grace time.Duration
	// caddy is what the configuration's apps are found in.
	caddy caddy.Context

	begun atomic.Bool
	// servers are those that the handlers of this configuration are in.
	servers []*caddyhttp.Server
	// conns are their connections: net.Conn to *inbound.
	conns sync.Map
}

// inbound is what is known of a connection.
type inbound struct {
	// late says that it was made after the leave had begun, so that no answer lets it go on.
	late bool
	made time.Time
	// asked says that a request has been read.
	asked atomic.Bool
}

// newLeaving has the leave begin when the configuration of ctx ends. Without a grace, none does.
func newLeaving(ctx caddy.Context, grace *caddy.Duration) (*leaving, error) {
	l := &leaving{grace: defaultReloadGrace, caddy: ctx}
	if grace != nil {
		l.grace = time.Duration(*grace)
	}
	if l.grace <= 0 {
		return l, nil
	}
	events, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("loading the events app: %w", err)
	}
	return l, events.(*caddyevents.App).On("stopping", l)
}

// join adds the server that a handler is being provisioned in.
func (l *leaving) join(ctx caddy.Context) {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || l.grace <= 0 || slices.Contains(l.servers, server) {
		return
	}
	l.servers = append(l.servers, server)
	server.RegisterConnState(l.watch)
}

// watch is told of each change of a connection by net/http.
func (l *leaving) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.conns.Store(conn, &inbound{late: l.begun.Load(), made: time.Now()})
	case http.StateActive:
		if c, ok := l.conns.Load(conn); ok {
			c.(*inbound).asked.Store(true)
		}
	case http.StateHijacked, http.StateClosed:
		l.conns.Delete(conn)
	case http.StateIdle:
	}
}

// any reports whether there is a connection of which is is true.
func (l *leaving) any(is func(*inbound) bool) (found bool) {
	l.conns.Range(func(_, c any) bool {
		found = is(c.(*inbound))
		return !found
	})
	return found
}

// Handle implements caddyevents.Handler. Caddy waits for it before it stops any app.
func (l *leaving) Handle(context.Context, caddy.Event) error {
	ending := caddy.Exiting()
	if ending {
		l.delayShutdown()
	}
	l.begun.Store(true)
	outlasting := l.stopAccepting(true)
	l.await(l.grace, ending, func(c *inbound) bool { return !c.late && c.asked.Load() })
	arrival := ownArrivalGrace
	if outlasting {
		arrival = arrivalGrace
	}
	l.stopAccepting(false)
	l.await(arrival, ending, func(c *inbound) bool { return !c.asked.Load() && time.Since(c.made) < arrivalGrace })
	l.closeUnused()
	return nil
}

// delayShutdown keeps Caddy's `shutdown_delay` at the end of the process, and has Caddy keep none.
// Caddy would keep it after the leave, with listeners that accept nothing any more: a load balancer
// would learn nothing meanwhile, and the kernel would reset at its end what waits to be accepted.
// It might also be after this app was stopped, which follows the revocations of keys.
func (l *leaving) delayShutdown() {
	app, err := l.caddy.AppIfConfigured("http")
	if err != nil {
		return // without servers there is nothing to leave
	}
	server := app.(*caddyhttp.App)
	if delay := time.Duration(server.ShutdownDelay); delay > 0 {
		l.caddy.Slogger().Info("shutdown delayed; readiness fails meanwhile", "delay", delay.String())
		time.Sleep(delay)
		server.ShutdownDelay = 0
	}
}

// await returns when there is no such connection any more, after limit, or when the process is to
// end, unless that is why the configuration ends. It looks first after an interval, in which what
// has just been accepted becomes known.
func (l *leaving) await(limit time.Duration, ending bool, such func(*inbound) bool) {
	tick := time.NewTicker(leaveInterval)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; {
		<-tick.C
		if !l.any(such) || time.Now().After(end) || !ending && caddy.Exiting() {
			return
		}
	}
}

// closeUnused closes the connections on which no request has come: clients keep some in reserve. A
// server that is being shut down would leave them open for seconds, and answer no request on them.
func (l *leaving) closeUnused() {
	l.conns.Range(func(conn, c any) bool {
		if !c.(*inbound).asked.Load() {
			_ = conn.(net.Conn).Close() // what it says of it changes nothing
		}
		return true
	})
}

// stopAccepting has the servers accept no more connections. A socket that others accept from too,
// or that the next process inherits, keeps those that come. What waits in a socket of this
// configuration's own is reset when that is closed; so outlasting asks for the others alone. It
// reports whether that were all.
func (l *leaving) stopAccepting(outlasting bool) (all bool) {
	all = true
	for _, server := range l.servers {
		if outlasting && !outlasts(server.Listen) {
			all = false
			continue
		}
		for _, listener := range server.Listeners() {
			expire(listener)
		}
	}
	return all
}

// outlasts reports whether all addresses are sockets that outlast their configuration: those that
// the process has inherited, and Unix sockets, which Caddy hands on.
func outlasts(addresses []string) bool {
	for _, address := range addresses {
		a, err := caddy.ParseNetworkAddress(address)
		if err != nil || !a.IsFdNetwork() && !a.IsUnixNetwork() {
			return false
		}
	}
	return true
}

// expire has a listener's Accept time out from now on. Closing it instead would have Caddy count it
// twice as closed. Caddy's listeners, and those of crypto/tls and of most wrappers, embed the one
// below them or name it so; where none is found that can time out, connections are accepted until
// the server is shut down.
func expire(listener net.Listener) {
	for listener != nil {
		if l, ok := listener.(interface{ SetDeadline(time.Time) error }); ok {
			_ = l.SetDeadline(time.Unix(1, 0)) // it fails on a closed listener
			return
		}
		v := reflect.Indirect(reflect.ValueOf(listener))
		if v.Kind() != reflect.Struct {
			return
		}
		below := v.FieldByName("Listener")
		if !below.IsValid() || !below.CanInterface() {
			return
		}
		listener, _ = below.Interface().(net.Listener)
	}
}

// serve serves r through next. Each handler's ServeHTTP goes through it.
func (l *leaving) serve(w http.ResponseWriter, r *http.Request,
	next func(http.ResponseWriter, *http.Request) error) error {
	_, wrapped := w.(*leavingWriter) // by a handler before this one
	if wrapped || l.grace <= 0 || r.ProtoMajor > 2 {
		return next(w, r)
	}
	lw := &leavingWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, leaving: l}
	err := next(lw, r)
	lw.finish() // an empty answer is written when all handlers have returned
	return err
}

// leavingWriter writes an answer that says `Connection: close` if the leave has begun by the time
// that its header is written. HTTP/2 has no such header; net/http has the server send GOAWAY for
// it.
type leavingWriter struct {
	caddyhttp.ResponseWriterWrapper

	leaving *leaving
	written bool
}

func (w *leavingWriter) finish() {
	if !w.written && w.leaving.begun.Load() {
		w.Header().Set("Connection", "close")
	}
	w.written = true
}

// WriteHeader implements http.ResponseWriter. Interim answers say nothing of the connection, and
// that of an upgrade is its own.
func (w *leavingWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.finish()
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *leavingWriter) Write(p []byte) (int, error) {
	w.finish()
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (w *leavingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.finish()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError implements what http.ResponseController looks for.
func (w *leavingWriter) FlushError() error {
	w.finish()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

var (
	_ caddyevents.Handler = (*leaving)(nil)
	_ http.ResponseWriter = (*leavingWriter)(nil)
	_ io.ReaderFrom       = (*leavingWriter)(nil)
)
