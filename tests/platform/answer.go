package platform

import "net/http"

// Style is how the API writes what the guide leaves open.
type Style struct {
	// Status is the `status` of a success. The guide names the member (8, "All responses share the
	// shape") and gives it no value; nil leaves it out.
	Status any
	// ErrorStatus is that of an error.
	ErrorStatus any
	// Errors is the form of an error's body.
	Errors ErrorForm
}

// ErrorForm is how an error tells its code.
type ErrorForm int

// The forms of an error's body. The guide has `data.code` (12); SDKs commonly know the others, and
// proxies in front of an API answer in text.
const (
	InData ErrorForm = iota
	InErrorObject
	InErrorString
	InDataString
)

// Styles are forms that the guide permits, by name.
func Styles() map[string]Style {
	return map[string]Style{
		"words":           {Status: "success", ErrorStatus: "error"},
		"booleans":        {Status: true, ErrorStatus: false},
		"HTTP statuses":   {Status: http.StatusOK, ErrorStatus: http.StatusBadRequest, Errors: InErrorObject},
		"no status":       {Errors: InErrorString},
		"ok, data a code": {Status: "ok", ErrorStatus: "failed", Errors: InDataString},
	}
}

func (s Style) envelope(status, data any) map[string]any {
	e := map[string]any{"message": nil, "data": data}
	if status != nil {
		e["status"] = status
	}
	return e
}

func (s Style) succeed(w http.ResponseWriter, data any) {
	write(w, http.StatusOK, s.envelope(s.Status, data))
}

func (s Style) refuse(w http.ResponseWriter, status int, code string) {
	e := s.envelope(s.ErrorStatus, nil)
	switch object := map[string]any{"code": code, "message": "refused"}; s.Errors {
	case InData:
		e["data"] = object
	case InErrorObject:
		e["error"] = object
	case InErrorString:
		e["error"] = code
	case InDataString:
		e["data"] = code
	}
	write(w, status, e)
}

// AppObject is an app as an object. `id` is what `/apps` lists and `request-link` takes (8), an
// opaque string; that there is a slug is Vendgate's own word, and the rest is null where it is not
// known.
func AppObject(id string, slug any) map[string]any {
	return map[string]any{"id": id, "slug": slug, "name": nil, "icon_url": nil, "auth_type": nil}
}

// metadata is the data of `GET /connections/{id}`: of it the guide states `status` alone (7, 8);
// ids are opaque strings.
func (c Connection) metadata(id string) map[string]any {
	return map[string]any{
		"id": id, "name": "Work", "status": c.Status, "app": c.App,
		"needs_reconnection": c.Revoked, "created_at": nil, "updated_at": nil, "expires_at": nil,
	}
}

// OAuth is the first shape of a token answer; seconds may be nil: "expires_in may be null if the
// provider doesn't expose an expiry" (8).
func OAuth(token string, seconds any) map[string]any {
	return map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": seconds, "auth_type": "o_auth"}
}

// Fields is the second shape: "the credential values", of an auth type `api_key`, `basic` or
// `header` (8; 14, "What auth types are supported beyond OAuth"). What names they have, and that
// each value is text, the guide does not say.
func Fields(authType string, fields any) map[string]any {
	return map[string]any{"auth_type": authType, "fields": fields, "expires_in": nil}
}
