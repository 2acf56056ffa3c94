package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/vendgate/vendgate/vending"
)

// answer is the envelope around every answer, `{ status, message, data }` (guide, section 8), with
// the members by which servers say in a 2xx that a call failed. The guide gives `status` no value:
// the HTTP status says that a call succeeded, and `data` is an object then.
type answer[T any] struct {
	Status  json.RawMessage `json:"status"`
	Success json.RawMessage `json:"success"`
	Error   json.RawMessage `json:"error"`
	Errors  json.RawMessage `json:"errors"`
	Data    *T              `json:"data"`
}

var (
	errShape = errors.New("the response is not what the Platform API documents")
	errSaid  = errors.New("the response says that the call failed")
)

// decode reads the data of a 2xx answer: errSaid if it states an error, else errShape if its data
// is not an object of T's form. Errors are constant: those of encoding/json repeat what they
// stumbled over, and that may be a credential.
func decode[T any](body []byte) (*T, error) {
	var a answer[T]
	err := json.Unmarshal(body, &a) // reads on after a member of another type than expected
	switch {
	case failed(a.Status) || string(a.Success) == "false" || stated(a.Error) || stated(a.Errors):
		return nil, errSaid
	// encoding/json would replace invalid UTF-8 and so change a credential in silence.
	case err != nil, a.Data == nil, !utf8.Valid(body):
		return nil, errShape
	}
	return a.Data, nil
}

// failed reports whether an envelope's status says that the call failed: by a word for it, by
// `false`, or by the number of an HTTP error. Any other says nothing that the HTTP status does not.
func failed(status json.RawMessage) bool {
	if string(status) == `"success"` { // as nearly all are; to decode it costs a microsecond
		return false
	}
	if len(status) == 0 || status[0] != '"' {
		var number float64
		return string(status) == "false" || json.Unmarshal(status, &number) == nil && number >= 400
	}
	switch strings.ToLower(text(status)) {
	case "error", "err", "fail", "failed", "failure":
		return true
	}
	return false
}

// stated reports whether a member that holds an error holds one.
func stated(member json.RawMessage) bool {
	switch string(bytes.Join(bytes.Fields(member), nil)) {
	case "", "null", "false", "0", `""`, "{}", "[]":
		return false
	}
	return true
}

// codeOf returns the code in an error's body if a vend can end with it, else "". It is in
// `data.code` (guide, section 12); Vendgate repeats it in `error.code`, and a member may hold the
// code alone instead of an object. Others, like `connection_in_use`, would send the caller after
// something that it did not do.
func codeOf(body []byte) vending.Code {
	var a struct {
		Data, Error, Code json.RawMessage
	}
	if json.Unmarshal(body, &a) != nil {
		return ""
	}
	for _, member := range []json.RawMessage{a.Data, a.Error, a.Code} {
		var object struct {
			Code json.RawMessage `json:"code"`
		}
		if len(member) > 0 && member[0] == '{' && json.Unmarshal(member, &object) == nil {
			member = object.Code
		}
		switch code := vending.Code(text(member)); code {
		case vending.InvalidUserEmail, vending.InvalidRequest, vending.AppMismatch,
			vending.InvalidTenantKey, vending.NeedsReconnection,
			vending.CapabilityDisabled, vending.PolicyDenied,
			vending.ConnectionDeleted, vending.UnknownApp,
			vending.ConnectionNotActive, vending.RateLimited:
			return code
		}
	}
	return ""
}

// text returns the string that member holds, or "" if it holds none.
func text(member json.RawMessage) (s string) {
	if json.Unmarshal(member, &s) != nil {
		return ""
	}
	return s
}
