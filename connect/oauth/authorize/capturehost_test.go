package authorize

import (
	"net/url"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

func embedded(t *testing.T, slug string) *catalog.App {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	app, ok := c.App(slug)
	if !ok {
		t.Fatalf("no app %s", slug)
	}
	return app
}

// TestCapturedHosts has the hosts that providers name, against the catalog's own entries.
// Salesforce keeps sandboxes, scratch and demonstration orgs below names of their own
// (https://help.salesforce.com/s/articleView?id=xcloud.domain_name_url_formats.htm, "My Domain URL
// Formats"). Orgs of the US Department of Defense are below salesforce.mil, some others below
// my-salesforce.com and cloudforce.com (forcedotcom/sfdx-core, src/util/sfdcUrl.ts), and those
// without a My Domain have an instance's host, https://eu55.salesforce.com
// (https://help.salesforce.com/s/articleView?id=xcloud.domain_name_setting_login_policy.htm).
func TestCapturedHosts(t *testing.T) {
	s := newStage(t, granted)
	for _, c := range []struct{ slug, says, want string }{
		{"salesforce", "https://acme.my.salesforce.com", "acme"},
		{"salesforce", "https://acme.my.salesforce.com/", "acme"},
		{"salesforce", "https://ACME.My.Salesforce.COM", "acme"},
		{"salesforce", "HTTPS://acme.my.salesforce.com:443/", "acme"},
		{"salesforce", " https://acme.my.salesforce.com. ", "acme"},
		{"salesforce", "https://orgfarm-0a1b-dev-ed.develop.my.salesforce.com", "orgfarm-0a1b-dev-ed.develop"},
		{"salesforce", "https://acme.demo.my.salesforce.com", "acme.demo"},
		{"salesforce", "https://Brave-Fox.trailblaze.my.salesforce.com", "brave-fox.trailblaze"},
		{"salesforce", "https://acme--uat.sandbox.my.salesforce.com", "acme--uat.sandbox"},
		{"salesforce", "https://acme.scratch.my.salesforce.com", "acme.scratch"},
		{"salesforce", "https://acme.patch.my.salesforce.com", "acme.patch"},
		{"salesforce", "https://acme.stage.my.salesforce.com", "acme.stage"},
		{"salesforce", "https://acme.my.salesforce.mil", "acme.my.salesforce.mil"},
		{"salesforce", "https://ACME--uat.Sandbox.my.salesforce.MIL:443/", "acme--uat.sandbox.my.salesforce.mil"},
		{"salesforce", "https://na1.salesforce.com", "na1.salesforce.com"},
		{"salesforce", "https://acme.my-salesforce.com", "acme.my-salesforce.com"},
		{"salesforce", "https://acme.cloudforce.com", "acme.cloudforce.com"},
		{"salesforce", "https://acme.my.salesforce.mil.evil.example", ""},
		{"salesforce", "https://evilsalesforce.com", ""},
		{"salesforce", "https://salesforce.com", ""},
		{"salesforce", "https://na1.salesforce.com:8443", ""},
		{"salesforce", "https://na1.salesforce.com/x", ""},
		{"salesforce", "https://a@na1.salesforce.com", ""},
		{"salesforce", "https://evil.example#.salesforce.com", ""},
		{"salesforce", "https://evil.example/.salesforce.com", ""},
		{"salesforce", "https://xn--a.salesforce.com", ""},
		{"salesforce", "http://na1.salesforce.com", ""},
		{"salesforce", "https://acme.my.salesforce.com.evil.example", ""},
		{"salesforce", "https://evil.example/.my.salesforce.com", ""},
		{"salesforce", "https://evil.example#.my.salesforce.com", ""},
		{"salesforce", "https://evil.example?.my.salesforce.com", ""},
		{"salesforce", "https://a@acme.my.salesforce.com", ""},
		{"salesforce", "https://acme..my.salesforce.com", ""},
		{"salesforce", "https://acme.my.salesforce.com:8443", ""},
		{"salesforce", "http://acme.my.salesforce.com", ""},
		{"salesforce-sandbox", "https://Acme--UAT.sandbox.my.salesforce.com/", "acme--uat"},
		{"salesforce-sandbox", "https://acme.scratch.my.salesforce.com", "acme.scratch.my.salesforce.com"},
		{"salesforce-sandbox", "https://acme--uat.my.salesforce.com", "acme--uat.my.salesforce.com"},
		{"salesforce-sandbox", "https://cs42.salesforce.com", "cs42.salesforce.com"},
		{"salesforce-sandbox", "https://acme--uat.sandbox.my.salesforce.mil", "acme--uat.sandbox.my.salesforce.mil"},
		{"salesforce-sandbox", "https://evil.example", ""},
		{"docusign", "https://NA3.docusign.net", "na3"},
		{"docusign", "https://eu.docusign.net:443/", "eu"},
		{"docusign", "https://evil.example", ""},
	} {
		app := embedded(t, c.slug)
		got, err := s.value(app, app.OAuth2.Capture[0], c.says)
		if got != c.want {
			t.Errorf("%s, %s: %q, %v", c.slug, c.says, got, err)
		}
		if c.want == "" {
			if p := s.mustBe(t, err, UnsupportedAccount); strings.Contains(p.Message(), "did not say") ||
				strings.Contains(p.Message(), "evil") {
				t.Errorf("%s: it says %q", c.says, p.Message())
			}
			continue
		}
		v := connect.GrantValues{AccessToken: "canary", Fields: fields(app.OAuth2.Capture[0].Field, got)}
		if err := checkPlaced(app, v, nil); err != nil {
			t.Errorf("%s, %s cannot be called: %v", c.slug, c.says, err)
		}
		_, slotted, _ := strings.Cut(app.Upstream, "://")
		called, err := inject.Endpoint(app, "https://"+strings.TrimSuffix(slotted, "/restapi"), func(string) (string, bool) {
			return got, true
		})
		if want := plainAddress(c.says); err != nil || called != strings.TrimSuffix(want, "/") {
			t.Errorf("%s, %s is called at %s, %v", c.slug, c.says, called, err)
		}
	}
	if !strings.Contains(s.log.String(), "widen the capture's pattern") ||
		strings.Contains(s.log.String(), "evil.example") {
		t.Errorf("the log: %s", s.log)
	}
}

// TestSnowflakeAccount: account locators have the region and the cloud in them
// (https://docs.snowflake.com/en/user-guide/admin-account-identifier).
func TestSnowflakeAccount(t *testing.T) {
	app := embedded(t, "snowflake")
	for value, want := range map[string]bool{
		"acme.cn-north-1.snowflakecomputing.cn": true, "acme.snowflakecomputing.cn.evil.example/": false, "acme-prod": true,
		"xy12345.us-east-2.aws": true, "acme-prod.privatelink": true, "evil.example/": false, "": false,
	} {
		client := connect.OAuthClient{ID: "id", Secret: vending.NewSecret("s"),
			Fields: []connect.ClientField{{Name: "account", Value: vending.NewSecret(value)}}}
		if err := CheckClient(app, client); (err == nil) != want {
			t.Errorf("%q: %v", value, err)
		}
	}
	f := app.Fields[0]
	if got, _ := normalize(app, f,
		"https://XY12345.us-east-2.aws.snowflakecomputing.com/console"); got != "xy12345.us-east-2.aws" {
		t.Errorf("a pasted address means %q", got)
	}
	if got := Around(app, f); got != "acme.snowflakecomputing.com" {
		t.Errorf("the form shows %q", got)
	}
}

// TestEnteredHosts: a value may be the whole host where a provider has several, as it is pasted or
// typed. Azure's resources have hosts by kind and by cloud, and regional ones
// (https://learn.microsoft.com/azure/ai-services/cognitive-services-custom-subdomains), Vertex AI
// has a global endpoint and two of multi-regions
// (https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations).
func TestEnteredHosts(t *testing.T) {
	for _, c := range []struct{ slug, field, given, called string }{
		{"azure-ai-services", "resource", "acme", "acme.cognitiveservices.azure.com"},
		{"azure-ai-services", "resource", "https://acme.openai.azure.com/", "acme.openai.azure.com"},
		{"azure-ai-services", "resource", "Acme.services.ai.azure.com", "acme.services.ai.azure.com"},
		{"azure-ai-services", "resource", "https://eastus.api.cognitive.microsoft.com/openai/v1",
			"eastus.api.cognitive.microsoft.com"},
		{"azure-ai-services", "resource", "https://acme.cognitiveservices.azure.us", "acme.cognitiveservices.azure.us"},
		{"azure-ai-services", "resource", "https://a.b.openai.azure.com", ""},
		{"azure-ai-services", "resource", "https://acme.openai.azure.com.evil.example", ""},
		{"azure-ai-services", "resource", "https://openai.azure.com", ""},
		{"google-vertex-ai", "region", "europe-west4", "europe-west4-aiplatform.googleapis.com"},
		{"google-vertex-ai", "region", "https://aiplatform.googleapis.com", "aiplatform.googleapis.com"},
		{"google-vertex-ai", "region", "aiplatform.eu.rep.googleapis.com", "aiplatform.eu.rep.googleapis.com"},
		{"google-vertex-ai", "region", "evil.aiplatform.googleapis.com", ""},
		{"jira-api-token", "site", "https://acme.atlassian-us-gov-mod.net/jira", "acme.atlassian-us-gov-mod.net"},
		{"jira-api-token", "site", "acme.jira.com", "acme.jira.com"},
		{"confluence-api-token", "subdomain", "acme.atlassian-us-gov-mod.net", "acme.atlassian-us-gov-mod.net"},
	} {
		app := embedded(t, c.slug)
		f, _ := fieldNamed(app, c.field)
		value, problem := normalize(app, f, c.given)
		_, slotted, _ := strings.Cut(app.Upstream, "://")
		called, err := inject.Endpoint(app, "https://"+slotted, func(string) (string, bool) { return value, true })
		if problem != nil || (err == nil) != (c.called != "") || err == nil && called != "https://"+c.called {
			t.Errorf("%s, %s: %q is called at %s, %v, %v", c.slug, c.given, value, called, problem, err)
		}
	}
}

// TestPatternlessCapture: without a pattern a value is taken as it came.
func TestPatternlessCapture(t *testing.T) {
	s := newStage(t, granted)
	app := s.captures()
	for _, says := range []string{"HTTPS://Acme.example.com/", " x ", "https://%zz"} {
		if got, err := s.value(app, catalog.Capture{Field: "realm", From: catalog.CaptureCallback}, says); got != says ||
			err != nil {
			t.Errorf("%q: %q, %v", says, got, err)
		}
	}
	if _, err := url.Parse(plainAddress("https://%zz")); err == nil {
		t.Error("an address that cannot be read was changed")
	}
}
