package appform

import (
	"cmp"
	"net/url"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// Form is the form of an app.
type Form struct {
	App *catalog.App
	// Bound are the fields that say at which address the connection is, and stay.
	Bound []vending.Field
	// Open are values that may be shown, by the names of their fields: what the connection has.
	Open map[string]string
	// Entered is what was posted before.
	Entered url.Values
	// Problem is what was wrong with it; nil the first time.
	Problem *authorize.Error
}

// Fields draws the fields with what was entered before, but for what is secret, and with what was
// wrong with them.
func (f Form) Fields() (fields []page.Field) {
	bound := make(map[string]string, len(f.Bound))
	for _, at := range f.Bound {
		bound[at.Name] = at.Value
	}
	for _, field := range f.App.Asked() {
		shown := page.Field{
			Name: field.Name, Label: field.Label, Help: field.Help, Secret: field.Secret, Options: field.Options,
			Host: field.Kind == catalog.KindHost, Site: field.SitePath,
		}
		shown.Around = authorize.Around(f.App, field)
		if !field.Secret {
			shown.Value = cmp.Or(f.Entered.Get(page.FieldPrefix+field.Name), f.Open[field.Name], field.Default)
		}
		if at, isBound := bound[field.Name]; isBound {
			shown.Value, shown.Bound = at, true
		}
		if f.Problem != nil && f.Problem.Field == field.Name {
			shown.Problem = f.Problem.Message()
		}
		fields = append(fields, shown)
	}
	return fields
}

// WholeProblem says what is wrong with the form where that is none of its fields; empty otherwise.
func (f Form) WholeProblem() string {
	if f.Problem == nil || f.Problem.Field != "" {
		return ""
	}
	return f.Problem.Message()
}

// Entered are the values of a posted form that the app asks for.
func Entered(app *catalog.App, posted url.Values) (fields []vending.Field) {
	for _, f := range app.Asked() {
		fields = append(fields, vending.Field{Name: f.Name, Value: posted.Get(page.FieldPrefix + f.Name)})
	}
	return fields
}
