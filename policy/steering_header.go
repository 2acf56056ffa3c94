package policy

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// checkHeaders refuses headers that name another resource than the path, where rules bind paths, or
// what the app's entry declares. It returns the methods that the others ask for.
func (s *Steering) checkHeaders(h http.Header, scope scope) (overrides []string, err error) {
	for name, values := range h {
		if common[name] && len(s.headers) == 0 {
			continue
		}
		folded := lenient.Header(name)
		switch {
		case overridesMethod(folded):
			for _, value := range values {
				methods, ok := methodsOf(value)
				if !ok {
					return nil,
						vending.Refuse(vending.PolicyDenied, "the header "+name+" holds no method that can be compared with the rules")
				}
				overrides = append(overrides, methods...)
			}
		case s.headers[folded]:
			return nil, refuseSteering("request", "the header", name)
		case scope.paths && namesResource(folded):
			return nil, vending.Refuse(vending.InvalidRequest,
				"the header "+name+" names a second resource, which cannot be compared with the rules' paths: leave it out")
		}
	}
	return overrides, nil
}

// common are headers that need no look, unless an entry declares some; nearly every request has
// them.
var common = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Authorization": true, "Connection": true,
	"Content-Length": true,
	"Content-Type":   true, "User-Agent": true, "X-User-Email": true, "X-Vendgate-Key": true, "Host": true,
}

// overridesMethod reports whether servers take the method from a header of that folded name.
func overridesMethod(folded string) bool {
	switch folded {
	case "x-http-method", "http-method", "x-method", "x-http-verb", "x-original-method", "x-real-method",
		"x-request-method", "request-method", "x-tunneled-method":
		return true
	}
	return strings.Contains(folded, "overrid") && (strings.Contains(folded, "method") || strings.Contains(folded, "verb"))
}

// methodsOf reads a list of methods, each of which may be the one that counts.
func methodsOf(value string) (methods []string, ok bool) {
	for method := range strings.SplitSeq(value, ",") {
		method = strings.Trim(method, " \t")
		if method == "" || strings.ContainsFunc(method, func(r rune) bool { return !isMethodRune(r) }) {
			return nil, false
		}
		methods = append(methods, method)
	}
	return methods, true
}

func isMethodRune(r rune) bool {
	return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || r == '-' || r == '_'
}

// resourceNames are parts of the folded names of headers that name a resource besides the path:
// sources and destinations of copies (WebDAV, RFC 4918, section 10.3; S3, GCS, Azure, OSS, COS,
// OBS, Swift), links to other objects, parts of an upload (tus), and a base to call instead.
var resourceNames = []string{
	"copy-source", "copy-from", "rename-source", "move-source", "source-copy", "destination", "symlink-target",
	"object-manifest",
	"upload-concat", "url-override", "uri-override",
}

func namesResource(folded string) bool {
	for _, part := range resourceNames {
		if strings.Contains(folded, part) {
			return true
		}
	}
	return false
}

// notInTrailers are fields that a recipient may act on before a trailer comes, so that a sender
// must not put them there (RFC 9110, section 6.5.1): framing, routing, conditions, authentication,
// content.
var notInTrailers = map[string]bool{
	"age": true, "authorization": true, "cache-control": true, "content-encoding": true, "content-length": true,
	"content-range": true,
	"content-type":  true, "cookie": true, "expect": true, "forwarded": true, "from": true, "host": true, "if-match": true,
	"if-modified-since": true, "if-none-match": true, "if-range": true, "if-unmodified-since": true, "max-forwards": true,
	"origin": true,
	"pragma": true, "range": true, "referer": true, "te": true, "trailer": true, "transfer-encoding": true,
	"upgrade": true, "via": true,
}

// MayTrail reports whether a trailer of that name may go to the app: not if it is a field of the
// header alone, nor one that could name another request.
func (s *Steering) MayTrail(name string) bool {
	folded := lenient.Header(name)
	return !notInTrailers[folded] && !overridesMethod(folded) && !namesResource(folded) && !s.headers[folded]
}
