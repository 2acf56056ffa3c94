package tokenendpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// The media types of a request's body.
const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// maxRequest bounds what the library makes of a token request, in bytes.
const maxRequest = 1 << 20

// jsonEncoder is the transport of requests to a provider that reads JSON and not forms.
type jsonEncoder struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper. It takes the form that the library made.
func (j jsonEncoder) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	_ = r.Body.Close() // it is in memory
	if err != nil {
		return nil, fmt.Errorf("reading a token request: %w", err)
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, fmt.Errorf("a token request is not a form: %d bytes", len(text)) // they hold secrets
	}
	body := encodeJSON(form)
	encoded := r.Clone(r.Context())
	encoded.Header.Set("Content-Type", jsonType)
	encoded.ContentLength, encoded.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	encoded.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return j.RoundTripper.RoundTrip(encoded)
}

// encodeJSON is form as one JSON object, the first value of each name as a string.
func encodeJSON(form url.Values) []byte {
	members := make(map[string]string, len(form))
	for name := range form {
		members[name] = form.Get(name)
	}
	body, err := json.Marshal(members)
	if err != nil {
		return []byte("{}") // strings always encode
	}
	return body
}
