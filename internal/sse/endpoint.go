// Package sse rewrites the first event of a stream of server-sent events, and streams the rest.
package sse

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// MaxEvent bounds what is held of a stream's first event, in bytes: a longer one names no endpoint.
const MaxEvent = 8 << 10

// RewriteEndpoint returns a body in place of that of a stream. If its first event is `endpoint`,
// its URL is what rewrite makes of it: by that, MCP servers name the URL that their clients post to
// (MCP 2024-11-05, Transports, HTTP with SSE). The event alone is held, until it is whole.
func RewriteEndpoint(body io.ReadCloser, rewrite func(url string) string) io.ReadCloser {
	return &endpointBody{ReadCloser: body, rewrite: rewrite}
}

// endpointBody is a stream whose first event may be rewritten.
type endpointBody struct {
	io.ReadCloser
	rewrite func(url string) string
	// held is of the first event, which is not known to be whole; ready is for the reader.
	held, ready []byte
	// begun says that something of the stream is no longer held, passing that the first event is
	// not, and err how the stream ended meanwhile.
	begun, passing bool
	err            error
}

// Read implements io.Reader.
func (b *endpointBody) Read(p []byte) (int, error) {
	for len(b.ready) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		n, err := b.ReadCloser.Read(p)
		if b.passing {
			return n, err
		}
		b.held, b.err = append(b.held, p[:n]...), err
		b.decide()
		if n == 0 && err == nil && len(b.ready) == 0 {
			return 0, nil
		}
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// decide moves to ready what need not be held any more.
func (b *endpointBody) decide() {
	event := readEvent(b.held, !b.begun)
	if event.to > event.past+MaxEvent || event.state == undecided && (b.err != nil || len(b.held) > event.past+MaxEvent) {
		event.state = ordinary
	}
	switch event.state {
	case undecided:
		b.begun = b.begun || event.past > 0
		b.ready = append(b.ready, b.held[:event.past]...)
		b.held = append(b.held[:0], b.held[event.past:]...)
		return
	case endpoint:
		from, to := event.from, event.to
		b.ready = append(b.ready, b.held[:from]...)
		b.ready = append(b.ready, b.rewrite(string(b.held[from:to]))...)
		b.ready = append(b.ready, b.held[to:]...)
	case ordinary:
		b.ready = append(b.ready, b.held...)
	}
	b.held, b.passing = nil, true
}

// eventState is what the beginning of a stream turned out to be.
type eventState int

const (
	undecided eventState = iota
	ordinary
	endpoint
)

// firstEvent is what is known of the first event of a stream (HTML, section 9.2.6).
type firstEvent struct {
	state eventState
	// from and to are where the URL of an endpoint is.
	from, to int
	// past is how much of the stream comes before the event's name and data.
	past int
	// named says that the event is called endpoint; data counts its lines with data.
	named bool
	data  int
}

// readEvent reads the first event, as far as it came. Only where the stream begins is a byte order
// mark one.
func readEvent(text []byte, begins bool) (e firstEvent) {
	at := 0
	if begins && bytes.HasPrefix(text, []byte("\uFEFF")) {
		at = len("\uFEFF")
	}
	e.past = at
	for e.state == undecided && at < len(text) {
		end, next := lineEnd(text, at)
		if next < 0 {
			e.readPart(text[at:])
			return e
		}
		switch {
		case end == at:
			e.endBlock(next)
		case text[at] != ':':
			e.readLine(text, at, end)
		}
		if at = next; !e.named && e.data == 0 {
			e.past = next
		}
	}
	return e
}

// lineEnd returns where the line at `at` ends and the next begins, which is -1 while that is not
// known. A CR ends a line at once, since the server may wait for what the event asks for. If it was
// half of a CR LF, the LF is read with it the next time, or as an empty line where no event is
// open.
func lineEnd(text []byte, at int) (end, next int) {
	i := bytes.IndexAny(text[at:], "\r\n")
	switch {
	case i < 0:
		return len(text), -1
	case text[at+i] == '\n':
		return at + i, at + i + 1
	case at+i+1 < len(text) && text[at+i+1] == '\n':
		return at + i, at + i + 2
	}
	return at + i, at + i + 1
}

// endBlock ends the event, if it is one: without data, none is dispatched.
func (e *firstEvent) endBlock(next int) {
	switch {
	case e.data == 0:
		*e = firstEvent{past: next}
	case e.named:
		e.state = endpoint
	default:
		e.state = ordinary
	}
}

// readLine reads a whole line of the event.
func (e *firstEvent) readLine(text []byte, at, end int) {
	name, value, _ := bytes.Cut(text[at:end], []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		if e.named = string(value) == "endpoint"; !e.named {
			e.state = ordinary
		}
	case "data":
		if e.data++; e.data > 1 || !e.named && !isURL(value) {
			e.state = ordinary
		}
		e.from, e.to = end-len(value), end
	case "id", "retry":
	default:
		e.state = ordinary // no server of events
	}
}

// beginnings are what a line may begin with.
var beginnings = []string{"event", "data", "id", "retry", "\uFEFF"}

// readPart reads a line whose end has not come, and holds it only while it may be of an endpoint.
func (e *firstEvent) readPart(line []byte) {
	name, value, whole := bytes.Cut(line, []byte(":"))
	if !whole {
		if !slices.ContainsFunc(beginnings, func(known string) bool { return startOf(string(line), known) }) {
			e.state = ordinary
		}
		return
	}
	value = bytes.TrimPrefix(value, []byte(" "))
	switch {
	case string(name) == "event" && !startOf(string(value), "endpoint"):
		e.state = ordinary
	case string(name) == "data" && !e.named && len(value) > 0 && !isURL(value):
		e.state = ordinary
	}
}

// isURL reports whether data that came before the event's name may be an endpoint, or its
// beginning: an absolute URL or a path.
func isURL(data []byte) bool {
	text := strings.ToLower(string(data[:min(len(data), len("https://"))]))
	return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "http://") || startOf(text, "https://") ||
		startOf(text, "http://")
}

// startOf reports whether part is the beginning of whole, or all of it.
func startOf(part, whole string) bool { return len(part) <= len(whole) && whole[:len(part)] == part }
