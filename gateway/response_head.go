package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxHeld is how much of an answer of known length is held back until more of it has come, in
// bytes. net/http, which buffers 4 KiB, would hold it as well.
const maxHeld = 4 << 10

// responseHead is what ReverseProxy has written and the caller has not been sent. As long as that
// is so, an answer that breaks off can still be replaced by an error.
type responseHead struct {
	// status is the answer's; 0 if nothing is held.
	status int
	// length is of the answer's body, in bytes; -1 if that is unknown, or ReverseProxy flushes the
	// answer all the time.
	length int64
	held   []byte
	// header is the provider's, as it was copied into the caller's answer.
	header http.Header
	body   io.ReadCloser
	// events says that the body is a stream of events, which may be quiet for hours.
	events bool
	// buffer is what the body is copied through, one of buffers; nil if it is not being copied.
	buffer  *[]byte
	buffers *bufferPool
	// broken is why the body ended early, once that is known.
	broken error
}

// hold makes the answer one that may be replaced until a part of it is sent. The server must not
// guess a content type that the provider did not state (RFC 9110, section 8.3): net/http leaves
// that where the header has the name without a value.
func (c *call) hold(res *http.Response) {
	c.head = responseHead{length: res.ContentLength, header: res.Header, body: res.Body}
	res.Body = (*responseBody)(c)
	if types := res.Header["Content-Type"]; len(types) == 0 {
		c.Header()["Content-Type"] = nil
	} else if isEvents(types[0]) {
		c.head.length, c.head.events = -1, true
	}
}

// isEvents reports whether ReverseProxy flushes answers of a content type all the time; it may do
// so for fewer. As it does, it ignores white space, which HTTP/2 carries before a value.
func isEvents(contentType string) bool {
	const stream = "text/event-stream"
	kind := strings.TrimSpace(contentType)
	return len(kind) >= len(stream) && strings.EqualFold(kind[:len(stream)], stream)
}

// WriteHeader implements http.ResponseWriter. The status of an answer waits for its body, or for a
// flush. Whatever interim answer ReverseProxy might still write is dropped: they all go to Interim.
func (c *call) WriteHeader(status int) {
	switch {
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
	case status == http.StatusSwitchingProtocols, c.head.body == nil:
		c.ResponseWriter.WriteHeader(status)
	default:
		c.head.status = status
	}
}

// Write implements http.ResponseWriter.
func (c *call) Write(p []byte) (int, error) {
	if c.head.status != 0 {
		if all := len(c.head.held) + len(p); all <= maxHeld && int64(all) < c.head.length {
			c.head.held = append(c.head.held, p...)
			return len(p), nil
		}
		if err := c.release(); err != nil {
			return 0, err
		}
	}
	return c.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (c *call) FlushError() error {
	if err := c.release(); err != nil {
		return err
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// release sends what is held, if anything is.
func (c *call) release() (err error) {
	if c.head.status == 0 {
		return nil
	}
	c.ResponseWriter.WriteHeader(c.head.status)
	if len(c.head.held) > 0 {
		_, err = c.ResponseWriter.Write(c.head.held) //nolint:gosec // the provider's answer, as ReverseProxy wrote it
	}
	c.head.status, c.head.held = 0, nil
	return err
}

// finish is to be deferred around ReverseProxy, which panics where an answer breaks off. If the
// caller has got nothing of it yet, it gets an error.
func (c *call) finish() {
	cause := recover()
	if cause == nil {
		_ = c.release() // an error is that the caller has left
		return
	}
	aborted := cause == http.ErrAbortHandler //nolint:errorlint // it is never wrapped
	if !aborted || c.head.status == 0 || c.head.broken == nil || c.request.Context().Err() != nil {
		panic(cause)
	}
	for name := range c.head.header {
		c.Header().Del(name)
	}
	c.Header().Del("Trailer")
	handleError(c, nil, c.head.broken)
}

// noteBroken notes why an answer broke off of which the caller has got a part. One that the caller
// ended itself is no failure.
func (c *call) noteBroken() {
	if c.head.broken != nil && c.event.Code == "" && c.request.Context().Err() == nil {
		c.event.Cause = c.scrubbed(c.head.broken)
	}
}

// responseBody is the body of the provider's answer to a call.
type responseBody call

// Read reads on. What came before the body broke off is sent before ReverseProxy learns of that,
// and ends the connection with what is in the server's buffers.
func (b *responseBody) Read(p []byte) (int, error) {
	head := &b.head
	if head.broken != nil {
		if head.length >= 0 && head.status == 0 { // in this order: ReverseProxy may flush at the same time
			_ = http.NewResponseController(b.ResponseWriter).Flush()
		}
		return 0, head.broken
	}
	n, err := head.body.Read(p)
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	head.broken = err
	if n > 0 {
		return n, nil
	}
	return b.Read(p)
}

// Close implements io.Closer.
func (b *responseBody) Close() error { return b.head.body.Close() }
