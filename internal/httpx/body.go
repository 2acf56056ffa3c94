package httpx

import (
	"errors"
	"io"
	"net/http"
)

// Bound bounds r's body to limit bytes. One that is announced to be larger is [ErrTooLarge] without
// being read, and the connection is not used again.
func Bound(w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // or net/http would wait for the body before it answers
		return ErrTooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	return nil
}

// ReadBody reads r's body whole. It is [ErrTooLarge] if it has more than limit bytes; any other
// error says that it ended early or is not framed correctly.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := Bound(w, r, limit); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, Exceeded(err)
	}
	return body, nil
}

// Exceeded returns [ErrTooLarge] for the error of reading over a bound that [Bound] set, and any
// other as it is.
func Exceeded(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return ErrTooLarge
	}
	return err
}
