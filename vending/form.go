package vending

import (
	"bytes"
	"encoding/xml"
)

// Form is how errors are written; empty is the [Envelope].
type Form string

// AWSXML is the form that SDKs for Amazon S3 parse. Entries of the catalog call it by this name.
const AWSXML Form = "aws_xml"

// awsXML is e as Amazon S3 states errors (Amazon S3 API Reference, "REST Error Responses"): its
// SDKs parse nothing else, and name what they cannot parse `Unknown` or fail in the parser.
func awsXML(e *Error) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Error><Code>" + string(e.Code) + "</Code><Message>")
	_ = xml.EscapeText(&b, []byte(e.Text())) // a buffer takes all
	b.WriteString("</Message></Error>")
	return b.Bytes()
}
