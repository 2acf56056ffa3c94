package pipedream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// properties are an account's credentials as they came, without those that are null.
type properties map[string]json.RawMessage

const (
	// accessToken is the property of an OAuth account that is vended.
	accessToken = "oauth_access_token" //nolint:gosec // its name
	// clientID is vended only to an app that sends it with every request, if the operator says so.
	clientID = "oauth_client_id"
)

// theirs are the properties that Pipedream documents for OAuth accounts (schema
// AccountCredentials), and the client's secret, which it does not expose.
var theirs = []string{
	accessToken, clientID, "oauth_client_secret", "oauth_refresh_token", "oauth_uid", "oauth_signer_uri",
}

// isPipedreams reports whether a property is one of Pipedream's own and no custom field. All that
// begin with `oauth_` are, whatever comes to be documented. Of them only the access token is vended
// by itself: others would let who sees them act as the OAuth client.
func isPipedreams(name string) bool {
	const prefix = "oauth_"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

var (
	errNoToken  = errors.New("the oauth_access_token is missing or empty")
	errNoFields = errors.New("the credentials hold no value for the app")
)

// text returns the property called name: a string, or a number or boolean that counts as its JSON
// text.
func (p properties) text(name string) (string, bool) {
	raw, ok := p[name]
	if !ok || raw[0] == '{' || raw[0] == '[' {
		return "", false
	}
	if raw[0] != '"' {
		return string(raw), true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// customs lists the names of the custom fields.
func (p properties) customs() (names []string) {
	for name := range p {
		if !isPipedreams(name) {
			names = append(names, name)
		}
	}
	return names
}

// exposes reports whether the account holds something that could be the app's credential.
func (a *account) exposes(app *catalog.App) bool {
	names := []string{accessToken}
	if app.AuthType != string(vending.OAuth) {
		names = a.Credentials.customs()
	}
	for _, name := range names {
		if value, _ := a.Credentials.text(name); strings.TrimSpace(value) != "" {
			return true
		}
	}
	return false
}

// keepsBack reports whether Pipedream keeps the account's credential to itself, so that calls go
// through its proxy: there are no credentials at all, or they are an OAuth account's without the
// token. Accounts on Pipedream's own OAuth client are so (docs, managed auth, OAuth clients).
func (a *account) keepsBack(app *catalog.App) bool {
	if len(a.Credentials) == 0 {
		return true
	}
	if _, token := a.Credentials[accessToken]; token || app.AuthType != string(vending.OAuth) {
		return false
	}
	return a.AuthType == "oauth" || len(a.Credentials.customs()) < len(a.Credentials)
}

// otherKind says what the account holds where that is the other kind of credential alone, or "".
// What has gone missing within the right kind may come back.
func (a *account) otherKind(app *catalog.App) string {
	customs := len(a.Credentials.customs())
	_, token := a.Credentials[accessToken]
	switch oauth := app.AuthType == string(vending.OAuth); {
	case oauth && customs > 0 && customs == len(a.Credentials):
		return "keys and no token"
	case !oauth && customs == 0 && token:
		return "a token and no keys"
	}
	return ""
}

// credential makes the credential of app out of the account's. It holds the fields that the catalog
// declares and no others: only those can be placed, and what is not sent need not be hidden from
// answers.
func (a *account) credential(app *catalog.App, mapped map[string]string) (vending.Credential, error) {
	if other := a.otherKind(app); other != "" {
		// Asking again, or connecting again, would end the same way.
		return vending.Credential{}, vending.Errorf(vending.InternalError,
			fmt.Errorf("the account holds %s, which app %s does not accept: name the account's app in the source, app SLUG "+
				"NAME_SLUG", other, app.Slug))
	}
	oauth := app.AuthType == string(vending.OAuth)
	found := a.fields(app, mapped)
	token, _ := a.Credentials.text(accessToken)
	switch {
	case oauth && strings.TrimSpace(token) == "":
		return vending.Credential{}, unreadable("reading the credentials", errNoToken)
	case !oauth && !a.exposes(app):
		return vending.Credential{}, unreadable("reading the credentials", errNoFields)
	case found.missing != "":
		return vending.Credential{}, lacking(app, found.missing)
	}
	if name := a.elsewhere(app, found, mapped); name != "" {
		return vending.Credential{}, otherServer(app, name)
	}
	if oauth {
		return vending.NewOAuth(app.Slug, token, "", a.expiry(), found.fields...), nil
	}
	cred := vending.NewFields(app.Slug, vending.AuthType(app.AuthType), found.fields)
	cred.Expiry = a.expiry()
	return cred, nil
}

// lacking is the operator's to correct: asking again, or connecting again, would end the same way.
func lacking(app *catalog.App, field string) *vending.Error {
	return vending.Errorf(vending.InternalError,
		fmt.Errorf("the account has no field %q of app %s: %s", field, app.Slug, lineFor(app, field)))
}

// lineFor says how the source's configuration names the account's value for a field.
func lineFor(app *catalog.App, field string) string {
	return fmt.Sprintf("map the account's own field to it in the source, app %s NAME_SLUG THEIR_FIELD=%s", app.Slug, field)
}

// found is what an account has of an app's fields.
type found struct {
	fields  []vending.Field // in the catalog's order
	missing string          // the first field that it lacks and needs
	used    []string        // the properties that became fields
}

// fields finds the values of app's fields, in the form that the catalog has for them.
func (a *account) fields(app *catalog.App, mapped map[string]string) (f found) {
	theirs := make(map[string]string, len(mapped))
	for name, ours := range mapped {
		theirs[ours] = name
	}
	only := a.onlyField(app, mapped)
	for _, field := range app.CredentialFields() {
		if app.OwnsClient(field.Name) {
			continue
		}
		name, isMapped := theirs[field.Name]
		if !isMapped {
			if name = field.Name; mapped[name] != "" || isPipedreams(name) {
				name = "" // it means another field, or none
			}
		}
		value, ok := a.Credentials.text(name)
		if !ok && !isMapped && field.Secret && only != "" {
			name = only
			value, ok = a.Credentials.text(name)
		}
		if ok {
			f.used = append(f.used, name)
			f.fields = append(f.fields, vending.Field{Name: field.Name, Value: inForm(app, field, value)})
		} else if f.missing == "" && app.Needs(field.Name) {
			f.missing = field.Name
		}
	}
	return f
}

// onlyField returns the name of the one custom field where the app has one secret field: they can
// only mean each other, unless the name means another field or a server. Next to an access token
// they need not: the field would be something else then.
func (a *account) onlyField(app *catalog.App, mapped map[string]string) string {
	secrets := 0
	for _, f := range app.CredentialFields() {
		if f.Secret {
			secrets++
		}
	}
	_, oauth := a.Credentials[accessToken]
	names := a.Credentials.customs()
	if secrets == 1 && len(names) == 1 && !oauth && mapped[names[0]] == "" && !declares(app, names[0]) &&
		!a.mayNameServer(names[0]) {
		return names[0]
	}
	return ""
}
