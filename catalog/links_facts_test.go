package catalog

import (
	"slices"
	"strings"
	"testing"
)

// Addresses that clients call, as the APIs' own pages, descriptions and libraries have them.
var followedLinks = map[string]struct {
	members []string
	source  string
}{
	// The library calls batch.results_url.
	"anthropic": {[]string{"results_url"}, "https://www.npmjs.com/package/@anthropic-ai/sdk"},
	"asana":     {[]string{"next_page.uri"}, "https://developers.asana.com/docs/pagination"},
	// Upload addresses are on another host, cdn.assemblyai.com, and are sent back as audio_url.
	"assemblyai": {[]string{"next_url", "prev_url"}, "https://www.npmjs.com/package/assemblyai"},
	// The library asks /_apis/ResourceAreas first, and calls what locationUrl says (WebApi.js).
	"azure-devops": {[]string{"locationUrl", "downloadUrl"},
		"https://learn.microsoft.com/en-us/rest/api/azure/devops/build/artifacts/get-artifact"},
	"azure-management": {[]string{"nextLink"}, "https://www.npmjs.com/package/@azure/core-lro"},
	"bannerbear":       {[]string{"self"}, "https://developers.bannerbear.com/v2"},
	"basecamp":         {[]string{"url", "todos_url", "comments_url"}, "https://github.com/basecamp/bc3-api"},
	"bitbucket": {[]string{"next", "href"},
		"https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination"},
	"bitly": {[]string{"pagination.next"},
		"https://www.rubydoc.info/gems/bitly/2.0.2/Bitly/API/Bitlink/PaginatedList"},
	// The library uploads parts to session_endpoints.upload_part.
	"box": {[]string{"session_endpoints.upload_part", "session_endpoints.commit"},
		"https://www.npmjs.com/package/box-node-sdk"},
	"calendly": {[]string{"pagination.next_page"},
		"https://developer.calendly.com/api-docs/overview/api/api-conventions.md"},
	"coda":    {[]string{"nextPageLink", "href"}, "https://coda.io/developers/apis/v1"},
	"datadog": {[]string{"links.next"}, "https://www.npmjs.com/package/@datadog/datadog-api-client"},
	"digitalocean": {[]string{"pages.next", "actions.href"},
		"https://github.com/digitalocean/openapi/blob/main/specification/shared/pages.yml"},
	"docker-hub": {[]string{"next", "previous"}, "https://docs.docker.com/reference/api/hub/latest/"},
	"dynamics-365-business-central": {[]string{"@odata.nextLink", "picture@odata.mediaReadLink"},
		"https://learn.microsoft.com/en-us/dynamics365/business-central/dev-itpro/api-reference/v2.0/"},
	"ebay": {[]string{"href", "next", "prev"},
		"https://developer.ebay.com/api-docs/buy/browse/types/gct:SearchPagedCollection"},
	"eventbrite": {[]string{"resource_uri"}, "https://www.eventbrite.com/platform/api"},
	"exact-online": {[]string{"__next"},
		"https://github.com/NangoHQ/nango/blob/master/packages/providers/providers.yaml"},
	"figma":     {[]string{"pagination.next_page"}, "https://github.com/figma/rest-api-spec"},
	"firecrawl": {[]string{"next"}, "https://www.npmjs.com/package/@mendable/firecrawl-js"},
	"front": {[]string{"_pagination.next", "_links.related.messages"},
		"https://github.com/frontapp/front-api-specs"},
	// Templated: {?name,label}, {archive_format}{/ref}.
	"github": {[]string{"url", "upload_url", "archive_url", "href"},
		"https://www.npmjs.com/package/@octokit/openapi-types"},
	"gitlab": {[]string{"_links.issues", "_links.notes"}, "https://docs.gitlab.com/api/projects/"},
	"google-cloud-storage": {[]string{"selfLink", "mediaLink"},
		"https://storage.googleapis.com/$discovery/rest?version=v1"},
	"google-drive": {[]string{"nextLink", "downloadUrl"},
		"https://www.googleapis.com/discovery/v1/apis/drive/v2/rest"},
	"harvest": {[]string{"links.next", "links.previous"},
		"https://help.getharvest.com/api-v2/introduction/overview/pagination/"},
	"hubspot": {[]string{"paging.next.link"},
		"https://github.com/HubSpot/HubSpot-public-api-spec-collection"},
	"intercom": {[]string{"pages.next", "recording_url"}, "https://github.com/intercom/Intercom-OpenAPI"},
	// The library updates and deletes at self, and reads attachments at content.
	"jira": {[]string{"self", "nextPage", "content"},
		"https://github.com/pycontribs/jira/blob/main/jira/resources.py"},
	"kakao": {[]string{"before_url", "after_url"},
		"https://developers.kakao.com/docs/latest/en/kakaotalk-social/rest-api"},
	"klaviyo-api-key": {[]string{"links.next", "links.related"}, "https://github.com/klaviyo/openapi"},
	"lemon-squeezy": {[]string{"links.next", "links.related"},
		"https://www.npmjs.com/package/@lemonsqueezy/lemonsqueezy.js"},
	"linkedin": {[]string{"uploadUrl"},
		"https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/vector-asset-api"},
	"mailchimp": {[]string{"_links.href"},
		"https://docs.rs/mailchimp/0.1.10/mailchimp/types/struct.LinkType.html"},
	"mailgun": {[]string{"paging.next", "paging.previous"}, "https://www.npmjs.com/package/mailgun.js"},
	"messagebird": {[]string{"links.next", "href"},
		"https://docs.rs/messagebird-async/latest/src/messagebird_async/sms/messagelist.rs.html"},
	"microsoft-graph": {[]string{"@odata.nextLink", "@odata.deltaLink"},
		"https://learn.microsoft.com/en-us/graph/paging"},
	"miro-token": {[]string{"links.next", "imageUrl"}, "https://github.com/miroapp/api-clients"},
	"notion":     {[]string{"upload_url"}, "https://developers.notion.com/reference/file-upload"},
	"npm": {[]string{"tarball"},
		"https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md"},
	"okta": {[]string{"_links.self.href", "_links.deactivate.href"},
		"https://github.com/okta/okta-sdk-nodejs"},
	"openrouter": {[]string{"polling_url", "unsigned_urls"},
		"https://openrouter.ai/docs/guides/overview/multimodal/video-generation"},
	"pagerduty": {[]string{"self"}, "https://github.com/PagerDuty/api-schema"},
	"pandadoc":  {[]string{"links.href"}, "https://www.npmjs.com/package/pandadoc-node-client"},
	"patreon":   {[]string{"links.next", "links.related"}, "https://docs.patreon.com/"},
	"paypal":    {[]string{"links.href"}, "https://github.com/paypal/paypal-rest-api-specifications"},
	"posthog":   {[]string{"next", "previous"}, "https://posthog.com/docs/api"},
	"power-bi": {[]string{"continuationUri"},
		"https://learn.microsoft.com/en-us/rest/api/power-bi/admin/get-activity-events"},
	"readwise":  {[]string{"next", "previous"}, "https://readwise.io/api_deets"},
	"replicate": {[]string{"next", "previous", "urls.cancel"}, "https://www.npmjs.com/package/replicate"},
	// The library calls identity, and id of its answer, at login.salesforce.com (jsforce,
	// lib/connection.js); {version} of the others is filled by the client.
	"salesforce": {[]string{"identity", "id", "urls.rest", "urls.sobjects"},
		"https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm"},
	"sendgrid": {[]string{"_metadata.next"}, "https://github.com/sendgrid/sendgrid-oai"},
	"shippo":   {[]string{"next", "previous"}, "https://www.npmjs.com/package/shippo"},
	"slack-token": {[]string{"url_private_download", "upload_url"},
		"https://github.com/slack-go/slack/blob/v0.36.0/files.go"},
	"spotify": {[]string{"next", "href"}, "https://github.com/sonallux/spotify-web-api"},
	"threads": {[]string{"paging.next"}, "https://developers.facebook.com/docs/graph-api/results"},
	// The library calls meta.next_page_url; next_page_uri is a path.
	"twilio": {[]string{"meta.next_page_url", "url"}, "https://www.npmjs.com/package/twilio"},
	"typeform": {[]string{"file_url", "_links.responses"},
		"https://www.npmjs.com/package/@typeform/api-client"},
	"unsplash":    {[]string{"links.download_location"}, "https://unsplash.com/documentation"},
	"uptimerobot": {[]string{"nextLink"}, "https://uptimerobot.com/api/v3/"},
	"virustotal": {[]string{"links.next", "data"},
		"https://github.com/VirusTotal/vt-py/blob/master/vt/client.py"},
	"vonage": {[]string{"_links.next.href"},
		"https://developer.vonage.com/api/v1/developer/api/file/application.v2?format=json&vendorId=vonage"},
	"webex": {[]string{"files"}, "https://developer.webex.com/docs/api/v1/messages"},
	// A medium is downloaded at the url that its id gives, on another host and with the token.
	"whatsapp-cloud": {[]string{"paging.next", "url"},
		"https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media"},
	"workable": {[]string{"paging.next"}, "https://workable.readme.io/reference/pagination"},
	// The library follows both kinds of paging.
	"zendesk": {[]string{"next_page", "links.next", "after_url"}, "https://www.npmjs.com/package/node-zendesk"},
}

// TestLinksOfSalesforce: orgs differ in their hosts, and in nothing that clients call.
func TestLinksOfSalesforce(t *testing.T) {
	apps := embedded(t)
	want := apps["salesforce"].Links.Members
	for _, slug := range []string{"salesforce-sandbox", "salesforce-developer"} {
		if links := apps[slug].Links; links == nil || !slices.Equal(links.Members, want) {
			t.Errorf("%s: links are %v, want members %q", slug, links, want)
		}
	}
}

func TestFactsOfFollowedLinks(t *testing.T) {
	apps := embedded(t)
	for slug, want := range followedLinks {
		if !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: no source", slug)
		}
		for _, name := range want.members {
			if app := apps[slug]; app == nil || app.Links == nil || !slices.Contains(app.Links.Members, name) {
				t.Errorf("%s: links.members lacks %s", slug, name)
			}
		}
	}
}

// Response headers other than Location, Content-Location and Link.
var followedHeaders = map[string]struct {
	headers []string
	source  string
}{
	"azure-ai-services": {[]string{"Operation-Location"},
		"https://learn.microsoft.com/en-us/javascript/api/@azure-rest/ai-document-intelligence/analyzedocument202headers"},
	"azure-management": {[]string{"Azure-AsyncOperation", "Operation-Location"},
		"https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations"},
	"gemini": {[]string{"X-Goog-Upload-URL", "X-Goog-Upload-Control-URL"},
		"https://www.npmjs.com/package/@google/genai"},
	// Ruby's library uploads media of every Google API in this way.
	"google-drive": {[]string{"X-Goog-Upload-URL"},
		"https://github.com/googleapis/google-api-ruby-client/blob/main/google-apis-core/lib/google/apis/core/upload.rb"},
}

func TestFactsOfFollowedHeaders(t *testing.T) {
	apps := embedded(t)
	for slug, want := range followedHeaders {
		if !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: no source", slug)
		}
		for _, name := range want.headers {
			if app := apps[slug]; app == nil || app.Links == nil || !slices.Contains(app.Links.Headers, name) {
				t.Errorf("%s: links.headers lacks %s", slug, name)
			}
		}
	}
}

// Addresses that clients send back to the provider, which knows them by its own host alone, that
// people open, or that clients fetch without a credential.
var leftLinks = map[string]struct {
	members []string
	source  string
}{
	// Work items are linked by their url: {"rel": …, "url": …}.
	"azure-devops": {[]string{"url"},
		"https://learn.microsoft.com/en-us/rest/api/azure/devops/wit/work-items/update"},
	"azure-ai-services": {[]string{"self"},
		"https://learn.microsoft.com/en-us/azure/ai-services/speech-service/batch-transcription-create"},
	"calendly": {[]string{"uri", "user", "organization", "owner"},
		"https://developer.calendly.com/api-docs/api-conventions"},
	"freeagent": {[]string{"url", "contact"}, "https://dev.freeagent.com/docs/invoices"},
	"gemini":    {[]string{"uri"}, "https://ai.google.dev/api/files"},
	// A pull request's is its page.
	"gitea":  {[]string{"url", "html_url"}, "https://github.com/go-gitea/gitea/blob/main/services/convert/pull.go"},
	"github": {[]string{"html_url", "download_url", "target_url"}, "https://docs.github.com/en/rest"},
	// A release's is a page: https://gitlab.example.com/root/awesome-app/-/releases/v0.1.
	"gitlab":       {[]string{"_links.self", "self", "web_url"}, "https://docs.gitlab.com/api/releases/"},
	"hugging-face": {[]string{"href", "upload.href"}, "https://www.npmjs.com/package/@huggingface/hub"},
	"microsoft-graph": {[]string{"@odata.id", "@odata.context", "webUrl"},
		"https://learn.microsoft.com/en-us/graph/api/group-post-members"},
	// The library sends a file's urls.get as input of a prediction.
	"replicate": {[]string{"urls.get", "urls.web"}, "https://www.npmjs.com/package/replicate"},
	// A file link's is opened by people.
	"stripe": {[]string{"url"}, "https://docs.stripe.com/api/file_links/object"},
	"typeform": {[]string{"href", "theme.href", "workspace.href"},
		"https://www.npmjs.com/package/@typeform/api-client"},
	"zendesk": {[]string{"html_url", "content_url"},
		"https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/"},
}

func TestFactsOfLeftLinks(t *testing.T) {
	apps := embedded(t)
	for slug, left := range leftLinks {
		app := apps[slug]
		if app == nil || !strings.HasPrefix(left.source, "https://") {
			t.Errorf("%s: no app or no source", slug)
			continue
		}
		for _, name := range left.members {
			if app.Links != nil && slices.Contains(app.Links.Members, name) {
				t.Errorf("%s: links.members has %s, which has to stay as it is", slug, name)
			}
		}
	}
}

// TestLinksOfTwins: what is one API has the same pages, by whatever name and credential.
func TestLinksOfTwins(t *testing.T) {
	apps := embedded(t)
	for slug, app := range apps {
		if app.Upstream == "https://graph.microsoft.com" &&
			(app.Links == nil || !slices.Contains(app.Links.Members, "@odata.nextLink")) {
			t.Errorf("%s: links.members lacks @odata.nextLink", slug)
		}
		for _, suffix := range []string{"-token", "-api-key", "-app-password", "-api-token", "-access-key"} {
			twin := apps[strings.TrimSuffix(slug, suffix)]
			if twin == nil || twin == app || (twin.Links == nil) == (app.Links == nil) {
				continue
			}
			t.Errorf("%s and %s: only one of them has links", slug, twin.Slug)
		}
	}
}
