package authorize

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

const (
	// maxField bounds a value, in bytes.
	maxField = 16 << 10
	// maxFields bounds all of an app's together, in bytes; it leaves a token its room in the store.
	maxFields = 40 << 10
	// maxName bounds how much of the name of an unknown field is repeated, in bytes.
	maxName = 64
)

// CheckFields reports what is wrong with what an end user entered, as far as that can be known
// without the provider: before they sign in there in vain.
func CheckFields(app *catalog.App, fields []vending.Field) error {
	_, err := cleanFields(app, fields)
	return err
}

// cleanFields returns what the end user entered in the app's order, normalized. What it
// returns is valid where it is placed, and in the addresses of the app's endpoints.
func cleanFields(app *catalog.App, given []vending.Field) ([]vending.Field, error) {
	asked := app.Asked()
	values := make(map[string]string, len(given))
	for _, f := range given {
		if !slices.ContainsFunc(asked, func(known catalog.Field) bool { return known.Name == f.Name }) {
			return nil, newError(app, Error{Kind: UnknownField, Field: cleanName(f.Name)})
		}
		if _, twice := values[f.Name]; twice {
			return nil, newError(app, Error{Kind: InvalidField, Field: f.Name, reason: "was entered twice"})
		}
		values[f.Name] = f.Value
	}
	var fields []vending.Field
	size := 0
	for _, f := range asked {
		value := strings.TrimSpace(values[f.Name])
		if value == "" && optional(app, f) {
			continue
		}
		if err := checkValue(app, f, value); err != nil {
			return nil, err
		}
		value, problem := normalize(app, f, value)
		if problem != nil {
			return nil, problem
		}
		if size += len(value); size > maxFields {
			return nil, newError(app,
				Error{Kind: InvalidField, Field: f.Name, reason: fmt.Sprintf("makes all values longer than %d KiB", maxFields>>10)})
		}
		fields = append(fields, vending.Field{Name: f.Name, Value: value})
	}
	return fields, checkAsked(app, fields)
}

// checkAsked checks what was entered where it will be placed. What is not known yet, a token or
// what comes with the grant and the client, has a placeholder, and is never the invalid field.
func checkAsked(app *catalog.App, fields []vending.Field) error {
	for _, u := range chosenURLs(app) {
		_, err := inject.Endpoint(app, u, valueIn(fields))
		if err := onlyAbout(fields, placementError(app, err)); err != nil {
			return err
		}
	}
	return onlyAbout(fields, checkEverywhere(app, connect.GrantValues{Fields: fields}, placeholders(app)))
}

// valueIn finds the value of a field by its name.
func valueIn(fields []vending.Field) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for _, f := range fields {
			if f.Name == name {
				return f.Value, true
			}
		}
		return "", false
	}
}

// onlyAbout is err, unless that is about another field than fields.
func onlyAbout(fields []vending.Field, err error) error {
	var p *Error
	if errors.As(err, &p) && p.Field != "" && !slices.ContainsFunc(fields, func(f vending.Field) bool {
		return f.Name == p.Field
	}) {
		return nil
	}
	return err
}

// placeholders are values for the fields that an end user does not enter.
func placeholders(app *catalog.App) (fields []vending.Field) {
	for _, f := range app.Fields {
		if f.From != "" {
			fields = append(fields, vending.Field{Name: f.Name, Value: placeholder(f)})
		}
	}
	if app.OAuth1 != nil {
		for _, name := range []string{catalog.ConsumerKey, catalog.ConsumerSecret, catalog.OAuthTokenSecret} {
			fields = append(fields, vending.Field{Name: name, Value: "x"})
		}
	}
	return fields
}

// checkEverywhere checks all values where they will land: in calls, and in the addresses of app's
// endpoints.
func checkEverywhere(app *catalog.App, v connect.GrantValues, others []vending.Field) error {
	v.AccessToken = cmp.Or(v.AccessToken, "token")
	err := checkPlaced(app, v, others)
	if err == nil && app.OAuth2 != nil {
		_, err = tokenendpoint.ExpandURLs(app, connect.OAuthClient{}, slices.Concat(v.Fields, others), allURLs...)
		err = placementError(app, err)
	}
	if err == nil && app.OAuth1 != nil {
		_, err = oauth1Config(app, connect.OAuthClient{}, slices.Concat(v.Fields, others))
	}
	return err
}

var allURLs = []tokenendpoint.URL{tokenendpoint.AuthorizeURL, tokenendpoint.TokenURL, tokenendpoint.RefreshURL,
	tokenendpoint.RevokeURL}

func placeholder(f catalog.Field) string {
	switch {
	case len(f.Options) > 0:
		return f.Options[0]
	case f.Kind == catalog.KindHost:
		return "host.example.com"
	}
	return "x"
}

// optional reports whether a connection may lack a field: long-lived AWS keys have no session
// token.
func optional(app *catalog.App, f catalog.Field) bool {
	return f.Default != "" || app.Sign != nil && app.Sign.Scheme == "aws_sigv4" && f.Name == "session_token"
}

func checkValue(app *catalog.App, f catalog.Field, value string) error {
	name := f.Name
	switch {
	case value == "":
		return newError(app, Error{Kind: MissingField, Field: name})
	case len(value) > maxField:
		return newError(app,
			Error{Kind: InvalidField, Field: name, reason: fmt.Sprintf("is longer than %d KiB", maxField>>10)})
	case !utf8.ValidString(value):
		return newError(app, Error{Kind: InvalidField, Field: name, reason: "is not valid text"})
	case strings.ContainsFunc(value, unicode.IsControl):
		return newError(app,
			Error{Kind: InvalidField, Field: name, reason: "contains a line break or another control character"})
	case len(f.Options) > 0 && !slices.Contains(f.Options, value):
		return newError(app, Error{Kind: InvalidField, Field: name, reason: "is not one of the choices"})
	}
	return nil
}

// cleanName makes the name of an unknown field, which anybody can choose, fit to be repeated.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "")
}

// checkPlaced reports why no call could go out with v, and what comes with the OAuth client.
func checkPlaced(app *catalog.App, v connect.GrantValues, client []vending.Field) error {
	p, err := inject.NewPlacement(app)
	if err != nil {
		return fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	return placementError(app, p.Check(credential(app, v, client)))
}

// placementError explains err, an error of a placement or of expanding an endpoint; nil stays nil.
// The kind says who gave the value, and can fix it.
func placementError(app *catalog.App, err error) error {
	if err == nil {
		return nil
	}
	p := Error{Kind: InvalidField, Err: err, reason: otherForm}
	var blamed *inject.FieldError
	if errors.As(err, &blamed) {
		p.Field = blamed.Field
	}
	if vending.AuthType(app.AuthType) == vending.OAuth &&
		(p.Field == vending.AccessToken || p.Field == vending.TokenType) {
		p.Kind, p.Field = Malformed, ""
	}
	for _, f := range app.Fields {
		switch {
		case f.Name != p.Field:
		case f.From == "":
			p.reason = formOf(app, f)
		case f.From == catalog.FromGrant:
			p.Kind = UnsupportedAccount
		case f.From == catalog.FromClient:
			p.Kind = NotConfigured
		}
	}
	return newError(app, p)
}

// otherForm is what is wrong with a value of which no more is known.
const otherForm = "has the wrong format for this app"

// formOf says what is wrong with a value of f that the end user entered, and what to write.
func formOf(app *catalog.App, f catalog.Field) string {
	switch around := Around(app, f); {
	case f.Kind == catalog.KindHost && f.SitePath:
		return noSite
	case f.Kind == catalog.KindHost:
		return noHost
	case around != "":
		return "is not part of an address of this app; write what replaces acme in " + around + ", or the whole address"
	}
	return otherForm
}
