package catalog

import "testing"

// regional is an app whose region can be chosen in its upstream and its token endpoint.
func regional(slug string) App {
	return App{
		Slug: slug, Name: "Acme", AuthType: "o_auth", Upstream: "https://www.acmeapis.{region}/crm",
		Fields: []Field{{Name: "region", Options: []string{"com", "ca"}, Default: "com"}},
		OAuth2: &OAuth2{AuthorizeURL: "https://accounts.acme.{region}/auth",
			TokenURL: "https://accounts.acme.{region}/token"},
		HostRenames: map[string]string{"accounts.acme.ca": "accounts.acmecloud.ca"},
	}
}

func TestCheckRegions(t *testing.T) {
	app := regional("acme")
	if err := app.Check(); err != nil {
		t.Fatal(err)
	}
	const renames = `app acme: host_renames: `
	refuse(t, regional, map[string]refusal{
		"no option": {func(a *App) {
			a.Fields[0].Default = "eu"
		}, `app acme: field region: default "eu" is not one of the options: write one of them`},
		"no options": {func(a *App) {
			a.Fields[0].Options = nil
		}, `app acme: upstream: two literal labels must follow the last slot: write it like https://{subdomain}.example.com`},
		"from the client": {func(a *App) {
			a.Fields[0].From = FromClient
		}, `app acme: field region: default is for what the end user enters, and this is from client: take it out`},
		"in a path": {func(a *App) { a.OAuth2.TokenURL += "/{region}" },
			`app acme: field region: default fills hosts alone, and {region} is used elsewhere as well: take it out`},
		"in the placement": {func(a *App) {
			a.Placement = &Placement{Header: map[string]string{"Authorization": "Bearer {access_token}", "X-Region": "{region}"}}
		}, `app acme: field region: default fills hosts alone, and {region} is used elsewhere as well: take it out`},
		"renames what is not filled": {func(a *App) { a.HostRenames["accounts.acme.eu"] = "accounts.example.com" },
			renames + `no options fill the host "accounts.acme.eu": write one that they do, or take it out`},
		"renames to a slot": {func(a *App) { a.HostRenames["accounts.acme.ca"] = "{org}.example.com" },
			renames + `"{org}.example.com" holds a placeholder: write a fixed host`},
		"renames to a path": {func(a *App) { a.HostRenames["accounts.acme.ca"] = "example.com/a" },
			renames + `"example.com/a" is not a host: write it like upload.example.com`},
	})
	free := keyed("acme")
	free.Upstream = "https://{org}.example.com"
	free.Fields = append(free.Fields, Field{Name: "org"})
	free.HostRenames = map[string]string{"x.example.com": "other.example.com"}
	if err := free.Check(); err == nil {
		t.Error("what anything may fill was renamed")
	}
}

func TestNeedsNoDefault(t *testing.T) {
	app := regional("acme")
	if app.Needs("region") {
		t.Error("a connection from before the choice lacks what calls need")
	}
	if app.Fields[0].Default = ""; !app.Needs("region") {
		t.Error("no call can be made without the region")
	}
}

func TestFilledHostOfARegion(t *testing.T) {
	app := regional("acme")
	app.Upstream = "https://desk.acme.{region}"
	app.HostRenames["desk.acme.ca"] = "desk.acmecloud.ca"
	for value, want := range map[string]string{"": "desk.acme.com", "com": "desk.acme.com", "ca": "desk.acmecloud.ca"} {
		if got := app.FilledHost(func(string) (string, bool) { return value, value != "" }); got != want {
			t.Errorf("region %q: %s, want %s", value, got, want)
		}
	}
	if got := app.SlotHost("desk.acmecloud.ca"); got != "desk.acme.ca" {
		t.Errorf("%s fills the slot of desk.acmecloud.ca", got)
	}
}
