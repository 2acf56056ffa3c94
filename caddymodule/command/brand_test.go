package command_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// brandJSON is what `tenant brand --json` prints.
type brandJSON struct {
	Name           string
	LogoURL        string `json:"logo_url"`
	Accent         string
	FrameAncestors []string `json:"frame_ancestors"`
	UserHint       string   `json:"user_hint"`
	Unconfirmed    string
}

// TestTenantBrand: each flag changes its own and nothing else.
func TestTenantBrand(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--name", "Acme Industries", "--logo-url",
		"https://cdn.acme.example/a.svg",
		"--accent", "#0A66C2", "--frame-ancestors", "https://app.acme.example,https://b.acme.example", "--data", dir)
	want := brandJSON{"Acme Industries", "https://cdn.acme.example/a.svg", "#0a66c2",
		[]string{"https://app.acme.example", "https://b.acme.example"}, "masked", "ask"}
	check := func(what string, args ...string) {
		t.Helper()
		out := must(t, "", append([]string{"tenant", "brand", "acme", "--json", "--data", dir}, args...)...)
		var got brandJSON
		if err := json.Unmarshal([]byte(out), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s, want %+v, %v", what, out, want, err)
		}
	}
	check("as created")
	want.Name = "Acme"
	check("name", "--name", "Acme")
	want.Accent = "#ffffff"
	check("accent", "--accent", "#FFFFFF")
	want.LogoURL = ""
	check("no logo", "--clear", "logo-url")
	want.FrameAncestors = []string{"http://localhost:3000"}
	check("frame ancestors", "--frame-ancestors", "http://localhost:3000")
	want.FrameAncestors = []string{}
	check("no frame ancestors", "--clear", "frame-ancestors")
	want.UserHint = "Only for {user}"
	check("user hint", "--user-hint", " Only for {user} ")
	want.UserHint = "off"
	check("no user hint", "--user-hint", "off")
	want.UserHint, want.Accent = "masked", ""
	check("two cleared, one changed", "--clear", "user-hint,accent", "--name", "Acme")
	want.Accent = "#ffffff"
	check("accent again", "--accent", "#ffffff")
	want.Unconfirmed = "refuse"
	check("unconfirmed", "--unconfirmed", "refuse")
	want.Unconfirmed = "ask"
	check("unconfirmed by default", "--clear", "unconfirmed")
	want.Name, want.LogoURL = "Acme Two", "https://cdn.acme.example/b.svg"
	check("two at once", "--name", "Acme Two", "--logo-url", "https://cdn.acme.example/b.svg")
	check("after all")

	if table := must(t, "", "tenant", "brand", "acme", "--data", dir); !regexp.MustCompile(
		`^TENANT +NAME +ACCENT +LOGO URL +FRAME ANCESTORS +USER HINT +UNCONFIRMED\nacme +Acme Two +#ffffff ` +
			`+https://cdn\.acme\.example/b\.svg +- +masked +ask\n$`).MatchString(table) {
		t.Errorf("the table is\n%s", table)
	}
	if listed := must(t, "", "tenant", "list", "--json", "--data", dir); !strings.Contains(listed, `"name": "Acme Two"`) ||
		!strings.Contains(listed, `"frame_ancestors": []`) {
		t.Errorf("listed: %s", listed)
	}
	if n := len(audited(t, "--event", "tenant_changed", "--data", dir)); n != 12 {
		t.Errorf("%d changes are recorded, want 12: showing changes nothing", n)
	}
}

func TestTenantBrandErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--name", "Acme", "--data", dir)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"unknown tenant": {[]string{"brand", "nobody", "--name", "x"},
			connect.ErrTenantUnknown.Error() + " in this store: create it with `tenant create`"},
		"bad accent":   {[]string{"brand", "acme", "--accent", "teal"}, "accent: write a colour like #0a66c2"},
		"http logo":    {[]string{"brand", "acme", "--logo-url", "http://a.example/x.png"}, "logo_url: write an https URL"},
		"bad ancestor": {[]string{"brand", "acme", "--frame-ancestors", "*"}, "frame_ancestors: write origins like"},
		"control": {[]string{"brand", "acme", "--name", "a\x1b[2J"},
			"name: must be at most 100 bytes of text without control characters"},
		"bad hint":   {[]string{"brand", "acme", "--user-hint", "none"}, "user_hint: write masked, off, or words"},
		"bad choice": {[]string{"brand", "acme", "--unconfirmed", "never"}, "unconfirmed: write ask or refuse"},
		"clear nothing": {[]string{"brand", "acme", "--clear", "keys"},
			`--clear "keys": write any of accent, frame-ancestors, logo-url, name, unconfirmed, user-hint`},
		"clear and set": {[]string{"brand", "acme", "--name", "x", "--clear", "name"}, "--name is given and cleared"},
		"no name":       {[]string{"brand"}, "accepts 1 arg(s), received 0"},
		"at creation": {[]string{"create", "other", "--email", "x@x.example", "--accent", "teal"},
			"accent: write a colour"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", append([]string{"tenant", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("%v, printed %q", err, out)
			}
		})
	}
	if listed := must(t, "", "tenant", "list", "--data", dir); strings.Contains(listed, "other") ||
		!strings.Contains(listed, " Acme ") {
		t.Errorf("something changed:\n%s", listed)
	}
}

func TestTenantMCPURL(t *testing.T) {
	dir := t.TempDir()
	key := must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	store := harness.OpenStore(t, dir)
	tenantOf := func(url, base string) string {
		t.Helper()
		token, ok := strings.CutPrefix(url, base+"/platform/v1/mcp/")
		if !ok || !regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(token) {
			t.Fatalf("the url is %q", url)
		}
		tenant, err := store.MCPTenant(t.Context(), connect.DigestOf(token))
		if err != nil {
			return err.Error()
		}
		return tenant
	}
	config := configOf(t, "public_url https://gw.example/\n tenant configured {\n key {env.NOT_NEEDED_HERE}\n }")
	first := strings.TrimSuffix(must(t, "", "tenant", "mcp-url", "acme", "--data", dir), "\n")
	if got := tenantOf(first, ""); got != "acme" {
		t.Errorf("the first path is of %s", got)
	}
	second := strings.TrimSuffix(must(t, "", "tenant", "mcp-url", "acme", "--config", config, "--data", dir), "\n")
	if got := tenantOf(second, "https://gw.example"); got != "acme" {
		t.Errorf("the second url is of %s", got)
	}
	if got := tenantOf(first, ""); got != connect.ErrNoMCPURL.Error() {
		t.Errorf("the first path still is of %s", got)
	}
	var issued struct {
		Tenant, Path string
		URL          string `json:"mcp_url"`
	}
	out := must(t, "", "tenant", "mcp-url", "configured", "--json", "--config", config, "--public-url",
		"http://127.0.0.1:8080", "--data", dir)
	if err := json.Unmarshal([]byte(out), &issued); err != nil || issued.Tenant != "configured" ||
		issued.URL != "http://127.0.0.1:8080"+issued.Path {
		t.Fatalf("issued: %s, %v", out, err)
	}
	if got := tenantOf(issued.Path, ""); got != "configured" {
		t.Errorf("the configured tenant's url is of %s", got)
	}
	must(t, "", "tenant", "disable", "acme", "--data", dir)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"unknown":  {[]string{"nobody"}, `there is no tenant "nobody" in this store: create it with`},
		"disabled": {[]string{"acme"}, connect.ErrTenantDisabled.Error()},
		"bad url": {[]string{"configured", "--config", config, "--public-url", "gw.example"},
			`public_url "gw.example": write scheme and host only`},
	} {
		if out, _, err := run(t, "", append([]string{"tenant", "mcp-url", "--data", dir}, tt.args...)...); err == nil ||
			!strings.Contains(err.Error(), tt.want) || out != "" {
			t.Errorf("%s: %v, printed %q", name, err, out)
		}
	}
	if said := must(t, "", "audit", "--data", dir) + must(t, "", "tenant", "list", "--data", dir); strings.Contains(said,
		strings.TrimPrefix(second, "https://gw.example/platform/v1/mcp/")) || strings.Contains(said, strings.TrimSpace(key)) {
		t.Errorf("a token is shown again: %s", said)
	}
}
