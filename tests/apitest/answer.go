package apitest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/vending"
)

// ourHeaders are those that an answer may have only where the description says so.
var ourHeaders = []string{"Allow", "Cache-Control", "Ratelimit", "Ratelimit-Policy", "Retry-After", "Www-Authenticate"}

// CheckAnswer holds the answer to a call of method and escaped path, under [api.Base], against the
// description, and returns its error code.
func (d *Description) CheckAnswer(t testing.TB, method, path string, status int, header http.Header,
	body []byte) vending.Code {
	t.Helper()
	endpoint, _, err := api.Find(method, path)
	if err != nil {
		// What the description does not have is answered in one way only, but for a key that is not
		// known.
		endpoint.Method, endpoint.Pattern = "GET", "/apps"
		if status != http.StatusBadRequest && status != http.StatusUnauthorized {
			t.Errorf("%s %s: there is no such endpoint, and the answer is %d", method, path, status)
		}
	}
	response := operation(endpoint.Method, endpoint.Pattern, "responses", strconv.Itoa(status))
	if v, _ := d.at(response...); v == nil {
		t.Errorf("%s %s: the description has no %d: %s", method, endpoint.Pattern, status, body)
		return ""
	}
	d.checkHeader(t, response, header)
	code := d.checkBody(t, response, header, body)
	if got := vending.Code(header.Get(vending.CodeHeader)); got != code {
		t.Errorf("%s %s: %s is %q, and the code %q", method, path, vending.CodeHeader, got, code)
	}
	return code
}

// checkHeader checks the headers that the description could speak of.
func (d *Description) checkHeader(t testing.TB, response []string, header http.Header) {
	t.Helper()
	described, _ := d.at(append(slices.Clone(response), "headers")...)
	spellings := make(map[string]string)
	for name := range described.(map[string]any) {
		spellings[http.CanonicalHeaderKey(name)] = name
	}
	if header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v: Cache-Control is %q", response, header.Get("Cache-Control"))
	}
	for name, values := range header {
		if !slices.Contains(ourHeaders, name) && !strings.HasPrefix(name, "Vendgate-") {
			continue
		}
		schema := d.schema(t, closed, append(slices.Clone(response), "headers", spellings[name], "schema")...)
		if schema == nil || len(values) != 1 {
			t.Errorf("%v: the description does not speak of %s: %q", response, name, values)
			continue
		}
		value := any(values[0])
		if n, err := strconv.Atoi(values[0]); err == nil {
			value = n
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%v: %s: %v", response, name, err)
		}
	}
}

// checkBody returns the code in the body, if there is one.
func (d *Description) checkBody(t testing.TB, response []string, header http.Header, body []byte) vending.Code {
	t.Helper()
	content, _ := d.at(append(slices.Clone(response), "content")...)
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if content == nil {
		if len(body) > 0 {
			t.Errorf("%v: the description knows no body: %s", response, body)
		}
		return ""
	}
	schema := d.schema(t, closed, append(slices.Clone(response), "content", mediaType, "schema")...)
	if schema == nil {
		t.Errorf("%v: the description has no %s: %s", response, mediaType, body)
		return ""
	}
	if mediaType != "application/json" {
		return ""
	}
	if err := schema.Validate(parse(t, body)); err != nil {
		t.Errorf("%v: %v\n%s", response, err, body)
	}
	var envelope struct {
		Message string
		Data    struct{ Code vending.Code }
		Error   vending.ErrorMember
	}
	_ = json.Unmarshal(body, &envelope) // it was valid
	if e := envelope.Error; envelope.Data.Code != "" && (e.Code != envelope.Data.Code || e.Message != envelope.Message) {
		t.Errorf("%v: error is %+v in %s", response, e, body)
	}
	return envelope.Data.Code
}
