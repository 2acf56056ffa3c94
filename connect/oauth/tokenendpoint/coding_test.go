package tokenendpoint

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// zipped is text in gzip.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCodings has answers in a coding that was not accepted.
func TestCodings(t *testing.T) {
	in := func(coding string) map[string]string { return map[string]string{"Content-Encoding": coding} }
	for name, c := range map[string]struct {
		answer answer
		token  string
		class  Class
		code   string
	}{
		"a token": {answer{200, zipped(t, `{"access_token":"n"}`), in("gzip")}, "n", 0, ""},
		"a refusal": {answer{400, zipped(t, `{"error":"invalid_grant"}`), in("gzip")}, "", InvalidGrant,
			"invalid_grant"},
		"brotli":             {answer{200, "canary", in("br")}, "", Malformed, ""},
		"brotli, an outage":  {answer{503, "canary", in("br")}, "", Unavailable, ""},
		"invalid gzip":       {answer{200, "canary", in("gzip")}, "", Malformed, ""},
		"a refusal, unread":  {answer{400, "canary", in("zstd")}, "", Malformed, ""},
		"nothing compressed": {answer{502, "", in("gzip")}, "", Unavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			e := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Accept-Encoding")
				c.answer.ServeHTTP(w, r)
			}))
			got, err := e.Refresh(t.Context(), held)
			var r *Refusal
			switch {
			case asked != "identity":
				t.Errorf("the request accepts %q", asked)
			case c.token != "":
				if err != nil || got.AccessToken != c.token {
					t.Errorf("token %q, %v", got.AccessToken, err)
				}
			case !errors.As(err, &r) || r.Class != c.class || r.Code != c.code:
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRevokeAcceptsNoCoding(t *testing.T) {
	asked := ""
	e := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
	}))
	if err := e.Revoke(t.Context(), vending.NewSecret("canary-token"), AccessToken); err != nil || asked != "identity" {
		t.Errorf("%v, the request accepts %q", err, asked)
	}
}
