package inject

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/vendgate/vendgate/vending"
)

// Screen has judge see r's body, all that is written to it, before any of that is sent. A body of
// up to 64 KiB is read at once, and judge's error returned. Of a longer one the rest is written to
// judge as it is sent, and what judge refuses ends the request in the middle: the bytes with the
// refused part in them, and all that follow, stay here. whole says that no such body may begin to
// go out: it is `request_too_large`. What is read at once must not hold key.
//
// What has come of the body stays in memory until it is sent. Its length and its trailers stay as
// they are.
func Screen(r *http.Request, judge io.WriteCloser, whole bool, key Key) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if whole && r.ContentLength > maxKept {
		return tooLargeToJudge()
	}
	rest := &screened{r.Body, judge}
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
		return bodyUnreadable(err, maxKept) // or judge's own refusal
	case whole && n > maxKept:
		return tooLargeToJudge()
	default:
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(&begin, rest), r.Body}
	}
	return nil
}

func tooLargeToJudge() error {
	return vending.Refuse(vending.RequestTooLarge,
		"rules apply to this app, and its forms are read whole before they are sent: their body may have 65536 bytes")
}

// screened writes to judge what is read of a body, and hands on only what judge has seen.
type screened struct {
	io.ReadCloser
	judge io.WriteCloser
}

func (s *screened) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if _, refusal := s.judge.Write(p[:n]); refusal != nil {
		return 0, refusal
	}
	if errors.Is(err, io.EOF) {
		if refusal := s.judge.Close(); refusal != nil {
			return 0, refusal
		}
	}
	return n, err
}
