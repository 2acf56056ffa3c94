package vendgate

// Reason is the rule by which a URL is refused.
type Reason string

// The reasons.
const (
	// ReasonHost is a host, a scheme or a port that is not one of the app's.
	ReasonHost Reason = "host"
	// ReasonPath is a path outside of what the app has at that host.
	ReasonPath Reason = "path"
	// ReasonAccount is a host or path of another account than the connection's.
	ReasonAccount Reason = "account"
	// ReasonGateway is a URL of the gateway that is not of this connection.
	ReasonGateway Reason = "gateway"
	// ReasonDots is a path with dot segments, which servers on the way may resolve.
	ReasonDots Reason = "dots"
	// ReasonURL is a URL that is not valid, or holds user info.
	ReasonURL Reason = "url"
)

// RefusedError says that a request, or a redirect, led to a URL that is not the app's. Nothing
// was sent there. http.Client wraps it in a *url.Error.
type RefusedError struct {
	Reason Reason
	// Message says what to do. It names the host, and holds neither query nor key.
	Message string
}

func (e *RefusedError) Error() string { return e.Message }

func refuse(reason Reason, message string) error {
	return &RefusedError{Reason: reason, Message: message + ": nothing was sent there"}
}
