package vending

import (
	"bytes"
	"encoding/xml"
)

// Form is how errors are written; empty is the [Envelope]. Entries of the catalog call the others
// by these names.
type Form string

const (
	// AWSXML is the form that SDKs for Amazon S3 parse.
	AWSXML Form = "aws_xml"
	// Telegram is the envelope with the members of Telegram's answers: its SDKs wait after a 429 only
	// where these say so, and stop otherwise.
	Telegram Form = "telegram"
	// ErrorText is the envelope with the message alone as `error`, for SDKs that take that for a text.
	ErrorText Form = "error_text"
)

// telegramError is an error as the Bot API has it ("Making requests", ResponseParameters).
type telegramError struct {
	Envelope
	OK          bool                `json:"ok"`
	ErrorCode   int                 `json:"error_code"`
	Description string              `json:"description"`
	Parameters  *telegramParameters `json:"parameters,omitempty"`
}

type telegramParameters struct {
	RetryAfter int `json:"retry_after"`
}

// textError hides the envelope's member `error`.
type textError struct {
	Envelope
	Error string `json:"error"`
}

// in is the envelope of an error in a form of JSON. retryAfter is in seconds, and 0 where there is
// none.
func (e Envelope) in(form Form, status, retryAfter int) any {
	switch form {
	case Telegram:
		t := telegramError{Envelope: e, ErrorCode: status, Description: e.Message}
		if retryAfter > 0 {
			t.Parameters = &telegramParameters{retryAfter}
		}
		return t
	case ErrorText:
		return textError{e, e.Message}
	}
	return e
}

// awsXML is e as Amazon S3 states errors (Amazon S3 API Reference, "REST Error Responses"): its
// SDKs parse nothing else, and name what they cannot parse `Unknown` or fail in the parser.
func awsXML(e *Error) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Error><Code>" + string(e.Code) + "</Code><Message>")
	_ = xml.EscapeText(&b, []byte(e.Text())) // a buffer takes all
	b.WriteString("</Message></Error>")
	return b.Bytes()
}
