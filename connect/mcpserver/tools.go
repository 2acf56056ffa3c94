package mcpserver

import (
	"context"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func (s *Server) addTools(server *mcp.Server) {
	addTool(s, server, policy.CapApps, true, &mcp.Tool{
		Name: "search_apps", Title: "Search apps",
		Description: "Finds apps that can be connected, by name, best match first.",
	}, s.searchApps)
	addTool(s, server, policy.CapConnections, true, &mcp.Tool{
		Name: "list_connections", Title: "List connections",
		Description: "Lists the user's connections, newest first, with their status.",
	}, s.listConnections)
	addTool(s, server, policy.CapConnections, false, &mcp.Tool{
		Name: "create_connection_link", Title: "Create a connection link",
		Description: "Creates a link through which the user authorizes an app. Give the link to the user: it works once, " +
			"for 48 hours.",
	}, s.createLink)
	addTool(s, server, policy.CapConnections, true, &mcp.Tool{
		Name: "check_connection_status", Title: "Check a connection's status",
		Description: "Reports whether a connection is pending, active, rejected or expired, and whether the user must " +
			"connect again.",
	}, s.checkStatus)
}

// addTool adds a tool that a key with the capability may call. Its errors reach the agent as the
// codes of the Platform API; what only an operator can fix goes to the log.
func addTool[In, Out any](s *Server, server *mcp.Server, needs policy.Capability, readOnly bool, tool *mcp.Tool,
	run func(context.Context, call, In) (Out, error)) {
	no := false
	tool.Annotations = &mcp.ToolAnnotations{ReadOnlyHint: readOnly, OpenWorldHint: &no, DestructiveHint: &no}
	mcp.AddTool(server, tool, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		var out Out
		c, err := callOf(ctx)
		switch {
		case err != nil:
			return nil, out, err
		case !c.Tenant.Can(needs):
			err = vending.Refuse(vending.CapabilityDisabled, "")
		default:
			out, err = run(ctx, c, in)
		}
		if err == nil {
			return nil, out, nil
		}
		e := vending.AsError(err)
		if e.Code == vending.InternalError && ctx.Err() == nil {
			s.log.Error("mcp tool failed", "tool", tool.Name, "tenant", c.Tenant.ID, "error", err)
		}
		return nil, out, fmt.Errorf("%s: %s", e.Code, e.Text())
	})
}

type searchIn struct {
	Query string `json:"query,omitempty" jsonschema:"words of the app's name; empty for all apps"`
	Page  int    `json:"page,omitempty" jsonschema:"page of the result, from 1"`
	Limit int    `json:"limit,omitempty" jsonschema:"apps per page, 1 to 100; 20 by default"`
}

type appOut struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	AuthType   string   `json:"auth_type"`
	Categories []string `json:"categories"`
}

type appsOut struct {
	Apps  []appOut `json:"apps"`
	Total int      `json:"total"`
}

func (s *Server) searchApps(_ context.Context, c call, in searchIn) (appsOut, error) {
	found, total, err := s.manager.Apps(c.Caller, in.Query, in.Page, in.Limit)
	out := appsOut{Apps: []appOut{}, Total: total}
	for _, a := range found {
		out.Apps = append(out.Apps, appOut{a.Slug, a.Name, a.AuthType, append([]string{}, a.Categories...)})
	}
	return out, err
}

type listIn struct {
	AppID string `json:"app_id,omitempty" jsonschema:"only connections of this app"`
	Page  int    `json:"page,omitempty" jsonschema:"page of the result, from 1"`
	Limit int    `json:"limit,omitempty" jsonschema:"connections per page, 1 to 100; 20 by default"`
}

type connectionOut struct {
	ID                string            `json:"id"`
	Name              string            `json:"name"`
	AppID             string            `json:"app_id"`
	AppName           string            `json:"app_name"`
	Status            string            `json:"status"`
	NeedsReconnection bool              `json:"needs_reconnection"`
	RefreshPending    bool              `json:"refresh_pending"`
	Verified          bool              `json:"verified" jsonschema:"the provider issued or accepted the credentials"`
	Fields            map[string]string `json:"fields" jsonschema:"values that are not secret, such as the account's host"`
	ExpiresAt         *time.Time        `json:"expires_at,omitempty" jsonschema:"when the pending link ends"`
}

type connectionsOut struct {
	Connections []connectionOut `json:"connections"`
	Total       int             `json:"total"`
}

func (s *Server) describe(ctx context.Context, c connect.Connection) connectionOut {
	return connectionOut{
		ID: c.ID, Name: c.Name, AppID: c.App, AppName: s.manager.AppName(c.App), Status: string(c.Status),
		NeedsReconnection: c.NeedsReconnection, RefreshPending: c.RefreshPending, Verified: c.Verified,
		Fields:    s.manager.OpenFields(ctx, c),
		ExpiresAt: manager.LinkExpiry(c),
	}
}

func (s *Server) listConnections(ctx context.Context, c call, in listIn) (connectionsOut, error) {
	found, total, err := s.manager.Connections(ctx, c.Caller,
		manager.Filter{App: in.AppID, Page: in.Page, Limit: in.Limit})
	out := connectionsOut{Connections: []connectionOut{}, Total: total}
	for _, one := range found {
		out.Connections = append(out.Connections, s.describe(ctx, one))
	}
	return out, err
}

type linkIn struct {
	AppID string `json:"app_id" jsonschema:"id of the app, from search_apps"`
	Name  string `json:"name" jsonschema:"what to call the connection; the user sees it"`
}

type linkOut struct {
	ConnectionID string    `json:"connection_id"`
	RequestLink  string    `json:"request_link" jsonschema:"the link to give to the user"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func (s *Server) createLink(ctx context.Context, c call, in linkIn) (linkOut, error) {
	link, err := s.manager.RequestLink(ctx, c.Caller, in.AppID, in.Name)
	if err != nil {
		return linkOut{}, err
	}
	return linkOut{link.Connection.ID, c.origin + connect.LinkPath(link.Token.Reveal()),
		link.ExpiresAt.Truncate(time.Second)}, nil
}

type statusIn struct {
	ConnectionID string `json:"connection_id"`
}

func (s *Server) checkStatus(ctx context.Context, c call, in statusIn) (connectionOut, error) {
	found, err := s.manager.Connection(ctx, c.Caller, in.ConnectionID)
	if err != nil {
		return connectionOut{}, err
	}
	return s.describe(ctx, found), nil
}
