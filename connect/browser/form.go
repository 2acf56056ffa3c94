package browser

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vendgate/vendgate/vending"
)

// ReadForm reads a form of at most limit bytes into r.PostForm. One that is announced to be larger is `request_too_large` without being read.
func ReadForm(w http.ResponseWriter, r *http.Request, limit int64) error {
	tooLarge := vending.Refuse(vending.RequestTooLarge, fmt.Sprintf("the form may have at most %d bytes", limit))
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // or net/http would wait for the body before it answers
		return tooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	err := r.ParseForm()
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge
	case err != nil:
		return vending.Refuse(vending.InvalidRequest, "the form cannot be read")
	}
	return nil
}
