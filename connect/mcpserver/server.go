package mcpserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	// The official SDK: the protocol's revisions are its work, and not ours.
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vendgate/vendgate/connect/manager"
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
		Capabilities: &mcp.ServerCapabilities{},
	})
	s.addTools(server)
	s.handler = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless:           true,
		JSONResponse:        true,
		MaxRequestBodyBytes: maxBody,
		// It protects servers that ask for no key. Behind a proxy on the same machine it would refuse every call.
		DisableLocalhostProtection: true,
	})
	return s
}

const instructions = `Connects the user's accounts with third-party apps. Find the app with search_apps, make a link with create_connection_link, give the link
to the user, and ask check_connection_status until the connection is active. Credentials never pass through here: the user enters them on the page behind the link.`

// callKey carries the caller of an HTTP request to the tools.
type callKey struct{}

type call struct {
	manager.Caller
	origin string
}

// Serve answers one HTTP request for a caller that was authenticated, identified and paid for. origin is where end users reach us.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, c manager.Caller, origin string) {
	if r.ContentLength > maxBody {
		vending.WriteError(w, vending.Refuse(vending.RequestTooLarge, ""), nil)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, call{c, origin})))
}

// callOf returns the call that a tool serves.
func callOf(ctx context.Context) (call, error) {
	c, ok := ctx.Value(callKey{}).(call)
	if !ok {
		return call{}, errors.New("the call has no caller")
	}
	return c, nil
}
