package main

import (
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// maxRow bounds a row of the table, in bytes.
const maxRow = 190

// appTable has a row for each app of the embedded catalog.
func appTable() (string, error) {
	all, err := catalog.Embedded("*")
	if err != nil {
		return "", err
	}
	var rows strings.Builder
	community := 0
	for _, app := range all.Apps() {
		state := "verified"
		if app.Community {
			state = "community"
			community++
		}
		rows.WriteString(appRow(app, state))
	}
	total := len(all.Apps())
	return fmt.Sprintf("%d apps: %d verified, %d community.\n\n| slug | name | authorization | state | hosts |\n"+
		"|---|---|---|---|---|\n%s", total, total-community, community, rows.String()), nil
}

// authOf says how an app's calls are authorized, more closely than its `auth_type`.
func authOf(app *catalog.App) string {
	switch {
	case app.OAuth1 != nil:
		return "OAuth 1.0a"
	case app.OAuth2 != nil && app.OAuth2.Grant != "":
		return "OAuth 2.0, client credentials"
	case app.OAuth2 != nil:
		return "OAuth 2.0"
	case app.Sign != nil:
		return "signed requests"
	case app.AuthType == "basic":
		return "user name and password"
	case app.AuthType == "header":
		return "headers"
	}
	return "API key"
}

// appRow has the hosts of an app, the upstream's first, as far as they fit into a line.
func appRow(app *catalog.App, state string) string {
	row := fmt.Sprintf("| `%s` | %s | %s | %s |", app.Slug, escapeCell(app.Name), authOf(app), state)
	hosts := append([]string{upstreamHost(app)}, app.ExtraHosts...)
	for i, host := range hosts {
		next := fmt.Sprintf(" `%s`", host)
		if more := fmt.Sprintf(" and %d more", len(hosts)-i); len(row)+len(next)+len(more) > maxRow {
			row += more
			break
		}
		row += next
	}
	return row + " |\n"
}

// upstreamHost is the host that the app is called at, with its slots.
func upstreamHost(app *catalog.App) string {
	_, rest, _ := strings.Cut(app.Upstream, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}
