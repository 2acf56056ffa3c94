package httpx

import (
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Peek looks at the beginning of res's body: at most limit bytes, and only what comes within
// timeout. The answer that it returns in place of res reads as res would have; head is a part of
// it, and must not be changed.
func Peek(res *http.Response, limit int, timeout time.Duration) (out *http.Response, head []byte) {
	out, head, _ = Ahead(res, limit, timeout)
	return out, head
}

// Ahead is [Peek] that tells how the body ended, if it has: io.EOF says that head is all of it. Nil
// means that there may be more.
func Ahead(res *http.Response, limit int, timeout time.Duration) (out *http.Response, head []byte, err error) {
	// net/http fills in the trailers of res at the body's end, which may come while others look at
	// the answer: they get a copy, whose trailers are there when they have read to the end.
	out = new(http.Response)
	*out = *res
	out.Trailer = res.Trailer.Clone()
	ahead := readAhead(res.Body, limit, func() {
		if out.Trailer == nil && res.Trailer != nil {
			out.Trailer = make(http.Header, len(res.Trailer))
		}
		maps.Copy(out.Trailer, res.Trailer)
	})
	out.Body = ahead
	head, err = ahead.prefix(timeout)
	return out, head, err
}

// aheadBody is a body whose beginning can be looked at before it is read. No caller waits for it
// longer than it wants to: what is looked at is read in a goroutine of its own, which goes on
// until the read that it is in returns, as it does when the body is closed.
type aheadBody struct {
	body io.ReadCloser
	// ended is called by the reader that comes to the end, before it is told of it.
	ended func()
	// done is closed when the goroutine has ended.
	done  chan struct{}
	limit int

	mu   sync.Mutex
	more sync.Cond // on mu: there is more in buf, or the goroutine has ended
	buf  []byte
	off  int // of buf that was read from here
	err  error
	// enough ends the goroutine after the read that it is in, and over says that it has ended.
	enough, over bool
}

// firstRoom is the memory that a body gets before its first byte came, in bytes.
const firstRoom = 16 << 10

// readAhead begins to read at most limit bytes of body.
func readAhead(body io.ReadCloser, limit int, ended func()) *aheadBody {
	a := &aheadBody{
		body: body, ended: ended, done: make(chan struct{}), limit: limit,
		buf: make([]byte, 0, min(limit, firstRoom)),
	}
	a.more.L = &a.mu
	go a.run()
	return a
}

func (a *aheadBody) run() {
	defer close(a.done)
	room := a.buf[:cap(a.buf)] // only what is beyond len(a.buf) is written, which no other goroutine reads
	for n := 0; ; {
		got, err := a.body.Read(room[n:])
		n += got
		a.mu.Lock()
		a.buf, a.err = room[:n], err
		a.over = err != nil || n == a.limit || a.enough
		over := a.over
		a.more.Broadcast()
		a.mu.Unlock()
		if over {
			return
		}
		if n == len(room) { // in new memory: others still look at the old
			room = append(make([]byte, 0, min(4*n, a.limit)), room...)
			room = room[:cap(room)]
		}
	}
}

// prefix returns what has come of the body: all that is read ahead, or what came within timeout.
// The bytes stay the body's: they must not be changed. err is how the body ended, if it has.
func (a *aheadBody) prefix(timeout time.Duration) (head []byte, err error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.enough = true
	return a.buf, a.err
}

// Read implements io.Reader.
func (a *aheadBody) Read(p []byte) (int, error) {
	a.mu.Lock()
	for a.off == len(a.buf) && !a.over {
		a.more.Wait()
	}
	if a.off < len(a.buf) {
		n := copy(p, a.buf[a.off:])
		a.off += n
		a.mu.Unlock()
		return n, nil
	}
	n, err := 0, a.err
	a.mu.Unlock()
	if err == nil {
		n, err = a.body.Read(p) // the goroutine has ended
	}
	if err != nil {
		a.ended()
	}
	return n, err
}

// Close implements io.Closer. It ends the goroutine, too.
func (a *aheadBody) Close() error { return a.body.Close() }
