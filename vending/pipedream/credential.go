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

// clientFields are the properties of an OAuth account that are no custom fields. Of them only the access token is vended by itself: the
// others would let whoever sees them act as the OAuth client.
var clientFields = map[string]bool{accessToken: true, clientID: true, "oauth_client_secret": true, "oauth_refresh_token": true, "oauth_uid": true}

var (
	errNoToken  = errors.New("the oauth_access_token is missing or empty")
	errNoFields = errors.New("the credentials hold no value for the app")
)

// text returns the property called name: a string, or a number or boolean that counts as its JSON text.
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
		if !clientFields[name] {
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

// otherKind says what the account holds where that is the other kind of credential alone, or "". What has gone missing within
// the right kind may come back.
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

// credential makes the credential of app out of the account's. It holds the fields that the catalog declares and no others:
// only those can be placed, and what is not sent need not be hidden from answers.
func (a *account) credential(app *catalog.App, mapped map[string]string) (vending.Credential, error) {
	if other := a.otherKind(app); other != "" {
		// Asking again, or connecting again, would end the same way.
		return vending.Credential{}, vending.Errorf(vending.InternalError,
			fmt.Errorf("the account holds %s, which app %s does not take: name the app that it is of in the source, app SLUG NAME_SLUG", other, app.Slug))
	}
	fields, missing := a.fields(app, mapped)
	if app.AuthType == string(vending.OAuth) {
		token, _ := a.Credentials.text(accessToken)
		if strings.TrimSpace(token) == "" {
			return vending.Credential{}, unavailable("reading the credentials", errNoToken)
		}
		if missing != "" {
			return vending.Credential{}, lacking(app, missing)
		}
		return vending.NewOAuth(app.Slug, token, "", a.expiry(), fields...), nil
	}
	switch {
	case !a.exposes(app):
		return vending.Credential{}, unavailable("reading the credentials", errNoFields)
	case missing != "":
		return vending.Credential{}, lacking(app, missing)
	}
	cred := vending.NewFields(app.Slug, vending.AuthType(app.AuthType), fields)
	cred.Expiry = a.expiry()
	return cred, nil
}

// lacking is the operator's to mend: asking again, or connecting again, would end the same way.
func lacking(app *catalog.App, field string) *vending.Error {
	return vending.Errorf(vending.InternalError,
		fmt.Errorf("the account has no field %q of app %s: name the one that it has in the source, app %[2]s NAME_SLUG THEIR_FIELD=%[1]s", field, app.Slug))
}

// fields returns what the account has of the app's fields, in the catalog's order, and the first that it lacks and needs.
func (a *account) fields(app *catalog.App, mapped map[string]string) (fields []vending.Field, missing string) {
	theirs := make(map[string]string, len(mapped))
	for name, ours := range mapped {
		theirs[ours] = name
	}
	only := a.onlyField(app, mapped)
	for _, f := range fieldsOf(app) {
		if app.OwnsClient(f.Name) || clientFields[f.Name] {
			continue
		}
		name, isMapped := theirs[f.Name]
		if !isMapped {
			if name = f.Name; mapped[name] != "" {
				name = "" // it stands for another field
			}
		}
		value, ok := a.Credentials.text(name)
		if !ok && !isMapped && f.Secret && only != "" {
			value, ok = a.Credentials.text(only)
		}
		if ok {
			fields = append(fields, vending.Field{Name: f.Name, Value: value})
		} else if missing == "" && needs(app, f.Name) {
			missing = f.Name
		}
	}
	return fields, missing
}

// onlyField returns the name of the one custom field where the app has one secret field: they can only mean each other, unless
// the name means another field. Beside an access token they need not: the field would be something else then.
func (a *account) onlyField(app *catalog.App, mapped map[string]string) string {
	secrets := 0
	for _, f := range fieldsOf(app) {
		if f.Secret {
			secrets++
		}
	}
	_, oauth := a.Credentials[accessToken]
	names := a.Credentials.customs()
	if secrets == 1 && len(names) == 1 && !oauth && mapped[names[0]] == "" && !declares(app, names[0]) {
		return names[0]
	}
	return ""
}
