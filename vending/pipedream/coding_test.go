package pipedream_test

import (
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// zipped answers as h does, in gzip, and fails t where the request accepts a coding.
func zipped(t *testing.T, h http.HandlerFunc) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Values("Accept-Encoding"); !slices.Equal(got, []string{"identity"}) {
			t.Errorf("%s %s accepts %q", r.Method, r.URL.Path, got)
		}
		plain := httptest.NewRecorder()
		h(plain, r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(plain.Code)
		z := gzip.NewWriter(w)
		if _, err := z.Write(plain.Body.Bytes()); err != nil {
			t.Errorf("answering: %v", err)
		}
		if err := z.Close(); err != nil {
			t.Errorf("answering: %v", err)
		}
	}
}

// TestCompressedAnswers: the access token and the account are read though they come compressed.
func TestCompressedAnswers(t *testing.T) {
	s := serve(t, zipped(t, says(200, passAnswer)), zipped(t, says(200, sheets)), nil)
	cred, err := vend(newSource(t, s), request())
	vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
}
