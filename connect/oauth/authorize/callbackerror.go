package authorize

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
)

var errCallback = errors.New("the authorization endpoint reported an error")

// callbackKinds are the error codes of an authorization endpoint: RFC 6749 section 4.1.2.1's,
// OpenID Connect Core section 3.1.2.6's and, from "user_" on, LinkedIn's. A code that is not here
// is a ProviderError, which the provider's own words explain. So is server_error: it may be for
// good, as Gitea's "a grant exists with different scope" is.
var callbackKinds = map[string]Kind{
	"access_denied":              Declined,
	"user_cancelled_login":       Declined,
	"user_cancelled_authorize":   Declined,
	"consent_required":           ConsentNeeded,
	"interaction_required":       ConsentNeeded,
	"login_required":             ConsentNeeded,
	"account_selection_required": ConsentNeeded,
	"temporarily_unavailable":    Unreachable,
	"server_error":               ProviderServerError,
	"invalid_scope":              ScopeRefused,
	"unauthorized_client":        NotConfigured,
	"invalid_client":             NotConfigured,
	"invalid_request":            NotConfigured,
	"unsupported_response_type":  NotConfigured,
	"invalid_target":             NotConfigured, // RFC 8707, section 2
	"redirect_uri_mismatch":      NotConfigured, // GitHub's and Google's
	"invalid_redirect_uri":       NotConfigured,
	"invalid_request_uri":        NotConfigured,
	"invalid_request_object":     NotConfigured,
	"request_not_supported":      NotConfigured,
	"request_uri_not_supported":  NotConfigured,
	"registration_not_supported": NotConfigured,
}

// isErrorCallback reports whether a callback is an error. Facebook says some by `error_code` and
// `error_message` alone
// (https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow).
func isErrorCallback(query url.Values) bool {
	return query.Has("error") || query.Get("code") == "" && (query.Has("error_code") || query.Has("error_message"))
}

// callbackError explains an error of the authorization endpoint.
func callbackError(query url.Values) Error {
	code := cleanCode(cmp.Or(query.Get("error"), query.Get("error_code")))
	words := cmp.Or(query.Get("error_description"), query.Get("error_message"), query.Get("error_reason"))
	return Error{Kind: cmp.Or(callbackKinds[code], ProviderError), Code: code, Description: plainText(words),
		Err: errCallback}
}

// logCallbackError logs an error of the provider's, as an error of ours where only an operator can
// fix it.
func (a *Authorizer) logCallbackError(ctx context.Context, app *catalog.App, tenant string, p *Error) {
	if !errors.Is(p.Err, errCallback) {
		return
	}
	level := slog.LevelInfo
	switch p.Kind {
	case NotConfigured, ScopeRefused, ProviderError, ProviderServerError:
		level = slog.LevelError
	}
	a.o.Logger.Log(ctx, level, "authorization endpoint refused us", "app", app.Slug, "tenant", tenant,
		"provider_code", p.Code, "provider_description", p.Description)
}

// maxDescription bounds what is repeated of a provider's description, in characters.
const maxDescription = 200

// plainText makes a provider's description safe to repeat on a page, in a log and in the audit
// trail: one line of text without markup and without invisible characters, such as the controls
// that turn the direction of text around.
func plainText(text string) string {
	if len(text) > 16*maxDescription { // of four bytes, and most of them dropped
		text = text[:16*maxDescription]
	}
	var b strings.Builder
	n, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError, r == '<', r == '>', !unicode.IsGraphic(r):
			continue
		}
		if space {
			n++
		}
		if n++; n > maxDescription {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
