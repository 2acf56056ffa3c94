package policy

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"sync"

	"github.com/vendgate/vendgate/vending"
)

// maxInflated bounds what a compressed body may hold, in bytes: a megabyte of it can stand for a
// gigabyte.
const maxInflated = 64 << 20

var errAborted = errors.New("the call has ended")

// inflater has readers see what a compressed body holds. It decodes in a goroutine of its own,
// since the library's decoders read and cannot be written to; the goroutine ends with the body, or
// with abort. What a write holds may be checked only by the time of the next, so that a refusal can
// come late; it always comes before the end of the body.
type inflater struct {
	coding  string
	readers []screenReader
	left    int // of maxInflated

	begin sync.Once
	in    *io.PipeWriter
	out   *io.PipeReader
	done  chan struct{}
	err   error // of the decoding; to be read after done
}

func newInflater(coding string, readers []screenReader) *inflater {
	f := &inflater{coding: coding, readers: readers, left: maxInflated, done: make(chan struct{})}
	f.out, f.in = io.Pipe()
	return f
}

func (f *inflater) write(p []byte) error {
	f.begin.Do(func() { go f.run() })
	if _, err := f.in.Write(p); err != nil {
		<-f.done
		return f.err
	}
	return nil
}

func (f *inflater) end() error {
	f.begin.Do(func() { go f.run() })
	_ = f.in.Close()
	<-f.done
	return f.err
}

// abort ends the goroutine. It may be called at any time, also while another method runs.
func (f *inflater) abort() { _ = f.in.CloseWithError(errAborted) }

func (f *inflater) run() {
	defer close(f.done)
	if f.err = f.inflate(); f.err == nil {
		_, f.err = io.Copy(io.Discard, f.out) // a server may ignore what follows
	}
	_ = f.out.CloseWithError(errAborted)
}

func (f *inflater) inflate() error {
	decoded, err := decoder(f.coding, f.out)
	if errors.Is(err, io.EOF) {
		return nil // no body at all
	}
	if err != nil {
		return errCompressed()
	}
	for buf := make([]byte, 16<<10); ; {
		n, err := decoded.Read(buf)
		for _, r := range f.readers {
			if refusal := r.write(buf[:n]); refusal != nil {
				return refusal
			}
		}
		switch f.left -= n; {
		case f.left < 0:
			return vending.Refuse(vending.RequestTooLarge,
				"rules apply to this app, and its compressed bodies are read: they may hold at most 67108864 bytes")
		case errors.Is(err, io.EOF):
			return f.endReaders()
		case err != nil:
			return errCompressed()
		}
	}
}

func (f *inflater) endReaders() error {
	for _, r := range f.readers {
		if err := r.end(); err != nil {
			return err
		}
	}
	return nil
}

func errCompressed() error {
	return refuse("the body is not what its Content-Encoding says, and cannot be compared with the rules")
}

// decoder reads one of the content codings of RFC 9110, section 8.4.1. Some clients send deflate
// without zlib's header.
func decoder(coding string, compressed io.Reader) (io.Reader, error) {
	in := bufio.NewReader(compressed)
	if coding != "deflate" {
		return gzip.NewReader(in)
	}
	head, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}
