package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Base is where the Platform API is served.
const Base = connect.APIBase

// Endpoint is one kind of call.
type Endpoint struct {
	Method string
	// Pattern is the path under Base: a segment in braces takes any value, `/connections/{id}/token`.
	Pattern string
	// Needs is the capability; empty means none.
	Needs policy.Capability
	// Public says that no tenant key is asked for.
	Public bool
	// ForUser says that the call names an end user.
	ForUser bool
	// ByURL says that the path itself says which tenant calls, as `{token}`: the call acts as the
	// tenant's own account.
	ByURL bool
	// ForCallerKeys says that a caller key will do as well: what is answered is the catalog's alone.
	ForCallerKeys bool
	// Vends says that it spends the token budget, not the api budget.
	Vends bool

	serve func(*API, *Call) error
}

// Call is one call with what is known of it.
type Call struct {
	W      http.ResponseWriter
	R      *http.Request
	Caller manager.Caller
	// Origin is scheme and host under which the caller's end users reach us.
	Origin string
	// Params are the values of the pattern's braces, decoded.
	Params map[string]string
}

// Endpoints are all there are, in the order of the documentation; GET and DELETE of the MCP server
// are among them, which it refuses with 405 as clients expect (MCP 2025-06-18, streamable HTTP). Of
// two patterns that match, the earlier counts.
var Endpoints = []Endpoint{
	{Method: "GET", Pattern: "/apps", Needs: policy.CapApps, serve: (*API).listApps},
	{Method: "GET", Pattern: "/apps/{app}", Needs: policy.CapApps, ForCallerKeys: true, serve: (*API).getApp},
	{Method: "POST", Pattern: "/connections/request-link", Needs: policy.CapConnections, ForUser: true,
		serve: (*API).requestLink},
	{Method: "POST", Pattern: "/connections/{id}/request-link", Needs: policy.CapConnections, ForUser: true,
		serve: (*API).refreshLink},
	{Method: "GET", Pattern: "/connections", Needs: policy.CapConnections, ForUser: true, serve: (*API).listConnections},
	{Method: "GET", Pattern: "/connections/{id}", Needs: policy.CapConnections, ForUser: true,
		serve: (*API).getConnection},
	{Method: "POST", Pattern: "/connections/{id}/token", Needs: policy.CapToken, ForUser: true, Vends: true,
		serve: (*API).vendToken},
	{Method: "DELETE", Pattern: "/connections/{id}", Needs: policy.CapDelete, ForUser: true,
		serve: (*API).deleteConnection},
	{Method: "PUT", Pattern: "/connections/{id}/holds/{name}", Needs: policy.CapConnections, ForUser: true,
		serve: (*API).placeHold},
	{Method: "DELETE", Pattern: "/connections/{id}/holds/{name}", Needs: policy.CapConnections, ForUser: true,
		serve: (*API).releaseHold},
	{Method: "POST", Pattern: "/mcp", ForUser: true, serve: (*API).agent},
	{Method: "GET", Pattern: "/mcp", ForUser: true, serve: (*API).agent},
	{Method: "DELETE", Pattern: "/mcp", ForUser: true, serve: (*API).agent},
	{Method: "POST", Pattern: "/mcp/{token}", ByURL: true, serve: (*API).agent},
	{Method: "GET", Pattern: "/mcp/{token}", ByURL: true, serve: (*API).agent},
	{Method: "DELETE", Pattern: "/mcp/{token}", ByURL: true, serve: (*API).agent},
	{Method: "GET", Pattern: "/openapi.json", Public: true, serve: (*API).describeItself},
}

// Serve answers a call of e. An error was not answered yet.
func (e Endpoint) Serve(a *API, c *Call) error { return e.serve(a, c) }

// maxParam bounds each value in a path, decoded, in bytes: as much as the gateway takes of a
// connection id.
const maxParam = 512

// Find returns the endpoint of a method and an escaped path under Base, and the values in the path.
func Find(method, path string) (Endpoint, map[string]string, error) {
	segments := strings.Split(path, "/")
	known := false
	for _, e := range Endpoints {
		params, ok, err := match(strings.Split(e.Pattern, "/"), segments)
		switch {
		case !ok:
			continue
		case e.Method != method:
			known = true
			continue
		case err != nil:
			return Endpoint{}, nil, err
		}
		return e, params, nil
	}
	if known {
		return Endpoint{}, nil, vending.Refuse(vending.InvalidRequest, "the endpoint does not support this method")
	}
	return Endpoint{}, nil, vending.Refuse(vending.InvalidRequest, "no such endpoint")
}

func match(pattern, segments []string) (params map[string]string, ok bool, err error) {
	if len(pattern) != len(segments) {
		return nil, false, nil
	}
	for i, p := range pattern {
		name, isParam := strings.CutPrefix(p, "{")
		switch {
		case !isParam && p != segments[i], isParam && segments[i] == "":
			return nil, false, nil
		case !isParam:
			continue
		}
		name = strings.TrimSuffix(name, "}")
		value, bad := url.PathUnescape(segments[i])
		switch {
		case bad != nil:
			err = vending.Refuse(vending.InvalidRequest, name+": is not percent-encoded correctly")
		case len(value) > maxParam:
			err = vending.Refuse(vending.InvalidRequest, fmt.Sprintf("%s: may have at most %d bytes", name, maxParam))
		}
		if params == nil {
			params = make(map[string]string, 2)
		}
		params[name] = value
	}
	return params, true, err
}
