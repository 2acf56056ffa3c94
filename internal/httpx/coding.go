package httpx

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ErrCoding says that an answer is in a content coding (RFC 9110, section 8.4) that cannot be
// undone. No request of this package accepts any, so that it is the other side, or what is between,
// that is wrong.
var ErrCoding = errors.New("the response's content coding cannot be decoded")

const (
	// maxCodings bounds the codings that one answer is in. More than one is rare.
	maxCodings = 3
	// codingOverhead is what an incompressible body may grow by, in bytes, for up to 1 MiB: gzip's
	// header and 5 bytes for each block of at most 64 KiB (RFC 1951, section 3.2.4).
	codingOverhead = 1 << 10
)

// identity returns r with `Accept-Encoding: identity` (RFC 9110, section 12.5.3), unless it has a
// value of its own. r stays as it is. Without the header a server may send any coding, and
// net/http's own gzip is off where this is used for calls.
func identity(r *http.Request) *http.Request {
	if len(r.Header["Accept-Encoding"]) > 0 {
		return r
	}
	asking := new(http.Request)
	*asking = *r
	if asking.Header = r.Header.Clone(); asking.Header == nil {
		asking.Header = make(http.Header, 1)
	}
	asking.Header["Accept-Encoding"] = []string{"identity"}
	return asking
}

// readDecoded reads an answer's body, at most limit bytes of it, and undoes its codings, after
// which it has at most limit bytes, too; h then no longer names them. Servers compress what they
// were asked not to.
func readDecoded(h http.Header, body io.Reader, limit int) ([]byte, error) {
	codings := codings(h)
	if len(codings) == 0 {
		return readAll(body, limit)
	}
	if len(codings) > maxCodings {
		return nil, SafeError(fmt.Errorf("%w: there are more than %d", ErrCoding, maxCodings))
	}
	raw, err := readAll(body, limit+codingOverhead)
	for i := len(codings) - 1; i >= 0 && err == nil && len(raw) > 0; i-- { // the last was applied last
		raw, err = decode(codings[i], raw, limit)
	}
	if err != nil {
		return nil, SafeError(err)
	}
	h.Del("Content-Encoding")
	h.Del("Content-Length")
	return raw, nil
}

// codings lists what h says that the body is in. A few servers write names that mean no coding.
func codings(h http.Header) (names []string) {
	for _, line := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(line, ",") {
			switch name = strings.ToLower(strings.TrimSpace(name)); name {
			case "", "identity", "none", "utf-8", "utf8":
			default:
				names = append(names, name)
			}
		}
	}
	return names
}

// decode undoes one coding.
func decode(coding string, raw []byte, limit int) ([]byte, error) {
	decoder, err := newDecoder(coding, raw)
	if err != nil {
		return nil, err
	}
	plain, err := readAll(decoder, limit)
	if err != nil && !errors.Is(err, ErrTooLarge) {
		return nil, fmt.Errorf("%w: the body is not valid %s", ErrCoding, coding)
	}
	return plain, err
}

// DecodePrefix undoes the codings of a body that begins with raw, as far as that goes, and returns
// at most limit bytes. What cannot be decoded is nothing.
func DecodePrefix(h http.Header, raw []byte, limit int) []byte {
	codings := codings(h)
	if len(codings) > maxCodings {
		return nil
	}
	for i := len(codings) - 1; i >= 0; i-- {
		decoder, err := newDecoder(codings[i], raw)
		if err != nil {
			return nil
		}
		raw, _ = io.ReadAll(io.LimitReader(decoder, int64(limit))) // it breaks off where raw does
	}
	return raw[:min(len(raw), limit)]
}

// newDecoder returns the reader of one coding (RFC 9110, section 8.4.1). Names that are not known
// here are not repeated, as the other side wrote them.
func newDecoder(coding string, raw []byte) (r io.Reader, err error) {
	switch coding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(raw))
	case "deflate":
		r, err = inflater(raw)
	case "br", "zstd", "compress", "x-compress":
		return nil, fmt.Errorf("%w: it is %s, and the request accepts only identity", ErrCoding, coding)
	default:
		return nil, fmt.Errorf("%w: it is unknown, and the request accepts only identity", ErrCoding)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the body is not valid %s", ErrCoding, coding)
	}
	return r, nil
}

// inflater reads deflate, which is in the format of zlib (RFC 1950) but for the servers that leave
// its frame away.
func inflater(raw []byte) (io.Reader, error) {
	if len(raw) >= 2 && raw[0]&0x0f == 8 && (int(raw[0])<<8|int(raw[1]))%31 == 0 {
		return zlib.NewReader(bytes.NewReader(raw))
	}
	return flate.NewReader(bytes.NewReader(raw)), nil
}
