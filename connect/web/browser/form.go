package browser

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// ReadForm reads a form of at most limit bytes into r.PostForm. One that is announced to be larger
// is `request_too_large` without being read.
func ReadForm(w http.ResponseWriter, r *http.Request, limit int64) error {
	tooLarge := vending.Refuse(vending.RequestTooLarge, fmt.Sprintf("the form may have at most %d bytes", limit))
	err := httpx.Bound(w, r, limit)
	if err == nil {
		err = httpx.Exceeded(r.ParseForm())
	}
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return tooLarge
	case err != nil:
		return vending.Refuse(vending.InvalidRequest, "the form is not encoded correctly")
	}
	return nil
}
