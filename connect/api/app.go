package api

import (
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// fieldAnswer is a value that an end user is asked for.
type fieldAnswer struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Secret bool   `json:"secret"`
	// Help says where to find the value, or how it looks, if it has any.
	Help string `json:"help,omitempty"`
	// Options are the only values there are, if it has any.
	Options []string `json:"options,omitempty"`
	// Default is the option of a credential without the field, if it may lack it.
	Default string `json:"default,omitempty"`
}

// appAnswer is an `App` of the Platform API.
type appAnswer struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
	// ShortName is what end users know it by, where the name says more than that.
	ShortName string `json:"short_name,omitempty"`
	// HelpURL says where end users find the credential, where that is known.
	HelpURL    string        `json:"help_url,omitempty"`
	IconURL    string        `json:"icon_url"`
	AuthType   string        `json:"auth_type"`
	Categories []string      `json:"categories"`
	Fields     []fieldAnswer `json:"fields"`
	// Hosts are all that calls of the app may reach, with how the gateway reaches them.
	Hosts []catalog.Host `json:"hosts"`
}

func describeApp(app *catalog.App, origin string) appAnswer {
	answer := appAnswer{
		ID: app.Slug, Slug: app.Slug, Name: app.Name, ShortName: app.ShortName, HelpURL: app.HelpURL,
		IconURL: origin + connect.IconPath(app.Slug), AuthType: app.AuthType,
		Categories: append([]string{}, app.Categories...), Fields: []fieldAnswer{}, Hosts: app.Hosts(),
	}
	for _, f := range app.Asked() {
		label := f.Label
		if label == "" {
			label = f.Name
		}
		answer.Fields = append(answer.Fields, fieldAnswer{f.Name, label, f.Secret, f.Help, f.Options, f.Default})
	}
	return answer
}

type appsAnswer struct {
	Apps  []appAnswer `json:"apps"`
	Page  int         `json:"page"`
	Limit int         `json:"limit"`
	Total int         `json:"total"`
}

func (a *API) listApps(c *Call) error {
	q := queryOf(c.R, "search", "page", "limit")
	number, limit := q.page()
	if q.err != nil {
		return q.err
	}
	found, total, err := a.o.Manager.Apps(c.Caller, q.text("search"), number, limit)
	if err != nil {
		return err
	}
	answer := appsAnswer{Apps: []appAnswer{}, Page: number, Limit: limit, Total: total}
	for _, app := range found {
		answer.Apps = append(answer.Apps, describeApp(app, c.Origin))
	}
	vending.WriteSuccess(c.W, http.StatusOK, "apps found", answer)
	return nil
}

func (a *API) getApp(c *Call) error {
	app, err := a.o.Manager.App(c.Caller, c.Params["app"])
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, "app found", describeApp(app, c.Origin))
	return nil
}
