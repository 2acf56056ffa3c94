package inject

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/internal/jsonedit"
	"github.com/vendgate/vendgate/internal/sse"
)

const (
	// maxEdited bounds the body of an answer that may be edited, in bytes, as it comes and decoded. A
	// larger one passes as it is.
	maxEdited = 1 << 20
	// holdTimeout and streamTimeout bound the wait for the end of such a body, where its length is
	// known and where it is not: then it may be a stream. What goes on for longer is edited as it
	// comes.
	holdTimeout   = 5 * time.Second
	streamTimeout = time.Second
)

// editable are the content codings that a body can be edited in.
var editable = []string{"gzip", "x-gzip", "identity"}

// heldBody is what has come of a body: all of it where err is io.EOF, and as much as came in time
// where err is nil. Any other error broke the body off.
type heldBody struct {
	bytes []byte
	err   error
}

// hold waits for a body to end. The answer that it returns in place of res reads as res would have.
func hold(res *http.Response) (*http.Response, *heldBody) {
	timeout := holdTimeout
	if res.ContentLength < 0 {
		timeout = streamTimeout
	}
	out, head, err := httpx.Ahead(res, maxEdited+1, timeout)
	return out, &heldBody{head, err}
}

// mayEdit reports whether res is an answer of JSON whose body may be edited: all of it, and not a
// part of one that the caller joins with others, nor the head alone. What is declared to be a
// stream of several texts is not one.
//
// `no-transform` does not keep it from that: it is for proxies between the parties (RFC 9110,
// section 7.7), and to the caller the gateway is the origin.
func mayEdit(res *http.Response) bool {
	switch {
	case res.Request.Method == http.MethodHead, res.Body == nil, res.Body == http.NoBody,
		res.ContentLength == 0, res.ContentLength > maxEdited:
		return false
	case res.StatusCode < http.StatusOK, res.StatusCode == http.StatusNoContent, res.StatusCode == http.StatusResetContent,
		res.StatusCode == http.StatusPartialContent, res.StatusCode == http.StatusNotModified,
		len(res.Header["Content-Range"]) > 0:
		return false
	}
	_, known := codingOf(res.Header)
	return known && isJSON(res.Header)
}

// isJSON reports whether a body is one text of JSON (RFC 8259; RFC 6839, section 3.1).
func isJSON(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || kind == "text/json" ||
		strings.HasSuffix(kind, "+json") && kind != "application/stream+json"
}

// codingOf is the coding of a body, empty for none. It is not known if it cannot be edited.
func codingOf(h http.Header) (coding string, known bool) {
	switch coding = strings.ToLower(strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))); coding {
	case "", "identity":
		return "", true
	case "gzip", "x-gzip":
		return "gzip", true
	}
	return "", false
}

// RewriteBody has the members of a JSON answer that the app declares as links lead to the gateway.
// What is longer than 1 MiB, as it comes or decoded, passes as it is, as does what is no valid JSON
// and what breaks off. A body that goes on for too long to be held is rewritten as it comes, and
// its caller waits for no more of it than a string; it loses its coding.
//
// The answer must be the transport's, of which nothing was read yet.
func (inj *Injection) RewriteBody(res *http.Response, gw func() Gateway) {
	held := inj.held
	inj.held = nil
	if held == nil || len(held.bytes) > maxEdited {
		return
	}
	gw = sync.OnceValue(gw)
	editor := jsonedit.NewEditor(inj.placement.links.members,
		func(v string) string { return inj.rewriteAddress(v, gw) })
	coding, _ := codingOf(res.Header)
	switch {
	case errors.Is(held.err, io.EOF):
		editWhole(res, held.bytes, coding, editor)
	case held.err == nil && (coding == "" || looksZipped(held.bytes)):
		editStream(res, coding, editor)
	}
}

// editWhole edits a body that has come to its end.
func editWhole(res *http.Response, body []byte, coding string, editor *jsonedit.Editor) {
	plain, ok := body, true
	if coding != "" {
		plain, ok = unzip(body)
	}
	if !ok || !json.Valid(bytes.TrimPrefix(plain, []byte("\uFEFF"))) {
		return
	}
	edited := editor.End(editor.Write(make([]byte, 0, len(plain)+len(plain)/8), plain))
	if !editor.Changed() {
		return
	}
	if coding != "" {
		edited = zip(edited)
	}
	_, _ = io.Copy(io.Discard, res.Body) // it is in memory, and its trailers come with its end
	ReplaceBody(res, edited)
}

// editStream edits a body as it comes. It is sent on without a coding, so that no part waits for a
// compressor: every client takes that.
func editStream(res *http.Response, coding string, editor *jsonedit.Editor) {
	res.Body = &editedStream{body: res.Body, zipped: coding != "", editor: editor, answer: res}
	res.ContentLength = -1
	delete(res.Header, "Content-Length")
	delete(res.Header, "Content-Encoding")
	dropDigests(res)
}

// editedStream is a body that is edited as it comes.
type editedStream struct {
	body   io.ReadCloser
	answer *http.Response
	zipped bool
	// plain is body without its coding; nil before the first read, which waits for a coding's header.
	plain  io.Reader
	editor *jsonedit.Editor
	// part is read, buffer is what became of it, and ready what of that is for the reader.
	part          [4 << 10]byte
	buffer, ready []byte
	err           error
}

// Read implements io.Reader.
func (s *editedStream) Read(p []byte) (int, error) {
	if s.plain == nil && s.err == nil {
		s.plain, s.err = s.open()
	}
	for len(s.ready) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		var n int
		n, s.err = s.plain.Read(s.part[:])
		s.buffer = s.editor.Write(s.buffer[:0], s.part[:n])
		if s.err != nil {
			s.buffer = s.editor.End(s.buffer)
			dropDigestsOf(s.answer.Trailer)
		}
		if s.ready = s.buffer; n == 0 && s.err == nil {
			return 0, nil
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

func (s *editedStream) open() (io.Reader, error) {
	if !s.zipped {
		return s.body, nil
	}
	return gzip.NewReader(s.body)
}

// Close implements io.Closer.
func (s *editedStream) Close() error { return s.body.Close() }

// looksZipped reports whether a body that begins with head may be one of gzip (RFC 1952, section
// 2.3.1).
func looksZipped(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}[:min(len(head), 2)])
}

// unzip is not ok for what is no valid gzip, or too large.
func unzip(body []byte) (plain []byte, ok bool) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	plain, err = io.ReadAll(io.LimitReader(r, maxEdited+1))
	return plain, err == nil && len(plain) <= maxEdited
}

func zip(plain []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(plain) // to memory
	_ = w.Close()
	return b.Bytes()
}

// ReplaceBody puts body in the place of res's, whose length and digests no longer hold. It closes
// the one that res has when it is closed.
func ReplaceBody(res *http.Response, body []byte) {
	res.Body = replacedBody{bytes.NewReader(body), res.Body}
	res.ContentLength, res.TransferEncoding = int64(len(body)), nil
	res.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
	dropDigests(res)
}

type replacedBody struct {
	io.Reader
	io.Closer
}

// digests are headers about the bytes of a body (RFC 9530, RFC 3230, RFC 1864, and those of
// stores).
var digests = []string{
	"Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "X-Goog-Hash", "X-Ms-Content-Crc64",
	"X-Ms-Blob-Content-Md5", "X-Amz-Content-Sha256",
}

// digestPrefixes begin the names of others.
var digestPrefixes = []string{"X-Amz-Checksum-", "X-Checksum-"}

// dropDigests removes what no longer holds of an edited body. Its validator is a weak one from then
// on (RFC 9110, section 8.8.1), and no part of it can be asked for: the upstream's bytes are
// others.
func dropDigests(res *http.Response) {
	dropDigestsOf(res.Header)
	dropDigestsOf(res.Trailer)
	delete(res.Header, "Accept-Ranges")
	for i, tag := range res.Header["Etag"] {
		if strings.HasPrefix(tag, `"`) {
			res.Header["Etag"][i] = "W/" + tag
		}
	}
}

func dropDigestsOf(h http.Header) {
	for _, name := range digests {
		delete(h, name)
	}
	for name := range h {
		for _, prefix := range digestPrefixes {
			if strings.HasPrefix(name, prefix) {
				delete(h, name)
			}
		}
	}
}

// RewriteEndpoint has the first event of a stream lead to the gateway, if it is `endpoint`: by
// that, MCP servers name the URL that their clients post to (MCP 2024-11-05, Transports, HTTP with
// SSE). The event alone is held, until it is whole; what follows streams.
func (inj *Injection) RewriteEndpoint(res *http.Response, gw func() Gateway) {
	h := res.Header
	if res.Request == nil || res.Request.Method != http.MethodGet || res.StatusCode != http.StatusOK || !isEventStream(h) {
		return
	}
	res.Body = sse.RewriteEndpoint(res.Body, func(url string) string { return inj.rewriteURL(url, gw) })
	res.ContentLength = -1
	delete(h, "Content-Length")
}

// uncoded is the Accept-Encoding of a caller that takes no coding; it must not be changed.
var uncoded = []string{"identity"}

// askStreamPlain has a stream of events sent without a coding, where the caller would take one: an
// endpoint could not be seen in it. Most servers send streams so anyway.
func askStreamPlain(h http.Header) {
	if len(h["Accept-Encoding"]) == 0 {
		return
	}
	for _, line := range h["Accept"] {
		if strings.Contains(strings.ToLower(line), eventStream) {
			h["Accept-Encoding"] = uncoded
			return
		}
	}
}

const eventStream = "text/event-stream"

// isEventStream reports whether the body is a stream of events as it is, without a coding.
func isEventStream(h http.Header) bool {
	types := h["Content-Type"]
	if len(types) == 0 {
		return false
	}
	kind, _, _ := strings.Cut(types[0], ";")
	coding := h.Get("Content-Encoding")
	return strings.EqualFold(strings.TrimSpace(kind), eventStream) &&
		(coding == "" || strings.EqualFold(coding, "identity"))
}
