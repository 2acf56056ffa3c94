package authorize

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
)

// Kind says what went wrong.
type Kind string

// The kinds of problems.
const (
	// Declined: the end user, or the provider on their behalf, declined.
	Declined Kind = "declined"
	// ProviderError: the provider responded with an OAuth error.
	ProviderError Kind = "provider_error"
	// Malformed: the provider's response is not one of OAuth.
	Malformed Kind = "malformed"
	// Unreachable: nothing could be found out right now.
	Unreachable Kind = "unreachable"
	// HostUnreachable: there is no response from the host that the end user entered.
	HostUnreachable Kind = "no_server"
	// WrongHost: what responds at the host that the end user entered is not the app's API.
	WrongHost Kind = "no_api"
	// Unconfirmed: the provider neither accepts what the end user entered nor says that it is
	// wrong. It is the one kind that does not rule out that the credential works.
	Unconfirmed Kind = "unconfirmed"
	// WrongCredential: the provider does not accept what the end user entered.
	WrongCredential Kind = "wrong_credential" //nolint:gosec // G101: it is a name
	// MissingField: a value was not entered.
	MissingField Kind = "missing_field"
	// InvalidField: a value is invalid for the app.
	InvalidField Kind = "bad_field"
	// UnknownField: the app has no such field.
	UnknownField Kind = "unknown_field"
	// NoAccount: the provider did not say which account was authorized, where the app needs to know.
	NoAccount Kind = "no_account"
	// UnsupportedAccount: the provider named an account of another format than the app's, such as one
	// at a host that the app does not have.
	UnsupportedAccount Kind = "other_account"
	// WrongIssuer: the callback is of another provider (RFC 9207).
	WrongIssuer Kind = "wrong_issuer"
	// InvalidCallback: the callback lacks a parameter, or has a duplicate.
	InvalidCallback Kind = "bad_callback"
	// NotConfigured: only the operator or the tenant can fix it.
	NotConfigured Kind = "not_configured"
	// ConsentNeeded: the provider wants the end user to sign in, to choose an account or to consent
	// first, or an administrator to.
	ConsentNeeded Kind = "consent_needed"
	// ProviderServerError: the provider reported an error of its own.
	ProviderServerError Kind = "provider_failed"
	// ScopeRefused: the provider does not offer a scope that was asked for, or not to this account.
	ScopeRefused Kind = "scope_refused"
)

// Error is why there is no grant, for the end user. Nothing was stored.
type Error struct {
	Kind Kind
	// App is what people call the app.
	App string
	// Code is the provider's own error code, cleaned to [a-z_0-9]{0,64}.
	Code string
	// Description is the provider's own, plain text of at most 200 characters; may be empty. The
	// sender of a callback chooses it, so that a page shows it as a quotation.
	Description string
	// Status is the HTTP status of the provider's refusal; 0 without one.
	Status int
	// Field is the name of the invalid field; may be empty.
	Field string
	// Err is the cause, for the log only.
	Err error

	label   string // what the form calls Field
	reason  string // what is wrong with it
	suggest string // what to write instead; a part of what was entered, and not for the log
	host    string // what was called, where the end user entered it
	to      string // the host that it redirects to
}

// newError completes p with app.
func newError(app *catalog.App, p Error) *Error {
	p.App = app.CallName()
	for _, f := range app.Fields {
		if f.Name == p.Field {
			p.label = f.Label
		}
	}
	return &p
}

// Error is for the log: it may hold the cause, and never a secret.
func (p *Error) Error() string {
	parts := []string{string(p.Kind)}
	if p.Status != 0 {
		parts = append(parts, "HTTP "+strconv.Itoa(p.Status))
	}
	for _, text := range []string{p.Code, p.Field, p.reason} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	if p.Description != "" {
		parts = append(parts, strconv.Quote(p.Description))
	}
	if p.Err != nil {
		parts = append(parts, p.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func (p *Error) Unwrap() error { return p.Err }

// texts are title and message by kind.
var texts = map[Kind][2]string{
	Declined: {"Access was not granted", "Access was declined at {app}, so nothing was saved."},
	ProviderError: {"{app} refused the request",
		"{app} refused to complete the authorization{detail}; nothing was saved, please try again."},
	Malformed: {"{app} sent an unexpected response",
		"{app} sent an invalid response, so nothing was saved; please try again later."},
	Unreachable: {"{app} cannot be reached",
		"{app} cannot be reached right now, so nothing was saved; please try again in a few minutes."},
	HostUnreachable: {"{app} was not found",
		"There is no response from {host}, so nothing was saved; please check the address, or try again in a " +
			"few minutes."},
	WrongHost: {"{app} was not found",
		"The server at {host} is not {app}{detail}, so nothing was saved; please check the address."},
	Unconfirmed: {"{app} did not confirm this",
		"{app} neither accepts nor refuses what you entered{detail}, perhaps because a permission or credit is missing, " +
			"so nothing was saved."},
	WrongCredential: {"{app} does not accept this",
		"{app} does not accept what you entered{detail}; please check it and try again."},
	MissingField: {"Something is missing", "{field} is missing; please enter it."},
	InvalidField: {"A value is invalid", "{field} is invalid: it {reason}."},
	UnknownField: {"Unknown field", "{app} has no field called {field}."},
	NoAccount: {"{app} did not say which account it is",
		"{app} did not say which account you connected, or named several{detail}, so nothing was saved; please try again, " +
			"and grant access to exactly one."},
	UnsupportedAccount: {"This account of {app} cannot be used here",
		"You connected an account of {app}, but its {value} has another format than " +
			"those of the accounts that can be used here, so nothing was saved; please connect another account, or tell the " +
			"person who sent you the link."},
	WrongIssuer: {"This response is not from {app}",
		"The response did not come from {app}, so it was not used; please start again from your link."},
	InvalidCallback: {"This response cannot be used",
		"The response of {app} is incomplete or was changed, so it was not used; please start again from your link."},
	NotConfigured: {"{app} is not set up here",
		"{app} is not set up correctly here{detail}, so nothing was saved; please tell the person who sent you the link."},
	ConsentNeeded: {"{app} needs you to confirm something first",
		"{app} wants you to sign in, choose an account or allow the access there, or an administrator of your " +
			"account to allow it{detail}, so nothing was saved; please try again and complete what it asks for."},
	ProviderServerError: {"{app} reported an error",
		"{app} could not complete the authorization{detail}, so nothing was saved; if it happens again, tell the " +
			"person who sent you the link."},
	ScopeRefused: {"{app} does not offer what was asked for",
		"{app} does not offer all the permissions that were asked for, or not to your account{detail}, so nothing was " +
			"saved; please tell the person who sent you the link."},
}

// Title is a short line for a page.
func (p *Error) Title() string { return p.text(0) }

// Message is one sentence for a page. It contains no secret and no text of the provider's.
func (p *Error) Message() string { return p.text(1) }

// Reason says what is wrong with Field, without naming it.
func (p *Error) Reason() string {
	if p.Kind == MissingField {
		return "is missing"
	}
	return cmp.Or(p.reason, otherForm)
}

func (p *Error) text(i int) string {
	detail := ""
	switch {
	case p.Code != "":
		detail = " (" + p.Code + ")"
	case p.Status != 0:
		detail = " (HTTP " + strconv.Itoa(p.Status) + ")"
	}
	if p.to != "" {
		detail = strings.TrimSuffix(detail, ")") + "; it leads to " + p.to + ")"
	}
	reason := p.Reason()
	if p.suggest != "" {
		reason += "; write only " + p.suggest
	}
	return strings.NewReplacer(
		"{app}", cmp.Or(p.App, "The app"), "{detail}", detail,
		"{field}", cmp.Or(p.label, p.Field, "What you entered"), "{reason}", reason,
		"{host}", cmp.Or(p.host, "this address"), "{value}", cmp.Or(p.label, p.Field),
	).Replace(texts[p.Kind][i])
}

// HTTPStatus is the status of a page that explains p.
func (p *Error) HTTPStatus() int {
	switch p.Kind {
	case Declined, ConsentNeeded:
		return http.StatusForbidden
	case WrongCredential, HostUnreachable, WrongHost, Unconfirmed, MissingField, InvalidField, UnknownField:
		return http.StatusUnprocessableEntity
	case WrongIssuer, InvalidCallback:
		return http.StatusBadRequest
	case ProviderError, ProviderServerError, ScopeRefused, Malformed, NoAccount, UnsupportedAccount:
		return http.StatusBadGateway
	case Unreachable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// maxCode bounds a provider's error code, in bytes.
const maxCode = 64

// cleanCode makes an error code fit to be shown: callbacks can be forged, and a page must not say
// what they say.
func cleanCode(code string) string {
	if code == tokenendpoint.Withheld {
		return ""
	}
	code = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, strings.ToLower(code))
	return code[:min(len(code), maxCode)]
}
