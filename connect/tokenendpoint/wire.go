package tokenendpoint

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// maxAnswer bounds what an endpoint may answer, in bytes.
const maxAnswer = 256 << 10

var (
	errAnswerTooLarge = errors.New("the answer is larger than 256 KiB")
	// ErrNoTransport says that there is no transport to the app's endpoints.
	ErrNoTransport = errors.New("no transport to token endpoints is configured")
)

// noTransport fails closed: the default transport would dial anything.
type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, ErrNoTransport }

// wire is the way of one call. It ends an answer that grows beyond maxAnswer with an error: cutting it
// off silently, as golang.org/x/oauth2 does at 1 MiB, could leave half a token. It keeps what that
// library's errors do not wrap.
type wire struct {
	next http.RoundTripper
	// status is the answer's; 0 while there is none.
	status int
	// fault is why the answer could not be read to its end.
	fault error
	// read takes an answer apart before golang.org/x/oauth2 sees it, and returns what that library reads; nil leaves answers
	// as they are.
	read func(contentType string, body []byte) []byte
}

// client follows no redirect: it would carry the grant and the client's secret elsewhere.
func (w *wire) client() *http.Client {
	return &http.Client{
		Transport:     w,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.status = resp.StatusCode
	resp.Body = &boundedBody{resp.Body, w, maxAnswer}
	if w.read == nil {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(w.read(resp.Header.Get("Content-Type"), body)))
	resp.Header.Set("Content-Type", "application/json")
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	wire *wire
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		n, err = 0, errAnswerTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.wire.fault = err
	}
	return n, err
}
