package pipedream

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxProxyError bounds, in bytes, an error of the proxy's own; those seen have below a hundred.
const maxProxyError = 4 << 10

var errHeader = errors.New("the proxy of Pipedream refused a header of the request")

// ownTimeout bounds the wait for a body that may hold such an error.
const ownTimeout = 2 * time.Second

// own returns the error that an answer of the proxy's own means, or the answer, which reads as it
// came. The proxy passes an upstream's answer on as it is, so that only the spelling tells; what is
// not known is the upstream's.
func own(res *http.Response) (*http.Response, error) {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case !slices.Contains([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}, res.StatusCode),
		media != "application/json", res.ContentLength > maxProxyError, res.Header.Get("Content-Encoding") != "":
		return res, nil
	}
	res, head := httpx.Peek(res, maxProxyError+1, ownTimeout) // a body that is cut short is no JSON
	if err := spelled(head); err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return res, nil
}

// spelled knows the errors of the proxy that are public: PipedreamHQ/pipedream issue 18638 (account
// and user mismatch), the community's thread 13445 (a domain that is not allowed), issue 20400 (an
// app that the proxy does not serve) and docs, Connect API proxy, "Restricted headers".
func spelled(body []byte) error {
	var answer struct {
		Error           json.RawMessage `json:"error"`
		Account, Domain json.RawMessage
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil //nolint:nilerr // it is not one of the proxy's errors
	}
	var text string
	if json.Unmarshal(answer.Error, &text) == nil {
		switch lower := strings.ToLower(text); {
		case lower == "app record not found":
			return noProxy("the proxy of Pipedream does not serve the app")
		case strings.HasPrefix(lower, "unsupported header"):
			return vending.Errorf(vending.InternalError, errHeader)
		}
		return nil
	}
	if present(answer.Error) {
		answer.Account, answer.Domain = nil, nil
		_ = json.Unmarshal(answer.Error, &answer) // an object of the same members
	}
	switch {
	case saysAny(answer.Account, "account and user mismatch"):
		return vending.Errorf(vending.ConnectionDeleted, nil)
	case saysAny(answer.Domain, "not allowed for this app"):
		return noProxy("the proxy of Pipedream does not call that host for the app")
	}
	return nil
}

// saysAny reports whether a list of texts has one that is want.
func saysAny(list json.RawMessage, want string) bool {
	var texts []string
	if json.Unmarshal(list, &texts) != nil {
		return false
	}
	for _, text := range texts {
		if strings.EqualFold(text, want) {
			return true
		}
	}
	return false
}
