package catalog

import (
	"slices"
	"strings"
	"testing"
)

// regionsOf are the hosts of an app whose customers live in one of several regions: the first is
// the one from before there was a choice, where connections without the field still go.
var regionsOf = map[string]struct {
	field  string
	hosts  map[string]string
	older  string
	source string
}{
	// What was sent to the EU stays there, and is found there alone.
	"assemblyai": {"api_host", same("api.assemblyai.com", "api.eu.assemblyai.com"), "api.assemblyai.com",
		"https://github.com/AssemblyAI/assemblyai-api-spec"},
	"contentful": {"api_host", same("api.contentful.com", "api.eu.contentful.com"), "api.contentful.com",
		"https://www.contentful.com/developers/docs/references/content-management-api/"},
	"dashscope": {"api_host", same("dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com", "dashscope-us.aliyuncs.com"),
		"dashscope-intl.aliyuncs.com", "https://www.alibabacloud.com/help/en/model-studio/regions/"},
	// A key belongs to one residency, as those of Honeycomb, LaunchDarkly and Snyk do to one region:
	// the others answer 401, so that it could not be connected.
	"elevenlabs": {"api_host", same("api.elevenlabs.io", "api.us.elevenlabs.io", "api.eu.residency.elevenlabs.io",
		"api.in.residency.elevenlabs.io", "api.sg.residency.elevenlabs.io"), "api.elevenlabs.io",
		"https://elevenlabs.io/docs/overview/administration/data-residency"},
	"gocardless": {"api_host", same("api.gocardless.com", "api-sandbox.gocardless.com"), "api.gocardless.com",
		"https://developer.gocardless.com/api-reference/"},
	"honeycomb": {"api_host", same("api.honeycomb.io", "api.eu1.honeycomb.io"), "api.honeycomb.io",
		"https://api-docs.honeycomb.io/api"},
	"intercom": {"api_host", same("api.intercom.io", "api.eu.intercom.io", "api.au.intercom.io"), "api.intercom.io",
		"https://developers.intercom.com/docs/build-an-integration/learn-more/rest-apis"},
	"launchdarkly": {"api_host", same("app.launchdarkly.com", "app.eu.launchdarkly.com", "app.launchdarkly.us"),
		"app.launchdarkly.com",
		"https://launchdarkly.com/docs/api"},
	"mailgun": {"api_host", same("api.mailgun.net", "api.eu.mailgun.net"), "api.mailgun.net",
		"https://documentation.mailgun.com/docs/mailgun/api-reference/api-overview"},
	"mixpanel": {"api_host", same("mixpanel.com", "eu.mixpanel.com", "in.mixpanel.com"), "mixpanel.com",
		"https://docs.mixpanel.com/docs/privacy/eu-residency"},
	"mixpanel-ingestion": {"api_host", same("api.mixpanel.com", "api-eu.mixpanel.com", "api-in.mixpanel.com"),
		"api.mixpanel.com",
		"https://docs.mixpanel.com/docs/privacy/eu-residency"},
	// Keys of one are unknown to the other.
	"moonshot-ai": {"api_host", same("api.moonshot.cn", "api.moonshot.ai"), "api.moonshot.cn",
		"https://platform.moonshot.ai/docs"},
	"pagerduty": {"api_host", same("api.pagerduty.com", "api.eu.pagerduty.com"), "api.pagerduty.com",
		"https://support.pagerduty.com/main/docs/service-regions"},
	"segment": {"api_host", same("api.segmentapis.com", "eu1.api.segmentapis.com"), "api.segmentapis.com",
		"https://docs.segmentapis.com/"},
	"sendgrid": {"api_host", same("api.sendgrid.com", "api.eu.sendgrid.com"), "api.sendgrid.com",
		"https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/authentication"},
	"sentry-token": {"api_host", same("sentry.io", "us.sentry.io", "de.sentry.io"), "sentry.io",
		"https://docs.sentry.io/api/requests/"},
	"smartsheet": {"domain",
		map[string]string{"com": "api.smartsheet.com", "eu": "api.smartsheet.eu", "au": "api.smartsheet.au"},
		"api.smartsheet.com", "https://developers.smartsheet.com/api/smartsheet/introduction"},
	"snyk": {"api_host", same("api.snyk.io", "api.us.snyk.io", "api.eu.snyk.io", "api.au.snyk.io"), "api.snyk.io",
		"https://docs.snyk.io/snyk-data-and-governance/regional-hosting-and-data-residency"},
	// The responses of an account in the EU are empty elsewhere.
	"typeform": {"api_host", same("api.typeform.com", "api.eu.typeform.com"), "api.typeform.com",
		"https://www.typeform.com/developers/get-started/responses-data-center"},
	"wrike-token": {"api_host", same("www.wrike.com", "app-us2.wrike.com", "app-eu.wrike.com"), "www.wrike.com",
		"https://developers.wrike.com/overview/"},
}

func same(hosts ...string) map[string]string {
	m := map[string]string{}
	for _, h := range hosts {
		m[h] = h
	}
	return m
}

func TestFactsOfRegions(t *testing.T) {
	apps := embedded(t)
	for slug, want := range regionsOf {
		app := apps[slug]
		if app == nil || !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: no app, or no source", slug)
			continue
		}
		i := slices.IndexFunc(app.Fields, func(f Field) bool { return f.Name == want.field })
		if i < 0 || len(app.Fields[i].Options) != len(want.hosts) || app.Needs(want.field) {
			t.Errorf("%s: the region lacks one of %v, or must be entered", slug, app.Fields)
			continue
		}
		if got := app.FilledHost(func(string) (string, bool) { return "", false }); got != want.older {
			t.Errorf("%s: a connection without a region is called at %s, want %s", slug, got, want.older)
		}
		for value, host := range want.hosts {
			got := app.FilledHost(func(name string) (string, bool) { return value, name == want.field })
			if got != host || !slices.Contains(app.Fields[i].Options, value) {
				t.Errorf("%s: %s is called at %s, want %s", slug, value, got, host)
			}
		}
	}
}

// TestFactsOfZoho has the data centres of
// https://www.zoho.com/accounts/protocol/oauth/multi-dc.html: the Canadian one has another domain
// in every service but the shared API's, https://www.zohoapis.ca.
func TestFactsOfZoho(t *testing.T) {
	for slug, app := range embedded(t) {
		if !strings.HasPrefix(slug, "zoho-") {
			continue
		}
		i := slices.IndexFunc(app.Fields, func(f Field) bool { return f.Name == "region" })
		if i < 0 {
			t.Errorf("%s: the data centre cannot be chosen", slug)
			continue
		}
		for _, region := range []string{"com", "eu", "in", "com.au", "jp", "ca", "sa", "uk", "com.cn", "ae"} {
			if !slices.Contains(app.Fields[i].Options, region) {
				t.Errorf("%s: no data centre %s", slug, region)
			}
		}
		host := app.FilledHost(func(string) (string, bool) { return "ca", true })
		if host != "www.zohoapis.ca" && !strings.HasSuffix(host, ".zohocloud.ca") ||
			app.ProviderHost("accounts.zoho.ca") != "accounts.zohocloud.ca" {
			t.Errorf("%s: in Canada it is called at %s, its tokens at %s", slug, host, app.ProviderHost("accounts.zoho.ca"))
		}
	}
}

// TestFactsOfServiceDeskPlus has the data centres of
// https://www.manageengine.com/products/service-desk/sdpod-v3-api/getting-started/data-centers.html.
func TestFactsOfServiceDeskPlus(t *testing.T) {
	app := embedded(t)["manageengine-servicedesk-plus"]
	for region, want := range map[string]string{
		"com": "sdpondemand.manageengine.com", "eu": "sdpondemand.manageengine.eu", "in": "sdpondemand.manageengine.in",
		"com.cn": "servicedeskplus.cn", "com.au": "servicedeskplus.net.au", "jp": "servicedeskplus.jp",
		"ca": "servicedeskplus.ca",
		"uk": "servicedeskplus.uk", "sa": "servicedeskplus.sa",
	} {
		if got := app.FilledHost(func(string) (string, bool) { return region, true }); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
