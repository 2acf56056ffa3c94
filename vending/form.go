package vending

import (
	"bytes"
	"encoding/xml"
)

// Form is how errors are written; empty is the [Envelope].
type Form string

// AWSXML is the form that SDKs for Amazon S3 parse. Entries of the catalog call it by this name.
const AWSXML Form = "aws_xml"

// Telegram is the envelope with the members by which libraries for Telegram's Bot API know an error.
// Entries of the catalog call it by this name.
const Telegram Form = "telegram"

// telegramError is an error as the Bot API states it (https://core.telegram.org/bots/api#making-requests).
// Its libraries read nothing else: without these members, what they throw says `undefined`.
type telegramError struct {
	Envelope
	OK          bool                `json:"ok"`
	ErrorCode   int                 `json:"error_code"`
	Description string              `json:"description"`
	Parameters  *telegramParameters `json:"parameters,omitempty"`
}

type telegramParameters struct {
	RetryAfter int `json:"retry_after"` // in seconds
}

func asTelegram(e *Error, envelope Envelope) telegramError {
	t := telegramError{Envelope: envelope, ErrorCode: e.Code.Status(), Description: e.Text()}
	if e.Code == RateLimited {
		t.Parameters = &telegramParameters{ClampRetryAfter(e.RetryAfter)}
	}
	return t
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
