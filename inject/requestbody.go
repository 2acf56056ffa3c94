package inject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vendgate/vendgate/vending"
)

const (
	// defaultMaxBody bounds the body that a signing scheme holds, in bytes, where the app says
	// nothing.
	defaultMaxBody = 1 << 20
	// firstRoom is the memory that a body gets before its first byte came, in bytes. A declared length
	// is only a claim: were it believed at once, idle uploads would cost their full size.
	firstRoom = 64 << 10
)

// holdBody reads r's body into memory and puts the copy in its place, together with GetBody and the
// length; it returns the bytes, which must not be changed. It reads at most limit bytes and one
// more. A larger body is `request_too_large`, before anything is read if the declared length says
// so. The original body is closed in every case. No body is nil. One that holds the caller's key,
// which the request's [Injection] knows, is `invalid_request`.
//
// The request's trailers stay the map that the original body fills in at its end. Where there are
// any, the length stays as it was: with a known one net/http would send no trailers (RFC 9112,
// section 7.1.2).
func holdBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	original := r.Body
	defer func() { _ = original.Close() }() // all of it was read, or it is refused: either way nothing is lost
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	var held bytes.Buffer
	held.Grow(int(min(max(r.ContentLength, 0), firstRoom)) + bytes.MinRead)
	if _, err := held.ReadFrom(io.LimitReader(original, limit+1)); err != nil {
		return nil, bodyUnreadable(err, limit)
	}
	if int64(held.Len()) > limit {
		return nil, bodyTooLarge(limit)
	}
	body := held.Bytes()
	if inj := injectionOf(r.Context()); inj != nil && inj.key.In(string(body)) {
		return nil, RefuseKey("the body")
	}
	replaceBody(r, body)
	return body, nil
}

func replaceBody(r *http.Request, body []byte) {
	reopen := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	if len(r.Trailer) == 0 {
		// "chunked" from the inbound request would outweigh the length.
		r.ContentLength, r.TransferEncoding = int64(len(body)), nil
		if len(body) == 0 {
			// With any other body, a length of 0 means to net/http that it is unknown.
			reopen = func() (io.ReadCloser, error) { return http.NoBody, nil }
		}
	}
	r.GetBody = reopen
	r.Body, _ = reopen()
}

func bodyTooLarge(limit int64) error {
	return vending.Refuse(vending.RequestTooLarge,
		fmt.Sprintf("this app's requests are read whole before they are sent; their body may have at most %d bytes", limit))
}

// bodyUnreadable tells a bound that an outer reader set, or a refusal of its own, from a body that
// ended early.
func bodyUnreadable(err error, limit int64) error {
	var refusal *vending.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge(min(limit, tooLarge.Limit))
	}
	return &vending.Error{
		Code:    vending.InvalidRequest,
		Origin:  vending.FromGateway,
		Message: "the request's body could not be read to its end",
		Err:     fmt.Errorf("reading the request's body: %w", err),
	}
}

// Screen has inspector see r's body, all that is written to it, before any of that is sent. A body
// of up to 64 KiB is read at once, and inspector's error returned. Of a longer one the rest is
// written to inspector as it is sent, and what inspector refuses ends the request in the middle:
// the bytes with the refused part in them, and all that follow, stay here. whole says that no such
// body may begin to go out: it is `request_too_large`. What is read at once must not hold key.
//
// What has come of the body stays in memory until it is sent. Its length and its trailers stay as
// they are.
func Screen(r *http.Request, inspector io.WriteCloser, whole bool, key Key) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if whole && r.ContentLength > maxKept {
		return tooLargeToScreen()
	}
	rest := &screened{r.Body, inspector}
	if !whole && r.Header.Get("Expect") != "" {
		// Reading would tell the client to send before the upstream agreed.
		r.Body = rest
		return nil
	}
	var begin bytes.Buffer
	begin.Grow(int(min(max(r.ContentLength, 0), firstRoom)) + bytes.MinRead)
	n, err := io.CopyN(&begin, rest, maxKept+1)
	switch {
	case key.In(begin.String()):
		return RefuseKey("the body")
	case errors.Is(err, io.EOF):
		r.Body = struct {
			io.Reader
			io.Closer
		}{&begin, r.Body}
	case err != nil:
		return bodyUnreadable(err, maxKept) // or inspector's own refusal
	case whole && n > maxKept:
		return tooLargeToScreen()
	default:
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(&begin, rest), r.Body}
	}
	return nil
}

func tooLargeToScreen() error {
	return vending.Refuse(vending.RequestTooLarge,
		"rules apply to this app, and its forms are read whole before they are sent: their body may have at most 65536 bytes")
}

// screened writes to inspector what is read of a body, and hands on only what inspector has seen.
type screened struct {
	io.ReadCloser
	inspector io.WriteCloser
}

func (s *screened) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if _, refusal := s.inspector.Write(p[:n]); refusal != nil {
		return 0, refusal
	}
	if errors.Is(err, io.EOF) {
		if refusal := s.inspector.Close(); refusal != nil {
			return 0, refusal
		}
	}
	return n, err
}
