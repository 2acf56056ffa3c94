package catalog

import (
	"maps"
	"slices"
	"strings"
)

// oauth1Fields are what an app that signs by OAuth 1 has besides the fields it declares.
var oauth1Fields = []Field{{Name: ConsumerKey}, {Name: ConsumerSecret, Secret: true},
	{Name: OAuthTokenSecret, Secret: true}}

// CredentialFields are the fields that a credential of a may have.
func (a *App) CredentialFields() []Field {
	if a.OAuth1 != nil {
		return slices.Concat(a.Fields, oauth1Fields)
	}
	return a.Fields
}

// Informs reports whether f is captured for callers to see and goes into no request of a's, so that
// a connection may lack it.
func (a *App) Informs(f Field) bool { return f.From == FromGrant && !a.Needs(f.Name) }

// Needs reports whether no request of a can be made without the field: of an OAuth app's, some
// serve only to obtain the token. Long-lived AWS keys have no session token.
func (a *App) Needs(field string) bool {
	switch {
	case a.OwnsClient(field), a.defaulted(field):
		return false
	case a.Sign != nil:
		return a.Sign.Scheme != schemeAWS || field != "session_token"
	case a.OAuth1 != nil || a.AuthType != oAuth:
		return true
	}
	texts := []string{a.Upstream}
	if p := a.Placement; p != nil {
		texts = slices.AppendSeq(append(texts, p.PathPrefix), maps.Values(p.Header))
		texts = slices.AppendSeq(texts, maps.Values(p.Query))
		if p.Basic != nil {
			texts = append(texts, p.Basic.Username, p.Basic.Password)
		}
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "{"+field+"}") })
}
