package tokenendpoint

import (
	"encoding/json"
	"slices"
	"strings"
)

// errorText is what an error response says in its many members, in lower case and bounded.
type errorText struct {
	// codes are short names and numbers.
	codes []string
	// texts are descriptions.
	texts []string
	// records are the elements of lists with their values joined, and texts with the field they are
	// of.
	records []string
}

// firstCode is the first code that is not a number.
func (r *errorText) firstCode() string {
	i := slices.IndexFunc(r.codes, func(code string) bool { return !isNumber(code) })
	if i < 0 {
		return ""
	}
	return r.codes[i]
}

// The bounds of what is read of an error response.
const (
	maxTexts    = 16
	maxTextRead = 1 << 10 // bytes of each
	maxDepth    = 2       // of nested objects
)

// The members in which providers say what went wrong, the standard's own first: `status` is
// HubSpot's and Google's, `type` and `error_subcode` Meta's, `reason` Zoom's, `errortype` Fitbit's,
// `errorcode` Autodesk's and Smartsheet's, `errorid` Yahoo's, `error_name` Stack Exchange's.
var (
	codeMembers = []string{
		"error", "status", "code", "error_code", "errorcode", "errorid", "error_id", "error_name", "errortype", "error_type",
		"type",
		"error_subcode", "errcode",
	}
	textMembers = []string{
		"error_description", "errordescription", "message", "error_message", "errormessage", "error_msg", "errmsg", "msg",
		"description",
		"detail", "details", "reason", "hint", "developermessage", "localizedmessage", "title", "err", "faultstring",
	}
	// innerMembers are those whose value may be an object or a list with more of them: `fault` and
	// its `detail` are Apigee's, `data` is TikTok's, `meta` Instagram's.
	innerMembers = []string{"error", "errors", "fault", "detail", "details", "data", "meta"}
)

// errorText collects what m and the object that holds the token say, also in innerMembers.
func (m jsonObject) errorText(token jsonObject) (r errorText) {
	r.addObject(m, maxDepth)
	r.addObject(token, maxDepth)
	return r
}

// plainErrorText is errorText for a response that is a line of text, or a list of objects.
func plainErrorText(contentType string, body []byte) (r errorText) {
	if list := []byte(`{"errors":` + string(body) + `}`); json.Valid(list) { // a list alone, as Salesforce's API answers
		var m jsonObject
		_ = json.Unmarshal(list, &m)
		return m.errorText(nil)
	}
	text := strings.TrimSpace(string(body))
	if len(text) <= maxTextRead && !strings.HasPrefix(text, "{") && !strings.Contains(contentType, "html") {
		r.addText(text)
	}
	return r
}

// addObject reads an object, and what is in it down to a depth.
func (r *errorText) addObject(m jsonObject, depth int) {
	lower := make(jsonObject, len(m))
	for name, raw := range m {
		lower[strings.ToLower(name)] = raw
	}
	for _, name := range codeMembers {
		if code := lower.scalar(name); code != "" && len(r.codes) < maxTexts {
			r.codes = append(r.codes, strings.ToLower(code))
		}
	}
	for _, name := range textMembers {
		if text := lower.scalar(name); text != "" && len(r.texts) < maxTexts {
			r.texts = append(r.texts, strings.ToLower(text))
		}
	}
	for _, name := range innerMembers {
		if depth > 0 {
			r.addNested(lower[name], depth-1)
		}
	}
	r.addFieldErrors(lower["errors"])
}

// addNested reads a member that may be an object or a list of objects and texts.
func (r *errorText) addNested(raw json.RawMessage, depth int) {
	var inner jsonObject
	if json.Unmarshal(raw, &inner) == nil {
		r.addObject(inner, depth)
		return
	}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // anything but a list has no elements
	for _, raw := range list[:min(len(list), maxTexts)] {
		var inner jsonObject
		var text string
		switch {
		case json.Unmarshal(raw, &text) == nil:
			r.addText(text)
		case json.Unmarshal(raw, &inner) == nil:
			r.addObject(inner, depth)
			r.records = append(r.records, inner.joinScalars())
		}
	}
}

// addFieldErrors reads what frameworks say of a form: `errors` is a text, or has texts by field.
func (r *errorText) addFieldErrors(raw json.RawMessage) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		r.addText(text)
	}
	var fields jsonObject
	_ = json.Unmarshal(raw, &fields) // anything but an object has no fields
	for _, name := range sortedNames(fields) {
		var texts []string
		_ = json.Unmarshal(fields[name], &texts)
		for _, text := range texts[:min(len(texts), maxTexts)] {
			r.records = append(r.records, strings.ToLower(name+" "+text[:min(len(text), maxTextRead)]))
		}
	}
}

// addText reads a text that has no name, which may be a code.
func (r *errorText) addText(text string) {
	text = strings.ToLower(strings.TrimSpace(text[:min(len(text), maxTextRead)]))
	r.texts = append(r.texts, text)
	if len(text) <= maxCode && !strings.ContainsAny(text, " \t\n=&<") {
		r.codes = append(r.codes, text)
	}
}

// scalar returns a member that is a string or a number, or "".
func (m jsonObject) scalar(name string) string {
	text := m.text(name)
	if raw := string(m[name]); text == "" && isNumber(raw) {
		text = raw
	}
	return text[:min(len(text), maxTextRead)]
}

// joinScalars are the strings of an object, in the order of their names.
func (m jsonObject) joinScalars() string {
	var all []string
	for _, name := range sortedNames(m) {
		if text := m.scalar(name); text != "" {
			all = append(all, text)
		}
	}
	return strings.ToLower(strings.Join(all, " "))
}

func sortedNames(m jsonObject) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), maxTexts)]
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
