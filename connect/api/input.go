package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// body is a JSON object that a caller sent. Unknown fields are ignored. err is the first mistake in
// what was asked for: it names the field, and never repeats its value.
type body struct {
	values map[string]json.RawMessage
	err    error
}

// ReadObject reads a request's body, one JSON object of at most 64 KiB. Its errors are
// *vending.Error. A body that is announced to be larger is not read.
func ReadObject(w http.ResponseWriter, r *http.Request) (values map[string]json.RawMessage, err error) {
	raw, err := httpx.ReadBody(w, r, maxBody)
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return nil, vending.Refuse(vending.RequestTooLarge, fmt.Sprintf("the body may have at most %d bytes", maxBody))
	case err != nil:
		return nil, vending.Refuse(vending.InvalidRequest, "the body ended early or is not framed correctly")
	// encoding/json would put U+FFFD in place of each bad byte.
	case !utf8.Valid(raw) || json.Unmarshal(raw, &values) != nil || values == nil:
		return nil, vending.Refuse(vending.InvalidRequest, "the body must be one JSON object")
	}
	return values, nil
}

func readBody(w http.ResponseWriter, r *http.Request) (*body, error) {
	values, err := ReadObject(w, r)
	if err != nil {
		return nil, err
	}
	return &body{values: values}, nil
}

// text returns a required string.
func (b *body) text(name string) (value string) {
	raw, ok := b.values[name]
	switch {
	case b.err != nil:
	case !ok:
		b.err = vending.Refuse(vending.InvalidRequest, name+": is missing")
	case string(raw) == "null" || json.Unmarshal(raw, &value) != nil:
		b.err = vending.Refuse(vending.InvalidRequest, name+": must be a string")
	}
	return value
}

// query is the query of a call; unknown parameters are ignored.
type query struct {
	values url.Values
	err    error
}

// queryOf reads the named parameters. One that occurs twice is a mistake: another hop might have
// read the other value.
func queryOf(r *http.Request, names ...string) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &query{err: vending.Refuse(vending.InvalidRequest, "the query is not encoded correctly")}
	}
	q := &query{values: values}
	for _, name := range names {
		if len(values[name]) > 1 && q.err == nil {
			q.err = vending.Refuse(vending.InvalidRequest, name+": occurs more than once")
		}
	}
	return q
}

func (q *query) text(name string) string { return q.values.Get(name) }

// choice returns what a parameter says that is true or false; nil where it is empty.
func (q *query) choice(name string) *bool {
	text := q.text(name)
	if text == "" {
		return nil
	}
	value := text == "true"
	if !value && text != "false" && q.err == nil {
		q.err = vending.Refuse(vending.InvalidRequest, name+": must be true or false")
	}
	return &value
}

// page returns page and limit, with the contract's defaults and bounds.
func (q *query) page() (number, limit int) {
	number, limit, err := connect.ParsePage(q.text("page"), q.text("limit"))
	if q.err == nil {
		q.err = err
	}
	return number, limit
}
