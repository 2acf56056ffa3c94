// Package gateway serves one request, by net/http alone: it finds out who calls, holds the call
// against what bounds it, vends a credential, injects it, forwards the call and maps the answer.
// [Handler.Serve] is these steps in their order.
//
// It knows nothing of a web server, a configuration, metrics or a database: they are put around it,
// and learn of a call from its [Event] by an [Observer]. It must never keep what was vended, nor
// let any of it into an error, a log or an event.
package gateway
