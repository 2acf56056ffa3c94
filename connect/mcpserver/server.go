package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	// The official SDK: the protocol's revisions are its work, and not ours.
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// Options are what the server works on.
type Options struct {
	Manager *manager.Manager
	// Logger receives what no agent can be told; nil discards it.
	Logger *slog.Logger
}

// Server is the MCP server: streamable HTTP, stateless, without a token tool.
type Server struct {
	manager *manager.Manager
	log     *slog.Logger
	handler http.Handler
}

// New returns a server over o.
func New(o Options) *Server {
	s := &Server{manager: o.Manager, log: o.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "vendgate", Title: "Vendgate", Version: "1"}, &mcp.ServerOptions{
		Instructions: instructions,
		// The tools never change: without this, the SDK would let clients hold requests open to hear of
		// changes.
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	s.addTools(server)
	s.handler = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless:    true,
		JSONResponse: true,
		// It protects servers that ask for no key. Behind a proxy on the same machine it would refuse
		// every call.
		DisableLocalhostProtection: true,
	})
	return s
}

const instructions = `Connects the user's accounts with third-party apps.
Find the app with search_apps, create a link with create_connection_link, give the link to the user,
and call check_connection_status until the connection is active.
Credentials never pass through here: the user enters them on the page behind the link.`

// callKey carries the caller of an HTTP request to the tools.
type callKey struct{}

type call struct {
	manager.Caller
	origin string
}

// Serve answers one HTTP request for a caller that was authenticated, identified and paid for.
// origin is where end users reach us.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, c manager.Caller, origin string) {
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, call{c, origin}))
	if r.Method == http.MethodPost { // the SDK refuses any other
		message, refusal := readMessage(w, r)
		if refusal != nil {
			vending.WriteError(w, refusal, nil)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(message))
	}
	s.handler.ServeHTTP(noStore{w}, r)
}

// readMessage reads the body, which is to be one message. A batch, which the protocol has not had
// since its revision of 2025-06-18 and the SDK still takes, would do the work of hundreds of calls
// for the price of one.
func readMessage(w http.ResponseWriter, r *http.Request) ([]byte, *vending.Error) {
	tooLarge := vending.Refuse(vending.RequestTooLarge, fmt.Sprintf("the body may have at most %d bytes", maxBody))
	body, err := httpx.ReadBody(w, r, maxBody)
	switch {
	case errors.Is(err, httpx.ErrTooLarge):
		return nil, tooLarge
	case err != nil:
		return nil, vending.Refuse(vending.InvalidRequest, "the body ended early or is not framed correctly")
	case bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")):
		return nil, vending.Refuse(vending.InvalidRequest, "the body must be one message: batches are not supported")
	}
	return body, nil
}

// noStore keeps an answer out of caches: it depends on who asked. The SDK would only have them
// ask again.
type noStore struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w noStore) WriteHeader(status int) {
	w.Header().Set("Cache-Control", "no-store")
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w noStore) Write(b []byte) (int, error) {
	w.Header().Set("Cache-Control", "no-store")
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush.
func (w noStore) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// callOf returns the call that a tool serves.
func callOf(ctx context.Context) (call, error) {
	c, ok := ctx.Value(callKey{}).(call)
	if !ok {
		return call{}, errors.New("the call has no caller")
	}
	return c, nil
}
