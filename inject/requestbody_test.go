package inject

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vendgate/vendgate/vending"
)

func TestHoldBody(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF))
	for _, c := range []struct {
		name   string
		body   io.Reader
		length int64
		want   string
		code   vending.Code
	}{
		{"empty of unknown length", strings.NewReader(""), -1, "", ""},
		{"known length", strings.NewReader("hello"), 5, "hello", ""},
		{"unknown length", strings.NewReader("hello"), -1, "hello", ""},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("hello")), -1, "hello", ""},
		{"at the limit", strings.NewReader("12345678"), -1, "12345678", ""},
		{"above the limit", strings.NewReader("123456789"), -1, "", vending.RequestTooLarge},
		{"declared above the limit", iotest.ErrReader(errors.New("read")), 9, "", vending.RequestTooLarge},
		{"ended early", broken, 8, "", vending.InvalidRequest},
		{"bounded outside", http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("hello")), 3), -1, "",
			vending.RequestTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			original := &observedUpload{Reader: c.body}
			r := httptest.NewRequest("POST", "/", nil)
			r.Body, r.ContentLength, r.TransferEncoding = original, c.length, []string{"chunked"}
			got, err := holdBody(r, 8)
			if string(got) != c.want || signCode(err) != c.code || original.closes != 1 {
				t.Fatalf("body %q, error %v, closed %d times", got, err, original.closes)
			}
			if err != nil {
				return
			}
			if r.ContentLength != int64(len(c.want)) || r.TransferEncoding != nil {
				t.Errorf("length %d, transfer encoding %q", r.ContentLength, r.TransferEncoding)
			}
			for range 2 {
				again, err := r.GetBody()
				if err != nil || readHeld(t, again) != c.want {
					t.Errorf("GetBody: %v", err)
				}
			}
			if sent := readHeld(t, r.Body); sent != c.want {
				t.Errorf("the request's body is %q", sent)
			}
		})
	}
}

func readHeld(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHoldBodyLeavesNoBodyAlone(t *testing.T) {
	for name, body := range map[string]io.ReadCloser{"nil": nil, "http.NoBody": http.NoBody} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Body, r.ContentLength = body, 0
			if got, err := holdBody(r, 8); got != nil || err != nil || r.Body != body || r.GetBody != nil {
				t.Errorf("body %q, error %v, request %v", got, err, r)
			}
		})
	}
}

// TestHeldBodyOnTheWire sends held bodies on, trailers and all.
func TestHeldBodyOnTheWire(t *testing.T) {
	type received struct {
		body, trailer string
		length        int64
	}
	arrived := make(chan received, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := readHeld(t, r.Body)
		arrived <- received{body, r.Trailer.Get("X-Sum"), r.ContentLength}
	}))
	t.Cleanup(upstream.Close)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.Trailer = r.Trailer // as the transport does: the body's end fills it in
		out.URL.Scheme, out.URL.Host = "http", upstream.Listener.Addr().String()
		if _, err := holdBody(out, 64); err != nil {
			t.Errorf("holding: %v", err)
		}
		sendSigned(t, out)
	}))
	t.Cleanup(gateway.Close)
	for _, c := range []struct {
		name, body, trailer string
		chunked             bool
		want                received
	}{
		{"known length", "hello", "", false, received{"hello", "", 5}},
		{"chunked becomes known", "hello", "", true, received{"hello", "", 5}},
		{"empty and chunked", "", "", true, received{"", "", 0}},
		{"trailer", "hello", "abc", true, received{"hello", "abc", -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader = strings.NewReader(c.body)
			if c.chunked {
				body = io.MultiReader(body)
			}
			r, err := http.NewRequestWithContext(t.Context(), "POST", gateway.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			if c.chunked {
				r.TransferEncoding = []string{"chunked"}
			}
			if c.trailer != "" {
				r.Trailer = http.Header{"X-Sum": {c.trailer}}
			}
			sendSigned(t, r)
			if got := <-arrived; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
