// Package stdlog keeps what the other side sent out of the standard library's log.
//
// The transport of net/http logs, through the standard logger, the bytes that came on a connection
// beyond an answer: a body behind a HEAD, a 204 or a 304, what a Content-Length was too short for,
// a second answer. From a token endpoint, those are tokens. No option of the transport turns this
// off, so a filter sits in front of whatever the standard logger writes to.
//
// Everybody may set that logger's output, and Caddy does at each load of a configuration, also of
// one that then fails. The filter is therefore put back by [Install] wherever this may have
// happened, every second by [Watch], and by [Conn] before any byte of a connection can be logged.
package stdlog
