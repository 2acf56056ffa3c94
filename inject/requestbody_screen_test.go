package inject

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// seesAll is an inspector that refuses nothing.
type seesAll struct{ io.Writer }

func (seesAll) Close() error { return nil }

// TestScreenFindsKey: of a body of unknown length, which nothing else holds, the beginning that
// rules look into must not hold the caller's key.
func TestScreenFindsKey(t *testing.T) {
	long := strings.Repeat("x", maxKept)
	for name, body := range map[string]string{
		"short": `{"key":"` + ckA + `"}`, "long": ckA + " " + long, "percent-encoded": "k=ck%5F" + ckA[3:],
		"none": `{"key":""}`, "none, long": long + "yz",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodPost, "http://app/x", io.NopCloser(strings.NewReader(body)))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = -1
			err = Screen(r, seesAll{io.Discard}, false, NewKey(ckA))
			if strings.HasPrefix(name, "none") {
				if got, readErr := io.ReadAll(r.Body); err != nil || readErr != nil || string(got) != body {
					t.Errorf("%d bytes pass of %d, errors %v, %v", len(got), len(body), err, readErr)
				}
				return
			}
			var refusal *vending.Error
			if !errors.As(err, &refusal) || refusal.Code != vending.InvalidRequest ||
				!strings.Contains(refusal.Message, "the body") {
				t.Errorf("got %v", err)
			}
		})
	}
}
