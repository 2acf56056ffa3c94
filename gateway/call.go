package gateway

import (
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// call is one request on its way through the gateway. It is the response writer that ReverseProxy
// writes to, and takes the interim answers.
type call struct {
	http.ResponseWriter

	gateway *Gateway
	// options are the handler's.
	options *HandlerOptions
	// asked is the request as it came, with its body; request may have another one.
	request, asked *http.Request
	target         policy.Target
	// byHost is nil for a call that names its app in the path.
	byHost *hostAddress
	tenant *policy.Tenant
	// caller is nil for a call by tenant key; key is empty for one by caller key, so that no source
	// gets that.
	caller *policy.CallerKey
	key    vending.Secret
	keyIn  keyPlace
	// accepted is the key that was accepted, of either kind.
	accepted     inject.Key
	cut          int // how many bytes of the path held a key, between the app and target.Path
	user         string
	route        *appRoute
	reservations policy.Reservations
	// screened is nil where no rule has to see the body.
	screened *policy.Screen
	// credential is set between the vend and the injection that takes it over.
	credential vending.Credential
	injection  *inject.Injection
	// hops is how the upstream learns through how many gateways the call came.
	hops    []string
	entered bool
	// passthrough leaves the provider's errors as they are.
	passthrough bool
	// tooLarge and malformed say what was wrong with the caller's body; the transport reads it.
	tooLarge, malformed atomic.Bool
	read                atomic.Int64 // of the caller's body, in bytes
	// reverse is the route's, with the call's own buffer.
	reverse httputil.ReverseProxy
	head    responseHead
	event   Event
	// id and serverTiming are the values of headers.
	id, serverTiming [1]string
	// traced says that the request has a span.
	traced bool
}

func (h *Handler) begin(w http.ResponseWriter, r *http.Request, target policy.Target, byHost *hostAddress) *call {
	c := &call{
		ResponseWriter: w, gateway: h.gateway, options: &h.options, target: target, byHost: byHost,
		passthrough: h.options.Passthrough,
	}
	c.event.Start = time.Now()
	c.asked = h.options.Observer.Begin(r, &c.event)
	c.request, c.traced = c.asked, hasSpan(c.asked.Context())
	if c.event.ID == "" {
		c.event.ID = NewRequestID()
	}
	c.id[0] = c.event.ID
	w.Header()[vending.RequestHeader] = c.id[:]
	return c
}

// end tells the observer of the call and forgets its secrets.
func (c *call) end() {
	if c.screened != nil {
		c.screened.Abort()
	}
	c.noteBroken()
	c.reservations.Commit(false)
	if c.entered {
		c.tenant.Usage.Leave()
	}
	if c.injection != nil {
		c.injection.Forget()
	}
	c.credential, c.key, c.accepted = vending.Credential{}, vending.Secret{}, inject.Key{}
	c.event.Read = c.read.Load()
	c.options.Observer.End(c.ResponseWriter, c.request, &c.event)
}

// abort ends a call whose caller has left. There is no one to answer, and what failed was no
// defect.
func (c *call) abort() {
	c.event.Code, c.event.Origin = Aborted, vending.FromGateway
	panic(http.ErrAbortHandler)
}

// failed answers with err, if there is one.
func (c *call) failed(err error) bool {
	if err == nil {
		return false
	}
	if c.request.Context().Err() != nil {
		c.abort()
	}
	c.refuse(vending.AsError(err), nil)
	return true
}
