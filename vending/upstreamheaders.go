package vending

import (
	"net/http"
	"slices"
	"strings"
)

// The bounds of [UpstreamHeaders]: how many of each kind, and bytes of a name and of a value.
const (
	maxUpstreamHeaders = 16
	maxUpstreamName    = 64
	maxUpstreamValue   = 256
)

// idParts are what the names of headers with the id of a request have in them, without "-" and "_",
// as providers write them: X-Request-Id, request-id, x-amzn-RequestId, X-GitHub-Request-Id,
// sprequestguid, X-Slack-Req-Id, X-B3-TraceId, X-Cloud-Trace-Context, traceparent,
// X-Correlation-Id, X-Transaction-Id, intuit_tid, CF-RAY, x-amz-id-2, X-Amz-Cf-Id, PayPal-Debug-Id,
// X-FB-Debug, X-Tt-Logid, x-ms-activity-id, X-LI-UUID, X-GUploader-UploadID, x-vercel-id,
// x-zm-trackingid and Webex's TrackingID, X-DocuSign-TraceToken.
var idParts = []string{
	"requestid", "requestguid", "requestuuid", "reqid", "traceid", "tracecontext", "traceparent", "correlationid",
	"transactionid",
	"operationid", "activityid", "intuittid", "cfray", "amzid2", "amzcfid", "debugid", "fbdebug", "logid", "errorid",
	"liuuid",
	"uploaderuploadid", "vercelid", "uniqueid", "eventid",
	"trackingid", "tracetoken",
}

// quotaParts are the same of headers that say what is left of a quota, and when there is more:
// RateLimit-Policy, X-RateLimit-Remaining, x-ratelimit-reset-tokens, X-Rate-Limit-Reset,
// anthropic-ratelimit-*, X-Shopify-Shop-Api-Call-Limit, Sforce-Limit-Info, X-Quota-*,
// X-MinLimit-Remaining, X-Remaining-Today, x-ms-throttle-*, Retry-After and retry-after-ms,
// x-ms-retry-after-ms, X-ESI-Error-Limit-Reset, Backoff (Zotero), Stripe-Should-Retry.
var quotaParts = []string{
	"ratelimit", "calllimit", "limitinfo", "quota", "throttl", "remaining", "retryafter", "xlimit", "concurrencylimit",
	"errorlimit",
	"backoff", "shouldretry",
}

// quotaEnds end such names: X-App-Usage, X-Business-Use-Case-Usage, X-Shopify-Api-Limit.
var quotaEnds = []string{"usage", "limit"}

// UpstreamHeaders returns what of a provider's headers helps to wait, or to ask its support, after
// an error: request ids and quotas, by lower-case name. They are told by parts of their names, for
// each provider has its own. There are at most 16 of each kind, with at most 256 bytes of each
// value; several values are joined by ", " (RFC 9110, section 5.3). h must have been cleaned of
// credentials. The result is nil if there are none.
func UpstreamHeaders(h http.Header) map[string]string {
	var ids, quotas []string
	for name := range h {
		switch folded := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name)); {
		case len(name) > maxUpstreamName:
		case hasPart(folded, idParts):
			ids = append(ids, name)
		case hasPart(folded, quotaParts), hasEnd(folded, quotaEnds):
			quotas = append(quotas, name)
		}
	}
	if len(ids)+len(quotas) == 0 {
		return nil
	}
	found := make(map[string]string, len(ids)+len(quotas))
	for _, names := range [][]string{ids, quotas} {
		slices.Sort(names) // so that the bound leaves out the same ones each time
		for _, name := range names[:min(len(names), maxUpstreamHeaders)] {
			found[strings.ToLower(name)] = bounded(strings.Join(h[name], ", "))
		}
	}
	return found
}

// bounded cuts a value, between characters.
func bounded(value string) string {
	return strings.ToValidUTF8(value[:min(len(value), maxUpstreamValue)], "")
}

func hasPart(name string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(name, part) })
}

func hasEnd(name string, ends []string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(name, end) })
}
